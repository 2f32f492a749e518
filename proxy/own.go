package proxy

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// Some relations only one session sees: temporary ones, and permanent ones
// between the statement that makes them and the commit. The service user cannot
// be asked what they are, so a probe tells, on the session's own connection,
// whenever the catalog of the session may have changed. What it tells lies over
// the snapshot of the database.
//
// What the columns of a temporary table hold that was made of a query, the
// server does not know. The session remembers it by the table's OID. That is
// found out right behind the statement, before anything else is sent, while
// the name can only mean the table that was just made.

// owning is what a session knows of its own relations. Only the client's side
// uses it.
type owning struct {
	// sealed are, by OID, what the columns of temporary tables hold.
	sealed map[uint32][]*catalog.Protected
	// changed are permanent relations that the open transaction has made or changed.
	changed []uint32
	// madeAt is the number of the frame with a statement that makes something to
	// be looked at, 0 for none.
	madeAt uint64
	// overlay is the state of the database as this session sees it.
	overlay, of *state
	as          *identity
}

// guarded reports whether names may lead to sealed values that the snapshot of
// the database knows nothing of.
func (o *owning) guarded() bool { return len(o.sealed) > 0 || len(o.changed) > 0 }

// now returns the state to recognise statements by, as the session sees it.
func (s *session) now() *state { return s.overlaid(s.db.now()) }

// overlaid returns the state with the session's own relations over it, as they
// were told last.
func (s *session) overlaid(base *state) *state {
	o, id := &s.asks.own, s.asks.identity
	switch {
	case base.snap == nil || id == nil || len(id.Own) == 0:
		return base
	case o.of == base && o.as == id:
		return o.overlay
	}
	own := slices.Clone(id.Own)
	for i := range own {
		o.describe(&own[i], base.snap)
	}
	snap := base.snap.Overlay(own)
	o.of, o.as = base, id
	o.overlay = &state{db: base.db, snap: snap, pol: base.pol, matcher: rewrite.OwnMatcher(base.matcher, snap), columns: base.columns}
	return o.overlay
}

// describe fills in what the columns of a temporary table hold.
func (o *owning) describe(r *catalog.Own, snap *catalog.Snapshot) {
	sealed, ok := o.sealed[r.OID]
	if !ok {
		return
	}
	r.Sealed = make([]*catalog.Protected, len(sealed))
	for i, p := range sealed {
		if p == nil {
			continue
		}
		if r.Sealed[i] = snap.Current(p); r.Sealed[i] == nil {
			r.Tainted = "it holds values of " + p.Column.String() + ", which is not protected any more as it was when the table was filled"
		}
	}
}

// made notes what a statement has made, which the server gave this OID, 0 for none.
func (o *owning) made(m *rewrite.Made, oid uint32, before []catalog.Own) {
	known := slices.ContainsFunc(before, func(r catalog.Own) bool { return r.OID == oid })
	switch {
	case oid == 0:
	case m.Sealed != nil && !known: // else there was one, and IF NOT EXISTS left it
		if o.sealed == nil {
			o.sealed = map[uint32][]*catalog.Protected{}
		}
		o.sealed[oid] = m.Sealed
	case !m.Temporary && m.Sealed == nil:
		o.changed = append(o.changed, oid)
	}
}

// committed forgets what is gone for good, between transactions. Permanent
// relations are in the snapshot of the database by now. It returns what is left.
func (o *owning) committed(own []catalog.Own) []catalog.Own {
	o.changed = nil
	own = slices.DeleteFunc(own, func(r catalog.Own) bool { return !catalog.IsTemporary(r.Schema) })
	for oid := range o.sealed {
		if !slices.ContainsFunc(own, func(r catalog.Own) bool { return r.OID == oid }) {
			delete(o.sealed, oid)
		}
	}
	return own
}

// settleOwn makes sure that the session's own relations are known before the
// next frame is read, where they may hold sealed values.
func (s *session) settleOwn(ctx context.Context) (readiness, *pgerr.Error) {
	o := &s.asks.own
	if o.madeAt != 0 {
		if !s.waitFor(o.madeAt) {
			return skipped, nil
		}
		if s.made.Load() == nil {
			o.madeAt = 0 // it has failed
		}
	}
	if o.madeAt == 0 && (!o.guarded() || !s.settleSettings() || !s.stale()) {
		return ready, nil
	}
	r, refusal := s.readyToPlan(ctx)
	if r == aborted {
		// What a failed transaction has made is gone.
		s.made.Store(nil)
		o.madeAt = 0
		return ready, nil
	}
	return r, refusal
}

// probeParams are the parameters of a probe, see catalog.OwnSQL.
func (s *session) probeParams() [][]byte {
	var oids []string
	for _, oid := range s.asks.own.changed {
		oids = append(oids, strconv.FormatUint(uint64(oid), 10))
	}
	schema, name := "", ""
	if m := s.made.Load(); m != nil {
		schema, name = m.Schema, m.Name
		if m.Temporary {
			schema = "pg_temp"
		}
	}
	return [][]byte{[]byte("{" + strings.Join(oids, ",") + "}"), []byte(schema), []byte(name)}
}

// outdated reports whether a portal or cursor would be read by a policy that is
// not in force any more.
func (p *portal) outdated() bool {
	return p != nil && p.run != nil && p.run.planning.state.pol != p.run.planning.state.db.Policy()
}

func policyChangedError() *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.PlanChanged,
		Message: "the policy has changed since the portal or cursor was opened",
		Detail:  "What its rows show, and to whom, may be decided in another way now.",
		Hint:    "Run the query again.",
	}
}

func madeInMessageError() *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.SettingsInMessage,
		Message: "cannot go on in one message behind a statement that makes a table or view over a protected table",
		Detail:  "What the new relation holds is only known when the statement has run.",
		Hint:    "Send what follows in a message of its own.",
	}
}
