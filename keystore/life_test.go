package keystore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/keystore"
)

// life drives a keyset through any sequence of steps, in two processes, and
// compares with what a model of a few lines says.
type life struct {
	rig   *rig
	other *keystore.Store
	// states and keys are the model: what each data key is, and its bytes.
	states map[uint32]keystore.State
	keys   map[uint32]string
}

func newLife(t testing.TB) *life {
	r := newRig(t)
	l := &life{rig: r, other: r.another(t), states: map[uint32]keystore.State{1: keystore.Active}, keys: map[uint32]string{}}
	key, err := r.people.Data(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	l.keys[1] = bytesOf(t, key)
	return l
}

// store returns one of the two processes, at random.
func (l *life) store(t *rapid.T) *keystore.Store {
	if rapid.Bool().Draw(t, "other process") {
		return l.other
	}
	return l.rig.Store
}

func (l *life) version(t *rapid.T) uint32 {
	return rapid.Uint32Range(1, uint32(len(l.states))).Draw(t, "version")
}

func (l *life) add(t *rapid.T) {
	version, err := l.store(t).Add(context.Background(), "people", keystore.Data)
	if err != nil || version != uint32(len(l.states))+1 {
		t.Fatalf("Add = %d, %v, want %d", version, err, len(l.states)+1)
	}
	l.states[version] = keystore.Pending
}

func (l *life) move(t *rapid.T) {
	version := l.version(t)
	to := rapid.SampledFrom([]keystore.State{keystore.Pending, keystore.Active, keystore.Retiring, keystore.Retired, keystore.Destroyed}).Draw(t, "to")
	from := l.states[version]
	allowed := from == keystore.Pending && to == keystore.Active ||
		from == keystore.Retiring && to == keystore.Retired ||
		from == keystore.Retired && to == keystore.Retiring
	err := l.store(t).Move(context.Background(), "people", keystore.Data, version, to)
	if (err == nil) != allowed {
		t.Fatalf("Move of version %d from %s to %s = %v, want it allowed: %t", version, from, to, err, allowed)
	}
	if !allowed {
		return
	}
	if to == keystore.Active {
		for v, s := range l.states {
			if s == keystore.Active {
				l.states[v] = keystore.Retiring
			}
		}
	}
	l.states[version] = to
}

func (l *life) destroy(t *rapid.T) {
	version := l.version(t)
	allowed := l.states[version] == keystore.Retired
	err := l.store(t).Destroy(context.Background(), "people", keystore.Data, version, func(context.Context) error { return nil })
	if (err == nil) != allowed {
		t.Fatalf("Destroy of version %d, which is %s = %v, want it allowed: %t", version, l.states[version], err, allowed)
	}
	if allowed {
		l.states[version] = keystore.Destroyed
	}
}

func (l *life) pass(t *rapid.T) {
	l.rig.clock.advance(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
	l.rig.Sweep()
	l.other.Sweep()
}

// check compares both processes with the model.
func (l *life) check(t *rapid.T) {
	ctx := context.Background()
	for _, s := range []*keystore.Store{l.rig.Store, l.other} {
		if err := s.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		k := s.Keyset("people")
		active, _, err := k.Active(ctx)
		if err != nil || l.states[active] != keystore.Active {
			t.Fatalf("Active = %d, which is %s, %v", active, l.states[active], err)
		}
		for version, state := range l.states {
			l.checkData(t, k, version, state)
		}
	}
	if err := l.rig.Verify(ctx); err != nil {
		t.Fatalf("Verify = %v", err)
	}
}

// checkData checks that a version opens if its state says so, and always with
// the same key.
func (l *life) checkData(t *rapid.T, k *keystore.Keyset, version uint32, state keystore.State) {
	key, err := k.Data(context.Background(), version)
	if state == keystore.Retired || state == keystore.Destroyed {
		var e *pgerr.Error
		if !errors.As(err, &e) || e.Code != pgerr.KeyNotServed {
			t.Fatalf("Data(%d), %s = %v, want key-not-served", version, state, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("Data(%d), %s = %v", version, state, err)
	}
	err = key.Use(func(b []byte) error {
		if l.keys[version] == "" {
			l.keys[version] = string(b)
		}
		if l.keys[version] != string(b) {
			t.Fatalf("Data(%d), %s, is another key than before", version, state)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestStore_anyLife(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newLife(t)
		rt.Repeat(map[string]func(*rapid.T){
			"add": l.add, "move": l.move, "destroy": l.destroy, "time passes": l.pass, "": l.check,
		})
	})
}
