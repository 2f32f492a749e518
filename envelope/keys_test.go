package envelope

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/pgveil/pgveil/internal/secret"
)

var errAway = errors.New("custodian is away")

// testKeys are keys that a test may change.
type testKeys struct {
	mu     sync.Mutex
	active uint32
	epoch  uint32
	data   map[uint32]secret.Bytes
	index  map[uint32]secret.Bytes
	err    error
}

// newTestKeys returns keys with the versions 1, 2 and 4, of which 1 is active, and the epochs 0 to 3.
func newTestKeys() *testKeys {
	k := &testKeys{active: 1, data: map[uint32]secret.Bytes{}, index: map[uint32]secret.Bytes{}}
	for v := range uint32(4) {
		k.data[v+1] = testKey("data", v+1)
		k.index[v] = testKey("index", v)
	}
	delete(k.data, 3)
	return k
}

func testKey(kind string, n uint32) secret.Bytes {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", kind, n))
	return secret.New(bytes.Clone(sum[:]))
}

func (k *testKeys) Active(context.Context) (uint32, secret.Bytes, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.active, k.data[k.active], k.err
}

func (k *testKeys) Data(_ context.Context, version uint32) (secret.Bytes, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.data[version]
	if !ok {
		return secret.Bytes{}, errAway
	}
	return key, k.err
}

func (k *testKeys) Index(_ context.Context, epoch uint32) (secret.Bytes, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.index[epoch], k.err
}

func (k *testKeys) Epoch(context.Context) (uint32, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.epoch, k.err
}

// set changes the keys under their lock.
func (k *testKeys) set(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
}
