package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/eval"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// Some of what a statement means PostgreSQL never reports by itself: the
// current user, its memberships, the search path, two settings of output, and
// the relations that only this session sees.
// Before it plans, a session asks for them on the client's own connection, in
// the extended protocol, with names of its own, so that it disturbs neither
// the client's unnamed statement and portal nor its pipeline. The answers stay
// here. It asks again only when they may have changed.
//
// One trace is left: behind a probe in a pipeline, what PostgreSQL only runs as
// the first of a pipeline (VACUUM, DISCARD ALL) is refused by it.

// probeName names pgveil's statement and portal. A client that uses it too
// finds its own gone.
const probeName = "pgveil probe"

// probeTTL is how long the memberships of a user are relied on.
const probeTTL = 30 * time.Second

// probeSQL returns the text of a probe. Every name is qualified, operators too:
// the search path may hold others.
func probeSQL() []byte {
	return []byte(`SELECT pg_catalog.json_build_object(
 'user', current_user,
 'path', pg_catalog.current_schemas(true),
 'bytea_output', pg_catalog.current_setting('bytea_output'),
 'extra_float_digits', pg_catalog.current_setting('extra_float_digits'),
 'own', ` + catalog.OwnSQL() + `,
 'made', ` + catalog.MadeSQL() + `,
 'member_of', ARRAY(
  WITH RECURSIVE m(oid) AS (
   SELECT a.roleid FROM pg_catalog.pg_auth_members a, pg_catalog.pg_roles r
   WHERE r.rolname OPERATOR(pg_catalog.=) current_user AND a.member OPERATOR(pg_catalog.=) r.oid
   UNION
   SELECT a.roleid FROM pg_catalog.pg_auth_members a, m WHERE a.member OPERATOR(pg_catalog.=) m.oid)
  SELECT r.rolname FROM pg_catalog.pg_roles r, m WHERE r.oid OPERATOR(pg_catalog.=) m.oid))`)
}

// identity is what a probe tells. It is immutable.
type identity struct {
	User             string   `json:"user"`
	Path             []string `json:"path"`
	MemberOf         []string `json:"member_of"`
	ByteaOutput      string   `json:"bytea_output"`
	ExtraFloatDigits string   `json:"extra_float_digits"`
	// Own are the relations that only the session sees. Made is the OID of the one
	// that was asked for, which is not part of the identity.
	Own  []catalog.Own `json:"own"`
	Made uint32        `json:"made"`

	floatDigits int
}

// probe collects the answer of one probe. The server's side fills it before
// the probe's last entry is answered.
type probe struct {
	row []byte
	// state and message are those of the error that came instead.
	state, message string
	// shown says that the error is the client's to see, in answer to its frame.
	shown bool
}

func (p *probe) read() (*identity, error) {
	var id identity
	if err := json.Unmarshal(p.row, &id); err != nil {
		return nil, fmt.Errorf("reading the answer of a probe: %w", err)
	}
	digits, err := strconv.Atoi(id.ExtraFloatDigits)
	if err != nil {
		return nil, fmt.Errorf("reading extra_float_digits: %w", err)
	}
	id.floatDigits = digits
	return &id, nil
}

// planning is what statements are planned in: a state of the database, and who
// asks. It is immutable, so two plans made in one planning agree.
type planning struct {
	state *state
	id    *identity
	env   *rewrite.Env
	// shared is env without the session's own relations, nil where there are
	// none: what names none of them is planned alike in all sessions.
	shared *rewrite.Env
}

// envFor returns what a statement is planned in.
func (p *planning) envFor(stmt *shape.Statement) *rewrite.Env {
	if p.shared == nil || stmt.Flags&rewrite.NamesOwn != 0 {
		return p.env
	}
	return p.shared
}

// forms returns the settings that text forms depend on.
func (p *planning) forms(s *settings) *canon.Settings {
	c := s.canon
	c.ByteaOutput, c.ExtraFloatDigits = p.id.ByteaOutput, &p.id.floatDigits
	return &c
}

// readiness is whether a session can plan now.
type readiness uint8

const (
	// refused says that it cannot, with the reason.
	refused readiness = iota
	// ready says that it can.
	ready
	// aborted says that the transaction has failed, so that the server's own
	// error is the right answer.
	aborted
	// skipped says that the server ignores whatever is sent up to the next Sync.
	skipped
)

// readyToPlan makes sure that the session's planning is current. It may wait
// for the server.
func (s *session) readyToPlan(ctx context.Context) (readiness, *pgerr.Error) {
	if !s.waitSettled() {
		return skipped, nil
	}
	set := s.settings.Load()
	if set.encoding != "UTF8" && set.encoding != "SQL_ASCII" {
		return refused, badEncoding(set.encoding)
	}
	base, refusal := s.db.fresh(ctx)
	if refusal != nil {
		return refused, refusal
	}
	a := &s.asks
	if s.stale() || a.own.madeAt != 0 {
		if r, refusal := s.ask(); r != ready {
			return r, refusal
		}
	}
	st := s.overlaid(base)
	if a.planning == nil || a.planning.state != st || a.planning.id != a.identity ||
		a.planning.env.BackslashStrings != set.backslash {
		a.planning = s.newPlanning(st, a.identity)
	}
	return ready, nil
}

// waitSettled waits for what is under way and may change settings that the
// server reports, or the catalog.
func (s *session) waitSettled() bool {
	if !s.settleSettings() || !s.regroup() {
		return false
	}
	if ddl := s.ddl.Load(); ddl != 0 && !s.asks.open {
		return s.waitFor(s.queue.last())
	}
	return true
}

func (s *session) newPlanning(st *state, id *identity) *planning {
	p := &planning{state: st, id: id, env: s.newEnv(st.snap, st.pol, id)}
	if base := s.asks.own.of; st == s.asks.own.overlay && base != nil {
		p.shared = s.newEnv(base.snap, st.pol, id)
		p.shared.SearchPath = slices.DeleteFunc(slices.Clone(id.Path), catalog.IsTemporary)
	}
	return p
}

func (s *session) newEnv(snap *catalog.Snapshot, pol *policy.Policy, id *identity) *rewrite.Env {
	return &rewrite.Env{
		Snapshot:         snap,
		Policy:           pol,
		SearchPath:       id.Path,
		User:             id.User,
		Roles:            pol.RolesOf(policy.Identity{User: id.User, MemberOf: id.MemberOf}),
		BackslashStrings: s.settings.Load().backslash,
		Copies:           true,
		Commands:         true,
		Overlays:         true,
		Steps:            true,
		Evaluator:        eval.Registry{},
	}
}

// stale reports whether what the last probe told may have changed.
func (s *session) stale() bool {
	a := &s.asks
	if a.dirty || a.identity == nil || time.Since(a.probedAt) > probeTTL {
		return true
	}
	_, _, errors := s.queue.state()
	return a.touched && (a.moved || errors != a.errors)
}

// ask probes the server and waits for its answer.
func (s *session) ask() (readiness, *pgerr.Error) {
	if s.asks.open {
		// In the midst of a group an error would make the server skip, which it
		// does not do after every error. So none may come: all that is under way is
		// waited for, and the transaction is known.
		if !s.waitFor(s.queue.last()) || s.queue.isSkipping() {
			return skipped, nil
		}
	}
	status, quiet, _ := s.queue.state()
	if quiet && status == wire.Failed && !s.asks.ended {
		return aborted, nil
	}
	p := &probe{shown: s.asks.open}
	last, err := s.sendProbe(p)
	if err != nil || !s.queue.waitAnswered(last) {
		return skipped, nil
	}
	switch {
	case p.state != "" && p.shown, p.state == "" && p.row == nil:
		return skipped, nil
	case p.state == stateInFailed:
		return aborted, nil
	case p.state != "":
		return refused, &pgerr.Error{State: p.state, Code: pgerr.ProbeFailed, Message: p.message}
	}
	id, err := p.read()
	if err != nil {
		return refused, probeUnreadable(err)
	}
	s.probed(id)
	return ready, nil
}

// stateInFailed is the SQLSTATE of a command in a failed transaction.
const stateInFailed = "25P02"

// probed notes the answer of a probe.
func (s *session) probed(id *identity) {
	a := &s.asks
	status, quiet, errors := s.queue.state()
	a.dirty, a.moved, a.errors, a.probedAt = false, false, errors, time.Now()
	if made := s.made.Swap(nil); made != nil {
		var before []catalog.Own
		if a.identity != nil {
			before = a.identity.Own
		}
		a.own.made(made, id.Made, before)
	}
	a.own.madeAt, id.Made = 0, 0
	if quiet && status == wire.Idle && !a.open { // in a group there is an implicit transaction
		a.touched = false
		id.Own = a.own.committed(id.Own)
	}
	if a.identity == nil || !a.identity.equal(id) {
		a.identity = id
	}
}

func (id *identity) equal(other *identity) bool {
	a, errA := json.Marshal(id)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// sendProbe sends a probe and returns the number of its last frame. Between
// the client's groups it ends with a Sync of its own; within one that would
// end the client's transaction, so there it is only flushed.
func (s *session) sendProbe(p *probe) (uint64, error) {
	name := []byte(probeName)
	frames := s.asks.frame[:0]
	for _, m := range []appender{
		&wire.Close{Kind: wire.KindStatement, Name: name},
		&wire.Parse{Name: name, SQL: s.db.probeSQL},
		&wire.Bind{Portal: name, Statement: name, Params: s.probeParams()},
		&wire.Execute{Portal: name},
		&wire.Close{Kind: wire.KindPortal, Name: name},
		&wire.Close{Kind: wire.KindStatement, Name: name},
	} {
		var err error
		if frames, err = m.Append(frames); err != nil {
			return 0, err
		}
	}
	open := s.asks.open
	var last uint64
	for _, kind := range []expectKind{
		expectClose, expectParse, expectBind, expectExecute, expectClose, expectClose,
	} {
		last = s.push(expect{kind: kind, own: true, probe: p})
	}
	end := byte(wire.TypeFlush)
	if !open {
		end = wire.TypeSync
		last = s.boundary(expect{kind: expectSync, own: true, probe: p})
	}
	frames, _ = wire.EndFrame(wire.BeginFrame(frames, end), len(frames)) // five bytes
	s.asks.frame = frames
	if err := s.write(frames); err != nil {
		return 0, err
	}
	return last, s.toServer.Flush()
}

func badEncoding(encoding string) *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.ClientEncoding,
		Message: fmt.Sprintf("protected tables cannot be used with client_encoding %q", encoding),
		Detail:  "Sealed values are sealed and shown as UTF-8.",
		Hint:    "SET client_encoding TO 'UTF8'.",
	}
}

func probeUnreadable(err error) *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateInternal,
		Code:    pgerr.ProbeFailed,
		Message: "pgveil could not find out the session's role and search path",
		Hint:    "Try again. If it lasts, see pgveil's log.",
		Cause:   err,
	}
}
