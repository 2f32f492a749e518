package keystore

import (
	"context"
	"sync/atomic"

	"github.com/pgveil/pgveil/internal/secret"
)

// Keyset serves the keys of one name. It satisfies envelope.Keys. Keys that it
// returns stay the store's: they may be used at once and must not be kept or
// destroyed. While a key is in memory, serving it neither locks nor allocates.
type Keyset struct {
	store *Store
	name  string
	view  atomic.Pointer[view]
}

// view is a keyset as of the latest reading of the records. It never changes.
type view struct {
	data, index family
}

// family are the keys of one purpose.
type family struct {
	active   *slot
	versions map[uint32]*slot
	// problem, if any, is why no key may be taken as the active one.
	problem error
}

func newView(slots map[id]*slot, keyset string) *view {
	return &view{data: newFamily(slots, keyset, Data), index: newFamily(slots, keyset, Index)}
}

func newFamily(slots map[id]*slot, keyset string, p Purpose) family {
	f := family{versions: map[uint32]*slot{}}
	for id, sl := range slots {
		if id.keyset != keyset || id.purpose != p {
			continue
		}
		f.versions[id.version] = sl
		if sl.record.State != Active {
			continue
		}
		if f.active != nil {
			f.problem = twoActive(f.active.record, sl.record)
		}
		f.active = sl
	}
	if f.problem != nil {
		f.active = nil
	}
	return f
}

// Name returns the keyset's name, which is bound to what is sealed with it.
func (k *Keyset) Name() string { return k.name }

// Active returns the data key that new values are sealed with, and its version.
func (k *Keyset) Active(ctx context.Context) (uint32, secret.Bytes, error) {
	sl := k.view.Load().data.active
	if sl == nil {
		var err error
		if sl, err = k.findActive(ctx, Data); err != nil {
			return 0, secret.Bytes{}, err
		}
	}
	key, err := sl.get(ctx, k.store)
	return sl.record.Version, key, err
}

// Data returns the data key of a version, for opening.
func (k *Keyset) Data(ctx context.Context, version uint32) (secret.Bytes, error) {
	sl := k.view.Load().data.versions[version]
	return k.serve(ctx, sl, Data, version)
}

// Index returns the index key of an epoch.
func (k *Keyset) Index(ctx context.Context, epoch uint32) (secret.Bytes, error) {
	sl := k.view.Load().index.versions[epoch]
	return k.serve(ctx, sl, Index, epoch)
}

// Epoch returns the current epoch of the index keys. The key is unwrapped for
// it: only the key can tell whether its record says the truth.
func (k *Keyset) Epoch(ctx context.Context) (uint32, error) {
	sl := k.view.Load().index.active
	if sl == nil {
		var err error
		if sl, err = k.findActive(ctx, Index); err != nil {
			return 0, err
		}
	}
	_, err := sl.get(ctx, k.store)
	return sl.record.Version, err
}

// serve returns the key of a slot that may be nil, for want of a record in the
// latest reading.
func (k *Keyset) serve(ctx context.Context, sl *slot, p Purpose, version uint32) (secret.Bytes, error) {
	if sl == nil || !sl.record.State.opens() {
		var err error
		if sl, err = k.findVersion(ctx, p, version); err != nil {
			return secret.Bytes{}, err
		}
	}
	return sl.get(ctx, k.store)
}

// findVersion reads the records again for a key that is not known, or not
// served: another process may have made it, or moved it, since.
func (k *Keyset) findVersion(ctx context.Context, p Purpose, version uint32) (*slot, error) {
	if err := k.store.refreshSince(ctx, k.store.opts.Now()); err != nil {
		return nil, err
	}
	sl := k.family(p).versions[version]
	switch {
	case sl == nil:
		return nil, noVersion(Record{Keyset: k.name, Purpose: p, Version: version})
	case sl.record.State.known() && !sl.record.State.opens():
		return nil, notServed(sl.record)
	}
	return sl, nil
}

// findActive reads the records again for want of an active key.
func (k *Keyset) findActive(ctx context.Context, p Purpose) (*slot, error) {
	if err := k.store.refreshSince(ctx, k.store.opts.Now()); err != nil {
		return nil, err
	}
	f := k.family(p)
	switch {
	case f.problem != nil:
		return nil, f.problem
	case f.active == nil:
		return nil, noActive(k.name, p)
	}
	return f.active, nil
}

func (k *Keyset) family(p Purpose) *family {
	v := k.view.Load()
	if p == Data {
		return &v.data
	}
	return &v.index
}
