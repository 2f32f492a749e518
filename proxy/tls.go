package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// alpn is the protocol's name in TLS, which PostgreSQL 17 demands of a
// connection that begins with TLS.
const alpn = "postgresql"

// directTLS answers a client that begins with TLS, without an SSLRequest.
func (c *connection) directTLS(ctx context.Context) error {
	if c.srv.opts.ClientTLS == nil || c.local() {
		// There is no language in which to say so: the client hears TLS only.
		c.told = true
		return protocolBroken("a client began with TLS, which is not configured", "")
	}
	if err := c.startTLS(ctx, &readAhead{c.raw, c.fromClient}); err != nil {
		return err
	}
	// Without ALPN, a browser could be led to speak HTTP to us (ALPACA).
	if c.client.(*tls.Conn).ConnectionState().NegotiatedProtocol != alpn {
		return protocolBroken("received direct SSL connection request without ALPN protocol negotiation extension", "")
	}
	return nil
}

// startTLS makes TLS over nc the way to the client.
func (c *connection) startTLS(ctx context.Context, nc net.Conn) error {
	encrypted := tls.Server(nc, c.srv.opts.ClientTLS)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		// TLS has sent its own alert.
		c.told = true
		return fmt.Errorf("agreeing on TLS with the client: %w", err)
	}
	c.useClient(encrypted)
	return nil
}

// clientTLS completes the configuration for clients. Like PostgreSQL, it keeps
// nothing to resume a connection by: no client would.
func clientTLS(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.NextProtos = []string{alpn}
	config.SessionTicketsDisabled = true
	return config
}

// TLSMode is one of libpq's values of sslmode. The zero value is none of them
// and refuses to connect.
type TLSMode string

// The modes, from the least to the most secure. Allow and prefer protect
// against nobody who can change what is sent; require only against those who
// listen, unless roots are configured, when it is the same as verify-ca.
const (
	TLSDisable    TLSMode = "disable"
	TLSAllow      TLSMode = "allow"
	TLSPrefer     TLSMode = "prefer"
	TLSRequire    TLSMode = "require"
	TLSVerifyCA   TLSMode = "verify-ca"
	TLSVerifyFull TLSMode = "verify-full"
)

// serverTLS returns the configuration for TLS to the server.
func (u *Upstream) serverTLS() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if u.TLS != nil {
		config = u.TLS.Clone()
	}
	config.NextProtos = []string{alpn}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(u.Address)
	}
	mode := u.Mode
	if mode == TLSRequire && config.RootCAs != nil {
		mode = TLSVerifyCA
	}
	switch mode {
	case TLSVerifyFull:
		config.InsecureSkipVerify = false
	case TLSVerifyCA:
		// Go checks the name whenever it checks the chain, so the chain is checked here.
		config.InsecureSkipVerify = true
		config.VerifyConnection = verifyChain(config.RootCAs)
	default:
		config.InsecureSkipVerify = true
	}
	return config
}

// verifyChain checks that a trusted authority signed the certificate, for
// whatever name. A resumed connection is checked like a new one.
func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the server has shown no certificate")
		}
		options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, cert := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(cert)
		}
		_, err := state.PeerCertificates[0].Verify(options)
		return err
	}
}

// noTLS is the error for a server that must, and does not, offer TLS.
func noTLS() *pgerr.Error {
	return serverAway(errors.New("the server does not offer TLS, which server.tls demands"))
}
