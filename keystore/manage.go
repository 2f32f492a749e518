package keystore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pgveil/pgveil/internal/secret"
)

// Info is what may be shown of a key.
type Info struct {
	Keyset    string
	Purpose   Purpose
	Version   uint32
	State     State
	Scheme    string
	Custodian string
	Created   time.Time
}

// List returns what is stored, by keyset, purpose and version, as the storage
// tells it: [Store.Verify] says whether that is true.
func (s *Store) List(ctx context.Context) ([]Info, error) {
	records, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, 0, len(records))
	for _, r := range records {
		infos = append(infos, Info{
			Keyset: r.Keyset, Purpose: r.Purpose, Version: r.Version, State: r.State,
			Scheme: r.Wrapped.Scheme, Custodian: r.Custodian, Created: r.Created,
		})
	}
	return infos, nil
}

// records reads the records in order.
func (s *Store) records(ctx context.Context) ([]Record, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	records, err := s.storage.Records(ctx)
	if err != nil {
		return nil, storageAway(err)
	}
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(strings.Compare(a.Keyset, b.Keyset), strings.Compare(string(a.Purpose), string(b.Purpose)),
			cmp.Compare(a.Version, b.Version))
	})
	return records, nil
}

// Verify has the custodian unwrap every stored key but the destroyed ones, and
// returns everything that is wrong with their records.
func (s *Store) Verify(ctx context.Context) error {
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	var problems []error
	active := map[id]Record{}
	for _, r := range records {
		if r.State == Destroyed {
			continue
		}
		key, err := s.unwrap(ctx, r)
		problems = append(problems, err)
		key.Destroy()
		if family := (id{r.Keyset, r.Purpose, 0}); r.State == Active {
			if other, ok := active[family]; ok {
				problems = append(problems, twoActive(other, r))
			}
			active[family] = r
		}
	}
	return errors.Join(problems...)
}

// Create makes a keyset's first data key and first index key, both active. If
// they are there already, made by this or by another process, it does nothing.
func (s *Store) Create(ctx context.Context, keyset string) error {
	if keyset == "" || strings.ContainsRune(keyset, 0) {
		return fmt.Errorf("creating a keyset: %q is no name", keyset)
	}
	if made, err := s.made(ctx, keyset); made || err != nil {
		return err
	}
	var first []Record
	for _, p := range []Purpose{Data, Index} {
		r, err := s.newRecord(ctx, keyset, p, p.first(), Active)
		if err != nil {
			return err
		}
		first = append(first, r)
	}
	switch err := s.insert(ctx, first...); {
	case errors.Is(err, ErrExists): // another process was faster
		_, err := s.made(ctx, keyset)
		return err
	case err != nil:
		return err
	}
	return s.Refresh(ctx)
}

// made reads the records again and reports whether the keyset is there.
func (s *Store) made(ctx context.Context, keyset string) (bool, error) {
	if err := s.Refresh(ctx); err != nil {
		return false, err
	}
	k := s.Keyset(keyset)
	data, index := len(k.family(Data).versions) > 0, len(k.family(Index).versions) > 0
	switch {
	case data && !index:
		return false, halfKeyset(keyset, Data, Index)
	case index && !data:
		return false, halfKeyset(keyset, Index, Data)
	}
	return data, nil
}

func (s *Store) insert(ctx context.Context, records ...Record) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	err := s.storage.Insert(ctx, records...)
	if err != nil && !errors.Is(err, ErrExists) {
		return storageAway(err)
	}
	return err
}

// Add makes the next key of a keyset, pending, and returns its version. Before
// it is moved to active, every process should have read the records again.
func (s *Store) Add(ctx context.Context, keyset string, p Purpose) (uint32, error) {
	records, err := s.records(ctx)
	if err != nil {
		return 0, err
	}
	var last *Record
	for i, r := range records { // in order, so that the last one wins
		if r.Keyset == keyset && r.Purpose == p {
			last = &records[i]
		}
	}
	if last == nil {
		return 0, noActive(keyset, p)
	}
	if last.Version == math.MaxUint32 {
		return 0, fmt.Errorf("adding to keyset %q: version numbers are used up", keyset)
	}
	r, err := s.newRecord(ctx, keyset, p, last.Version+1, Pending)
	if err != nil {
		return 0, err
	}
	if err := s.insert(ctx, r); err != nil {
		return 0, fmt.Errorf("adding the %s: %w", r, err)
	}
	return r.Version, s.Refresh(ctx)
}

// Move takes a key to another state, one step of the table of [State]. Moving
// one to active moves the one that was active to retiring in the same
// transaction, which is the only way there. A key is not destroyed by Move but
// by [Store.Destroy]. It wraps ErrConflict if another process changed the keyset
// at the same time.
func (s *Store) Move(ctx context.Context, keyset string, p Purpose, version uint32, to State) error {
	target, active, err := s.find(ctx, keyset, p, version)
	if err != nil {
		return err
	}
	switch {
	case to == Destroyed:
		return refused(target, to, "it was not shown that no stored value needs it", "destroy it with a verified scan")
	case to == Retiring && target.State == Active:
		return refused(target, to, "the keyset would have no active key", "make another version active instead")
	}
	var changes []Change
	if to == Active && active != nil && active.Version != version {
		change, err := s.change(ctx, *active, Retiring)
		if err != nil {
			return err
		}
		changes = append(changes, change)
	}
	change, err := s.change(ctx, target, to)
	if err != nil {
		return err
	}
	return s.update(ctx, append(changes, change)...)
}

// Destroy erases a retired key for good, once unneeded has returned nil.
// unneeded must have verified that no stored value needs the key.
func (s *Store) Destroy(ctx context.Context, keyset string, p Purpose, version uint32, unneeded func(context.Context) error) error {
	target, _, err := s.find(ctx, keyset, p, version)
	if err != nil {
		return err
	}
	change, err := s.change(ctx, target, Destroyed)
	if err != nil {
		return err
	}
	if err := unneeded(ctx); err != nil {
		return refused(target, Destroyed, err.Error(), "re-seal the values that need it first")
	}
	return s.update(ctx, change)
}

// find returns the record of a version, and the active one of its family, if any.
func (s *Store) find(ctx context.Context, keyset string, p Purpose, version uint32) (target Record, active *Record, err error) {
	records, err := s.records(ctx)
	if err != nil {
		return Record{}, nil, err
	}
	wanted := id{keyset, p, version}
	for i, r := range records {
		if r.id() == wanted {
			target = r
		}
		if r.Keyset == keyset && r.Purpose == p && r.State == Active {
			active = &records[i]
		}
	}
	if target.id() != wanted {
		return Record{}, nil, noVersion(Record{Keyset: keyset, Purpose: p, Version: version})
	}
	return target, active, nil
}

// change returns the step of a record to another state, which takes its key.
func (s *Store) change(ctx context.Context, r Record, to State) (Change, error) {
	if !r.State.mayBecome(to) {
		return Change{}, stateRefused(r, to)
	}
	var key secret.Bytes
	key, err := s.unwrap(ctx, r)
	if err != nil {
		return Change{}, err
	}
	defer key.Destroy()
	next, err := r.in(to, key)
	return Change{From: r, To: next}, err
}

func (s *Store) update(ctx context.Context, changes ...Change) error {
	callCtx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	switch err := s.storage.UpdateState(callCtx, changes...); {
	case errors.Is(err, ErrConflict):
		return fmt.Errorf("changing the state of the %s: %w", changes[0].From, err)
	case err != nil:
		return storageAway(err)
	}
	return s.Refresh(ctx)
}
