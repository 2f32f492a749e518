package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/pgveil/pgveil/api"
	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/keystore"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/proxy"
	"github.com/pgveil/pgveil/rewrite"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// maxUnlisted bounds the databases that "*" stands for at one time: a name
// comes from a client that has not said who it is.
const maxUnlisted = 256

// databases are the protected databases of a running proxy. Those that "*"
// stands for are added when a client first names them.
type databases struct {
	service   *service
	custodian keystore.Custodian
	config    *config.Config
	compiler  *rewrite.Compiler
	// policies by the name in the configuration, "*" included.
	policies map[string]*policy.Policy
	log      *zap.Logger

	// overflow serves names beyond maxUnlisted: it refuses what the policy
	// protects, because it has no catalog.
	overflow *proxy.Database

	// ctx ends the goroutines that wg waits for.
	ctx  context.Context
	wg   sync.WaitGroup
	mu   sync.Mutex
	open map[string]*openDatabase
}

// openDatabase is a protected database with what keeps it current.
type openDatabase struct {
	*proxy.Database
	name string
	line *line
	keys *lateStore
	// stop ends its goroutine.
	stop context.CancelFunc
}

// begin starts to keep the listed databases current, until ctx is done. close
// waits for that.
func (d *databases) begin(ctx context.Context) {
	d.ctx, d.open = ctx, map[string]*openDatabase{}
	if p, ok := d.policies["*"]; ok {
		d.overflow = proxy.NewDatabase(proxy.DatabaseOptions{
			Name: "*", Policy: p, Compiler: d.compiler, Log: d.log,
			Load: func(context.Context, *policy.Policy) (*catalog.Snapshot, error) {
				return nil, errors.New("too many databases that the configuration does not list")
			},
		})
	}
	for name := range d.policies {
		if name != "*" {
			d.start(name, d.policies[name])
		}
	}
}

// start is called with mu held, or before anybody else knows d.
func (d *databases) start(name string, p *policy.Policy) *openDatabase {
	l := newLine(d.service, name)
	keys := newLateStore(records{l}, d.custodian, d.config.Custodian.KeyLifetime, d.log.With(zap.String("database", name)))
	ctx, stop := context.WithCancel(d.ctx)
	o := &openDatabase{name: name, line: l, keys: keys, stop: stop}
	o.Database = proxy.NewDatabase(proxy.DatabaseOptions{
		Name: name, Policy: p, Compiler: d.compiler, Log: d.log, Version: l.version, Keys: keys.keyset,
		Load: func(ctx context.Context, p *policy.Policy) (*catalog.Snapshot, error) {
			snapshot, err := l.load(ctx, p)
			d.forgetIfMissing(o, err)
			return snapshot, err
		},
	})
	d.open[name] = o
	d.wg.Go(func() {
		_ = o.Run(ctx) // it ends with ctx, and has logged what went wrong
		o.keys.close()
		o.line.close(context.WithoutCancel(ctx))
	})
	return o
}

// noSuchDatabase is PostgreSQL's SQLSTATE.
const noSuchDatabase = "3D000"

// forgetIfMissing lets go of a database that "*" stood for and that is not
// there: a client has mistyped its name, or made it up. Its login fails at the
// server; nothing of it shall stay.
func (d *databases) forgetIfMissing(o *openDatabase, err error) {
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != noSuchDatabase {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, listed := d.policies[o.name]; !listed && d.open[o.name] == o {
		delete(d.open, o.name)
		o.stop()
	}
}

// lookup finds a database for a client. It never answers no for a name that a
// policy is meant for.
func (d *databases) lookup(name string) (*proxy.Database, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o, ok := d.open[name]; ok {
		return o.Database, true
	}
	p, ok := d.policies["*"]
	switch {
	case !ok:
		return nil, false
	case len(d.open) >= maxUnlisted+len(d.policies):
		return d.overflow, true
	}
	return d.start(name, p).Database, true
}

// setPolicies puts other policies in force, for the same names.
func (d *databases) setPolicies(policies map[string]*policy.Policy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.policies = policies
	for name, o := range d.open {
		p, ok := policies[name]
		if !ok {
			p = policies["*"]
		}
		o.SetPolicy(p)
	}
	if d.overflow != nil {
		d.overflow.SetPolicy(policies["*"])
	}
}

// checks say for each listed database whether protected statements can be
// served. Those that "*" stands for do not count, or any client could make the
// proxy look ill.
func (d *databases) checks() []api.Check {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []api.Check
	for name := range d.policies {
		if o, ok := d.open[name]; ok {
			all = append(all, api.Check{Name: name, Ready: o.ready})
		}
	}
	return all
}

func (o *openDatabase) ready(ctx context.Context) error {
	if err := o.Ready(); err != nil {
		return err
	}
	for _, keyset := range o.Policy().Keysets() {
		if _, _, err := o.keys.keyset(keyset).Active(ctx); err != nil {
			return fmt.Errorf("keyset %s: %w", keyset, err)
		}
	}
	return nil
}

// close waits for the goroutines, which end with ctx, wipe the keys and hang up.
func (d *databases) close() { d.wg.Wait() }
