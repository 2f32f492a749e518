package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/internal/testkit"
	"github.com/pgveil/pgveil/keystore"
)

// Another process's rotation is noticed without any call that would look for it.
func TestStore_refreshesInTheBackground(t *testing.T) {
	r := newRig(t)
	s, err := keystore.Open(t.Context(), r.storage, r.custodian, keystore.Options{Refresh: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	k := s.Keyset("people")
	if version, _, err := k.Active(t.Context()); err != nil || version != 1 {
		t.Fatalf("Active = %d, %v", version, err)
	}
	if _, err := r.Add(t.Context(), "people", keystore.Data); err != nil {
		t.Fatal(err)
	}
	steps(t, r.Move(t.Context(), "people", keystore.Data, 2, keystore.Active))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		version, _, err := k.Active(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if version == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the other process's active version was not noticed")
		}
	}
}

// A custodian that comes and goes while many use its keys: what is served is
// the right key, what is refused is refused with 58000, nothing else happens.
func TestStore_custodianFlaps(t *testing.T) {
	r := newRig(t)
	_, key, err := r.people.Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := bytesOf(t, key)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				_, key, err := r.people.Active(context.Background())
				var e *pgerr.Error
				switch {
				case err == nil:
					err = key.Use(func(b []byte) error {
						if string(b) != want {
							t.Error("served another key, or one that was wiped")
						}
						return nil
					})
					if err != nil && !errors.Is(err, secret.ErrDestroyed) {
						t.Error(err)
					}
				case !errors.As(err, &e) || e.Code != pgerr.KeysAway:
					t.Errorf("Active = %v, want the key or keys-away", err)
				}
			}
		})
	}
	for i := range 60 {
		if i%3 == 0 {
			r.custodian.goAway()
		} else {
			r.custodian.comeBack()
		}
		r.clock.advance(lifetime / 5 * time.Duration(i%7))
		r.Sweep()
		r.Settle()
	}
	close(done)
	wg.Wait()
	r.custodian.comeBack()
	r.clock.advance(keystore.Pause)
	if _, key, err := r.people.Active(t.Context()); err != nil || bytesOf(t, key) != want {
		t.Errorf("Active in the end = %v, want the key", err)
	}
}

// What Create has returned for survives a crash of a server that does not wait
// for its disk: values may be sealed with the key a moment later.
func TestCreate_isDurableWithoutSynchronousCommit(t *testing.T) {
	// A long delay makes sure that nothing but the commit itself writes it.
	pg := testkit.StartPostgres(t, testkit.WithSetting("synchronous_commit", "off"), testkit.WithSetting("wal_writer_delay", "10s"))
	p := keystore.NewPostgres(poolTo(t, pg, "postgres"))
	steps(t, p.EnsureSchema(t.Context()))
	s, err := keystore.Open(t.Context(), p, newCustodian(t), keystore.Options{Refresh: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	steps(t, s.Create(t.Context(), "people"))
	if _, err := s.Add(t.Context(), "people", keystore.Data); err != nil {
		t.Fatal(err)
	}
	steps(t, s.Move(t.Context(), "people", keystore.Data, 2, keystore.Active), pg.Stop(), pg.Start())

	var states []string
	for _, row := range pg.Rows(t, "postgres", "SELECT purpose, version::text, state FROM pgveil.key ORDER BY 1, 2") {
		states = append(states, strings.Join(row, " "))
	}
	want := []string{"data 1 retiring", "data 2 active", "index 0 active"}
	if !slices.Equal(states, want) {
		t.Errorf("after a crash the records are %q, want %q", states, want)
	}
}

// The database itself goes away and comes back: keys in memory serve, what needs
// the database is refused with 58000, and it heals without a restart.
func TestStore_postgresGoesAwayAndComesBack(t *testing.T) {
	pg := testkit.StartPostgres(t)
	pool := poolTo(t, pg, "postgres")
	p := keystore.NewPostgres(pool)
	steps(t, p.EnsureSchema(t.Context()))
	s, err := keystore.Open(t.Context(), p, newCustodian(t), keystore.Options{Refresh: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	steps(t, s.Create(t.Context(), "people"))
	k := s.Keyset("people")
	if _, _, err := k.Active(t.Context()); err != nil {
		t.Fatal(err)
	}

	steps(t, pg.Stop())
	if _, _, err := k.Active(t.Context()); err != nil {
		t.Errorf("Active with the database down = %v, want the key", err)
	}
	err = s.Refresh(t.Context())
	if code(t, err) != pgerr.KeyStorageAway || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("Refresh with the database down = %v, want key-storage-away without the address", err)
	}
	if err := s.Create(t.Context(), "money"); code(t, err) != pgerr.KeyStorageAway {
		t.Errorf("Create with the database down = %v, want key-storage-away", err)
	}

	port := pg.Port
	steps(t, pg.Start())
	if pg.Port != port { // nothing could find it there
		t.Fatalf("another process has taken port %d while the server was down", port)
	}
	// The pool has several connections that are dead, and drops one at each try.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := errors.Join(s.Create(t.Context(), "money"), s.Verify(t.Context()))
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the store has not found the database again: %v: %v", err, causes(err))
		}
	}
}

// The log tells what went wrong, cause included, and never a key.
func TestStore_logsCausesAndNoKeys(t *testing.T) {
	var out syncBuffer
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &out, zap.DebugLevel)
	storage, c := &memory{}, newCustodian(t)
	planted := "planted-key-jqzvxkwq-0123456789."
	clk := newClock()
	s, err := keystore.Open(t.Context(), storage, c, keystore.Options{
		Refresh: -1, Now: clk.now, Log: zap.New(core), Random: strings.NewReader(strings.Repeat(planted, 2)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	steps(t, s.Create(t.Context(), "people"))
	if _, _, err := s.Keyset("people").Active(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.goAway()
	clk.advance(2 * time.Hour)
	_, _, err = s.Keyset("people").Active(t.Context())
	shown := fmt.Sprintf("%v %+v %#v", err, err, err)
	storage.edit(t, keystore.Data, 1, func(r *keystore.Record) { r.MAC[0] ^= 1 })
	c.comeBack()
	steps(t, s.Refresh(t.Context()))
	if _, _, err := s.Keyset("people").Active(t.Context()); code(t, err) != pgerr.KeyRecordDamaged {
		t.Errorf("Active = %v, want key-record-damaged", err)
	}
	log := out.String()
	for _, want := range []string{"no route", "the MAC does not match", "data key version 1"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
	if strings.Contains(log+shown, planted) {
		t.Errorf("the log or the error shows a key:\n%s\n%s", log, shown)
	}
}

type syncBuffer struct {
	sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.Write(p)
}

func (b *syncBuffer) Sync() error { return nil }

func (b *syncBuffer) String() string {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.String()
}

// causes tells what a client is not told.
func causes(err error) string {
	var e *pgerr.Error
	if errors.As(err, &e) {
		return fmt.Sprint(e.Cause)
	}
	return ""
}
