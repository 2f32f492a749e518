package proxy

import (
	"sync"

	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// statement is a prepared statement, as the client knows it.
type statement struct {
	name string
	// made says that SQL PREPARE made it. Its sql is that of PREPARE, prepare the
	// plan of that, and plan that of the statement inside.
	made    bool
	prepare *rewrite.Plan
	// of is the statement that an EXECUTE was planned for.
	of *statement
	// seq is the number of its Parse, or of the frame with its PREPARE.
	seq uint64
	// sql is the client's text and oids the types it declared, kept because the
	// catalog or the role may change before the statement is bound.
	sql  []byte
	oids []uint32
	// effect is what running it changes.
	effect effect
	// seen is the state under which it was found to need no plan, or planned.
	seen *state
	// plan is nil for a statement that is forwarded; ctx is what it was planned in.
	plan *rewrite.Plan
	ctx  *planning
	// steps are the descriptions of the plan's steps.
	steps []*stepAnswer
	reg   *registry
	// prev is the statement of that name that stays if the Parse fails.
	prev *statement
}

// portal is a statement with its parameters, or a cursor, which has no stmt.
type portal struct {
	name string
	seq  uint64
	stmt *statement
	// run is nil for a portal of a statement without a plan.
	run *run
	// waiting is what is bound once the plan's steps have run, nil for nothing.
	waiting *wire.Bind
	// hold says that it is a cursor WITH HOLD, which outlives its transaction.
	hold bool
	// reads is what a FETCH or MOVE was bound for.
	reads *portal
	reg   *registry
	prev  *portal
}

// effect is what running a statement may change for the session.
type effect struct {
	flags shape.Flags
	// drops says that prepared statements go: all of them, or the named one.
	drops    dropKind
	dropName string
	// naming is what it does to names, nil for nothing.
	naming *naming
	// makes says that it makes a relation that must be looked at, see Plan.Made.
	makes bool
}

type dropKind uint8

const (
	dropNothing dropKind = iota
	dropNamed
	dropAll
)

// lasting reports whether anything must be watched or remembered.
func (e *effect) lasting() bool {
	return e.flags&(rewrite.ChangesSettings|rewrite.ChangesCatalog|endsTransaction) != 0 || e.drops != dropNothing || e.naming.changes() || e.makes
}

// registry holds the prepared statements and portals of a session. The
// client's side writes a name when it sends Parse or Bind, as if that had
// succeeded; the server's side takes it back when it did not.
type registry struct {
	mu         sync.Mutex
	statements map[string]*statement
	portals    map[string]*portal
	// planned counts the statements that have a plan, gone ones included.
	planned int
	// prepares says that SQL prepared something protected, or tried to.
	prepares bool
}

func newRegistry() *registry {
	return &registry{statements: map[string]*statement{}, portals: map[string]*portal{}}
}

func (r *registry) addStatement(st *statement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st.reg, st.prev = r, r.statements[st.name]
	r.statements[st.name] = st
	if st.plan != nil {
		r.planned++
	}
}

func (r *registry) statement(name []byte) *statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.statements[string(name)]
}

// planHeld reports whether a statement or portal with a plan, or one that was not
// confirmed yet, may be known to SQL by this name.
func (r *registry) planHeld(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for st := r.statements[name]; st != nil; st = st.prev {
		if st.plan != nil {
			return true
		}
	}
	for p := r.portals[name]; p != nil; p = p.prev {
		if p.run != nil {
			return true
		}
	}
	return false
}

// dropStatement forgets a statement that the server dropped.
func (r *registry) dropStatement(name string, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if st := r.statements[name]; st != nil && st.seq <= seq {
		delete(r.statements, name)
	}
}

// dropStatements forgets all statements that were prepared before seq.
func (r *registry) dropStatements(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, st := range r.statements {
		if name != "" && st.seq <= seq {
			delete(r.statements, name)
		}
	}
}

// undo takes back a statement whose Parse failed or was skipped.
func (st *statement) undo() {
	r := st.reg
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	top := r.statements[st.name]
	switch {
	case top != st:
		for ; top != nil; top = top.prev {
			if top.prev == st {
				top.prev = st.prev
				return
			}
		}
	case st.prev != nil:
		r.statements[st.name] = st.prev
	default:
		delete(r.statements, st.name)
	}
}

// commit notes that the server has the statement.
func (st *statement) commit() {
	if st.reg == nil {
		return
	}
	st.reg.mu.Lock()
	st.prev = nil
	st.reg.mu.Unlock()
}

// addPortal notes a portal. One that is forwarded is only noted where it hides
// another or has an effect.
func (r *registry) addPortal(p *portal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.reg, p.prev = r, r.portals[p.name]
	r.portals[p.name] = p
}

func (r *registry) portal(name []byte) *portal {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.portals[string(name)]
}

func (r *registry) dropPortal(name string, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.portals[name]; p != nil && p.seq <= seq {
		delete(r.portals, name)
	}
}

// endTransaction forgets the portals of a transaction that is over.
func (r *registry) endTransaction(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, p := range r.portals {
		if p.seq <= seq && !p.hold {
			delete(r.portals, name)
		}
	}
}

// undo takes back a portal whose Bind failed or was skipped.
func (p *portal) undo() {
	r := p.reg
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	top := r.portals[p.name]
	switch {
	case top != p:
		for ; top != nil; top = top.prev {
			if top.prev == p {
				top.prev = p.prev
				return
			}
		}
	case p.prev != nil:
		r.portals[p.name] = p.prev
	default:
		delete(r.portals, p.name)
	}
}

// commit notes that the server has the portal.
func (p *portal) commit() {
	if p.reg == nil {
		return
	}
	p.reg.mu.Lock()
	p.prev = nil
	p.reg.mu.Unlock()
}

// hasPlanned reports whether there ever was a statement with a plan.
func (r *registry) hasPlanned() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.planned > 0
}
