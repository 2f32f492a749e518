package rewrite

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/maypok86/otter/v2"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// Env is what besides its text decides how a statement is planned. It must
// not change after it was first used.
type Env struct {
	Snapshot *catalog.Snapshot
	Policy   *policy.Policy
	// SearchPath are the schemas that are searched, as current_schemas(true) gives them.
	SearchPath []string
	// User is the current user.
	User  string
	Roles policy.RoleSet
	// BackslashStrings says that standard_conforming_strings is off. The grammar
	// reads strings the standard way, so statements that reach something
	// protected are refused then.
	BackslashStrings bool
	// Copies says that the caller carries out what Plan.Copy asks for, Commands
	// that it carries out Plan.Prepared and Plan.Cursor. Without them COPY, and
	// PREPARE and DECLARE, over a protected relation are refused: sent as they
	// are, they would carry values in clear.
	Copies, Commands bool
	// Overlays says that the caller looks at what Plan.Made says, and that
	// Snapshot has the session's own relations. Without it SELECT INTO, CREATE
	// TABLE AS and CREATE VIEW over a protected relation are refused.
	Overlays bool
	// Steps says that the caller runs Plan.Steps. Without it a statement that
	// needs one is refused.
	Steps bool

	// Evaluator says which expressions over constants the caller computes: those
	// in Piece.Constant and Param.Constant. With nil they are refused.
	Evaluator Evaluator

	once sync.Once
	sum  [16]byte
}

// digest identifies the Env in cache keys.
func (e *Env) digest() [16]byte {
	e.once.Do(func() {
		h := sha256.New()
		fmt.Fprintf(h, "%q %q %q %v %t %t %t %t %t %t",
			e.Snapshot.Version, e.Policy.Version, e.SearchPath, e.Roles, e.BackslashStrings, e.Copies, e.Commands, e.Overlays, e.Steps, e.Evaluator != nil)
		copy(e.sum[:], h.Sum(nil))
	})
	return e.sum
}

// Compiler plans statements and remembers the plans. Any number of goroutines
// may use it.
type Compiler struct {
	plans *otter.Cache[planKey, *variants]
}

type planKey struct {
	shape  [2]uint64
	env    [16]byte
	params [16]byte
}

// variants are the plans of one shape. There is more than one where a literal
// decides: each remembers the literals that it was made for.
type variants struct {
	mu   sync.RWMutex
	list []*variant
}

type variant struct {
	pins  []pin
	kinds []kindPin
	plan  *Plan
}

// pin is a literal that the plan depends on: on its text, or only on what
// decides its type.
type pin struct {
	slot int
	text string
	// class says that text is what classOf says of the literal, behind a minus
	// sign if negative.
	class, negative bool
}

// maxVariants bounds the plans of one shape; the oldest goes first.
const maxVariants = 64

// New returns a Compiler that keeps the plans of up to size shapes.
func New(size int) *Compiler {
	return &Compiler{plans: otter.Must(&otter.Options[planKey, *variants]{MaximumSize: size})}
}

// Plan returns the plan for a statement of sql, whose Reaches flag is set.
// paramOIDs are the parameter types that the client declared, nil in the
// simple protocol. It never returns nil: what cannot be planned is refused.
func (c *Compiler) Plan(env *Env, sql []byte, st *shape.Statement, paramOIDs []uint32) *Plan {
	key := planKey{shape: st.Hash, env: env.digest(), params: paramDigest(paramOIDs)}
	vs, ok := c.plans.GetIfPresent(key)
	if ok {
		if plan := vs.find(sql, st); plan != nil {
			return plan
		}
	} else {
		vs, _ = c.plans.SetIfAbsent(key, &variants{})
	}
	v := compile(env, sql, st, paramOIDs)
	if v.plan.Refusal != nil && v.plan.Refusal.Code == pgerr.CannotParse {
		return v.plan // what is no SQL is told with its own spelling and place
	}
	return vs.add(v)
}

func (vs *variants) find(sql []byte, st *shape.Statement) *Plan {
	vs.mu.RLock()
	defer vs.mu.RUnlock()
	for _, v := range vs.list {
		if v.fits(sql, st) {
			return v.plan
		}
	}
	return nil
}

func (v *variant) fits(sql []byte, st *shape.Statement) bool {
	for _, p := range v.pins {
		s := &st.Slots[p.slot]
		if p.class && classOf(sql, s, p.negative) != p.text || !p.class && string(sql[s.Start:s.End]) != p.text {
			return false
		}
	}
	for _, p := range v.kinds {
		if slotKinds(sql, &st.Slots[p.slot], p.column) != p.kinds {
			return false
		}
	}
	return true
}

// add keeps a plan, and returns it or the one that another session made of the
// same meanwhile.
func (vs *variants) add(v *variant) *Plan {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	for _, known := range vs.list {
		if slices.Equal(known.pins, v.pins) && slices.Equal(known.kinds, v.kinds) {
			return known.plan
		}
	}
	if len(vs.list) == maxVariants {
		vs.list = slices.Delete(vs.list, 0, 1)
	}
	vs.list = append(vs.list, v)
	return v.plan
}

func paramDigest(oids []uint32) (sum [16]byte) {
	if len(oids) == 0 {
		return sum
	}
	b := make([]byte, 0, 4*len(oids))
	for _, oid := range oids {
		b = binary.BigEndian.AppendUint32(b, oid)
	}
	full := sha256.Sum256(b)
	copy(sum[:], full[:])
	return sum
}
