package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/pgveil/pgveil/api"
	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/proxy"
	"github.com/pgveil/pgveil/rewrite"
)

// planCache is how many shapes of statements the proxy remembers plans for.
// The largest application that was looked at has 4,500.
const planCache = 20_000

func newServe(streams IO) *cobra.Command {
	var s settings
	var l logSettings
	cmd := &cobra.Command{
		Use: "serve", Long: helpServe, Args: exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), streams, s, l) },
	}
	s.addTo(cmd)
	l.addTo(cmd)
	cmd.Flags().StringArrayVar(&s.listen, "listen", nil, "")
	return cmd
}

// serve builds the proxy from the configuration up, runs it until ctx is done,
// and takes it down again in reverse.
func serve(ctx context.Context, streams IO, s settings, l logSettings) error {
	c, err := s.load()
	if err != nil {
		return err
	}
	policies, err := loadPolicies(c)
	if err != nil {
		return err
	}
	log, err := l.logger(streams.Err)
	if err != nil {
		return err
	}
	resolver := config.SystemResolver()

	clientTLS, err := clientTLS(c.TLS)
	if err != nil {
		return err
	}
	upstream, err := upstream(c.Server)
	if err != nil {
		return err
	}
	protected, err := openProtected(ctx, c, policies, resolver, log)
	if err != nil {
		return err
	}
	defer protected.close()

	listeners, err := listenAll(ctx, c)
	if err != nil {
		return err
	}
	defer listeners.close()

	server := proxy.New(proxy.Options{
		ClientTLS: clientTLS, RequireTLS: c.TLS != nil && c.TLS.Require, Upstream: upstream, Lookup: protected.databases.lookup,
		MaxMessageBeforeAuth: c.Limits.MaxStartup, MaxMessage: c.Limits.MaxMessage, MaxConnections: c.Limits.Connections,
		LoginTimeout: c.Limits.LoginTimeout, DrainTimeout: c.Limits.DrainTimeout, Log: log,
	})
	log.Info("serving", zap.Strings("listen", listeners.addresses()), zap.Strings("database", protected.names()), zap.String("version", version()))
	stopReloading := reloading(ctx, streams.Reload, func() { reload(c, protected.databases, log) })
	defer stopReloading()
	err = runBoth(ctx, server, listeners, api.New(api.Options{Checks: protected.databases.checks, Log: log}))
	log.Info("stopped", zap.Error(err))
	return err
}

// reloading calls f whenever it is asked to, until ctx is done or the function
// that it returns is called, which waits.
func reloading(ctx context.Context, asked <-chan os.Signal, f func()) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-asked:
				f()
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// reload reads the policies again and puts them in force, all of them or none.
func reload(c *config.Config, d *databases, log *zap.Logger) {
	policies, err := loadPolicies(c)
	if err != nil {
		log.Error("policies not reloaded, those before stay in force", zap.Error(err))
		return
	}
	d.setPolicies(policies)
	log.Info("policies reloaded")
}

// runBoth serves clients and health until ctx is done or one of the two fails,
// and waits for both. Health is served until the last client has gone.
func runBoth(ctx context.Context, server *proxy.Server, l *listeners, health *api.Server) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	healthCtx, stopHealth := context.WithCancel(context.WithoutCancel(ctx))

	var wg sync.WaitGroup
	var healthErr error
	if l.admin != nil {
		wg.Go(func() {
			if healthErr = health.Serve(healthCtx, l.admin); healthErr != nil {
				stop()
			}
		})
	}
	err := server.Serve(ctx, l.clients...)
	stopHealth()
	wg.Wait()
	return errors.Join(err, healthErr)
}

// protected is all that only databases with a policy need.
type protected struct {
	service   *service
	custody   *custody
	databases *databases
	stop      context.CancelFunc
}

// openProtected opens the custodian, so that a wrong PIN or passphrase is known
// at once, and begins to read the catalogs.
func openProtected(ctx context.Context, c *config.Config, policies map[string]*policy.Policy, resolver config.Resolver, log *zap.Logger) (*protected, error) {
	p := &protected{stop: func() {}}
	if len(c.Databases) == 0 {
		p.databases = &databases{config: c}
		return p, nil
	}
	var err error
	if p.service, err = newService(c, resolver); err != nil {
		return nil, err
	}
	warn := func(text string) { log.Warn(text) }
	if p.custody, err = openCustodian(ctx, c.Custodian, resolver, log, warn); err != nil {
		p.close()
		return nil, err
	}
	// Not ctx: while the server drains, sessions still need catalogs and keys.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.databases = &databases{
		service: p.service, custodian: p.custody, config: c, policies: policies, compiler: rewrite.New(planCache), log: log,
	}
	p.databases.begin(background)
	return p, nil
}

func (p *protected) names() []string {
	names := []string{}
	for _, d := range p.databases.config.Databases {
		names = append(names, d.Name)
	}
	return names
}

func (p *protected) close() {
	p.stop()
	if p.databases != nil {
		p.databases.close()
	}
	if p.custody != nil {
		_ = p.custody.Close() // nothing is lost: keys are wiped whatever it says
	}
	if p.service != nil {
		p.service.close()
	}
}

// listeners are the sockets of a running proxy.
type listeners struct {
	clients []net.Listener
	// admin is nil where health is not served.
	admin net.Listener
}

// listenAll opens all sockets or none.
func listenAll(ctx context.Context, c *config.Config) (*listeners, error) {
	l := &listeners{}
	for _, a := range c.Listen {
		socket, err := proxy.Listen(ctx, a.Address)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("listening for clients: %w", err)
		}
		l.clients = append(l.clients, socket)
	}
	if c.Admin.Network != "" {
		socket, err := proxy.Listen(ctx, c.Admin.Address)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("listening for health checks: %w", err)
		}
		l.admin = socket
	}
	return l, nil
}

func (l *listeners) addresses() []string {
	var all []string
	for _, socket := range l.clients {
		all = append(all, socket.Addr().String())
	}
	return all
}

// close closes what no server has closed yet.
func (l *listeners) close() {
	for _, socket := range l.clients {
		_ = socket.Close()
	}
	if l.admin != nil {
		_ = l.admin.Close()
	}
}

// clientTLS reads the certificate that is shown to clients.
func clientTLS(t *config.ClientTLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, &usageError{message: "tls", cause: err, hint: "cert and key must be PEM files that belong together"}
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if t.ClientCA != "" {
		if c.ClientCAs, err = certificates("tls.client_ca", t.ClientCA); err != nil {
			return nil, err
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// upstream says how clients' connections reach the server.
func upstream(s config.Server) (proxy.Upstream, error) {
	up := proxy.Upstream{Address: s.Address.Address, Mode: proxy.TLSMode(s.TLS.Mode), TLS: &tls.Config{MinVersion: tls.VersionTLS12}}
	var err error
	if s.TLS.CA != "" {
		if up.TLS.RootCAs, err = certificates("server.ca", s.TLS.CA); err != nil {
			return up, err
		}
	}
	if s.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(s.TLS.Cert, s.TLS.Key)
		if err != nil {
			return up, &usageError{message: "server.cert", cause: err, hint: "cert and key must be PEM files that belong together"}
		}
		up.TLS.Certificates = []tls.Certificate{pair}
	}
	return up, nil
}

func certificates(path, file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &usageError{message: path, cause: err}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, &usageError{message: fmt.Sprintf("%s: %s holds no certificate", path, file), hint: "it must be a PEM file"}
	}
	return pool, nil
}
