package proxy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// DatabaseOptions are what a Database is made of.
type DatabaseOptions struct {
	Name   string
	Policy *policy.Policy
	// Load reads the catalog for a policy and Version a fingerprint of it, over a
	// connection of the service user. Both are called by one goroutine at a time.
	Load    func(context.Context, *policy.Policy) (*catalog.Snapshot, error)
	Version func(context.Context) (string, error)
	// Keys returns the keys of a keyset of the policy.
	Keys func(keyset string) envelope.Keys
	// Compiler may be shared by databases.
	Compiler *rewrite.Compiler
	// Poll is how often Version is asked; 2 s if zero. MaxStale is how long a
	// catalog that cannot be checked is still relied on; 30 s if zero.
	Poll, MaxStale time.Duration
	Log            *zap.Logger
}

// Database is what the sessions of one protected database share: the policy,
// the catalog as last read, and the codecs. Any number of goroutines may use it.
type Database struct {
	opts DatabaseOptions
	// seed makes the shapes of statements unpredictable to clients. Sessions
	// share it, or they could not share plans.
	seed [2]uint64
	// bare finds the policy's tables by name, for when there is no catalog. Its
	// policy is the one in force, which the current state may not follow yet.
	bare atomic.Pointer[state]
	// probeSQL is what sessions ask the server with.
	probeSQL []byte

	current atomic.Pointer[state]
	// changed counts the changes of the catalog that sessions have reported,
	// loaded is its value when the catalog was last checked.
	changed, loaded atomic.Uint64
	// checked is when the catalog was last known to be current, in Unix nanoseconds.
	checked atomic.Int64
	wake    chan struct{}

	// mu is held while the catalog is read; failure is why that failed last.
	mu      sync.Mutex
	failure error

	codecMu sync.Mutex
	codecs  map[codecKey]*envelope.Codec
}

// codecKey is all that an envelope.Codec depends on.
type codecKey struct {
	keyset, domain string
	equality       bool
	pad            int
}

const (
	defaultPoll     = 2 * time.Second
	defaultMaxStale = 30 * time.Second
	checkTimeout    = 30 * time.Second
)

// NewDatabase returns a Database that has not read its catalog yet. Until Run
// has, or Refresh is called, statements that name a table of the policy are
// refused and all others forwarded.
func NewDatabase(o DatabaseOptions) *Database {
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	if o.MaxStale <= 0 {
		o.MaxStale = defaultMaxStale
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	d := &Database{
		opts:     o,
		probeSQL: probeSQL(),
		wake:     make(chan struct{}, 1),
		codecs:   map[codecKey]*envelope.Codec{},
	}
	d.bare.Store(d.newBare(o.Policy))
	d.seed = [2]uint64{rand.Uint64(), rand.Uint64()}
	d.changed.Store(1)
	return d
}

func (d *Database) newBare(pol *policy.Policy) *state {
	return &state{db: d, pol: pol, matcher: newPolicyMatcher(pol), columns: &sync.Map{}}
}

// SetPolicy puts another policy in force. From its return on nothing is planned
// by the one before: sessions plan anew, or are refused until the catalog has
// been read for it. Rows of portals and cursors that were opened under the one
// before are refused.
func (d *Database) SetPolicy(pol *policy.Policy) {
	if d.Policy().Version == pol.Version {
		return
	}
	d.bare.Store(d.newBare(pol))
	d.report()
}

// Policy returns the policy in force.
func (d *Database) Policy() *policy.Policy { return d.bare.Load().pol }

// Run keeps the catalog current until ctx is done: it polls, and checks at
// once when a session has changed the catalog.
func (d *Database) Run(ctx context.Context) error {
	tick := time.NewTicker(d.opts.Poll)
	defer tick.Stop()
	for {
		if err := d.Refresh(ctx); err != nil && ctx.Err() == nil {
			d.opts.Log.Warn("reading the catalog", zap.String("database", d.opts.Name), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-d.wake:
		}
	}
}

// Ready returns nil while protected statements can be served, else why not.
func (d *Database) Ready() error {
	if d.usable() {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.unavailable()
}

// Refresh makes sure that the catalog is current as of this call.
func (d *Database) Refresh(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refresh(ctx)
}

func (d *Database) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	changed := d.changed.Load()
	d.failure = d.reload(ctx)
	if d.failure != nil {
		return d.failure
	}
	d.loaded.Store(changed)
	d.checked.Store(time.Now().UnixNano())
	return nil
}

func (d *Database) reload(ctx context.Context) error {
	pol := d.Policy()
	if st := d.current.Load(); st != nil && st.pol == pol {
		version, err := d.opts.Version(ctx)
		if err != nil {
			return fmt.Errorf("checking the catalog: %w", err)
		}
		if version == st.snap.Version {
			return nil
		}
	}
	snap, err := d.opts.Load(ctx, pol)
	if err != nil {
		return err
	}
	d.current.Store(d.newState(snap, pol))
	return nil
}

// report notes that a session has changed the catalog, and that this was committed.
func (d *Database) report() {
	d.changed.Add(1)
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// usable reports whether the catalog at hand may be relied on.
func (d *Database) usable() bool {
	st := d.current.Load()
	return st != nil && st.pol == d.Policy() && d.loaded.Load() == d.changed.Load() &&
		time.Since(time.Unix(0, d.checked.Load())) <= d.opts.MaxStale
}

// now returns the state to recognise statements by, without waiting.
func (d *Database) now() *state {
	if st := d.current.Load(); st != nil {
		return st
	}
	return d.bare.Load()
}

// fresh returns a state that is recent enough to plan by. After a reported
// change it waits for the catalog to be read.
func (d *Database) fresh(ctx context.Context) (*state, *pgerr.Error) {
	if d.usable() {
		return d.current.Load(), nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.usable() {
		if err := d.refresh(ctx); err != nil {
			return nil, d.unavailable()
		}
	}
	return d.current.Load(), nil
}

// unavailable is called with mu held.
func (d *Database) unavailable() *pgerr.Error {
	failure := d.failure
	if failure == nil {
		failure = errors.New("the catalog has not been read yet")
	}
	return &pgerr.Error{
		State:   pgerr.StateKeys,
		Code:    pgerr.CatalogAway,
		Message: "protected tables cannot be used at the moment",
		Detail:  "pgveil could not read the database's catalog, so it cannot tell which columns are protected.",
		Hint:    "Check pgveil's service user and its log. Statements that name no protected table go on, and this heals by itself.",
		Cause:   failure,
	}
}

// state is one catalog with all that is derived from it. It is immutable but
// for its cache of columns.
type state struct {
	db      *Database
	snap    *catalog.Snapshot // nil in the bare state
	pol     *policy.Policy
	matcher shape.Matcher
	columns *sync.Map // *catalog.Protected → *column
}

func (d *Database) newState(snap *catalog.Snapshot, pol *policy.Policy) *state {
	return &state{db: d, snap: snap, pol: pol, matcher: rewrite.Matcher(snap), columns: &sync.Map{}}
}

// column is what a protected column needs to be sealed and opened.
type column struct {
	prot  *catalog.Protected
	codec *envelope.Codec
	typ   canon.Type
}

// column returns what a target of a plan needs. The plan may belong to an
// older snapshot: what is sealed depends on the domain alone.
func (s *state) column(p *catalog.Protected) (*column, error) {
	if c, ok := s.columns.Load(p); ok {
		return c.(*column), nil
	}
	typ, ok := canonType(p.Logical)
	if !ok {
		return nil, &pgerr.Error{
			State:   pgerr.StateUnsupported,
			Code:    pgerr.UnsupportedType,
			Message: fmt.Sprintf("column %s has type %s, which cannot be protected", p.Column, p.Logical.Name),
			Hint:    "Take the column out of the policy.",
		}
	}
	c := &column{prot: p, codec: s.db.codec(p), typ: typ}
	s.columns.Store(p, c)
	return c, nil
}

func canonType(t catalog.Type) (canon.Type, bool) {
	return canon.TypeOf(t.OID, t.Mod, t.Name, t.Elem, t.ElemName)
}

// codec returns the one codec of a domain, so that its caches serve all sessions.
func (d *Database) codec(p *catalog.Protected) *envelope.Codec {
	key := codecKey{p.Column.Keyset, p.DomainID, p.Column.Search.Equality, p.Column.Pad}
	d.codecMu.Lock()
	defer d.codecMu.Unlock()
	c, ok := d.codecs[key]
	if !ok {
		c = envelope.New(d.opts.Keys(key.keyset), envelope.Options{
			Keyset: key.keyset, Domain: key.domain, Equality: key.equality, Pad: key.pad,
		})
		d.codecs[key] = c
	}
	return c
}

// policyMatcher knows the policy's tables and nothing else.
type policyMatcher map[string]struct{}

func newPolicyMatcher(pol *policy.Policy) policyMatcher {
	m := policyMatcher{}
	for _, t := range pol.Tables {
		m[t.Name] = struct{}{}
	}
	return m
}

// Match raises Reaches for a table of the policy. That other words may change
// settings or the catalog does not matter while nothing is planned: a session
// asks anew when there is a catalog.
func (m policyMatcher) Match(ident []byte) shape.Flags {
	if _, ok := m[string(ident)]; ok {
		return rewrite.Reaches
	}
	return 0
}
