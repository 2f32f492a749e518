// Package config reads pgveil.yaml, the file that says how the process runs:
// where it listens, which server it speaks to, who holds its root key, and
// which databases have a policy.
//
// [Load] turns the text into a [Config] with every path absolute and every
// default filled in, or reports all that is wrong with it. A secret is only
// ever a [Reference] to an environment variable or a file; a [Resolver] fetches
// it when it is needed. An [Override] from a flag or from the environment
// stands over the file.
package config

import (
	"time"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// Problem and Problems are what Load says of a file that is not right.
type (
	Problem  = strictyaml.Problem
	Problems = strictyaml.Problems
)

// Config is the process's file. It is not changed after Load.
type Config struct {
	// Listen holds at least one address.
	Listen []Address
	// TLS is nil where clients are not offered TLS.
	TLS *ClientTLS
	// Server is the PostgreSQL server.
	Server Server
	// Custodian holds the root key. Its Kind is empty where no database has a policy.
	Custodian Custodian
	// Databases have a policy, in the order of the file. The name "*" stands for
	// every database that is not listed.
	Databases []Database
	// Admin is where health is served; its Network is empty for nowhere.
	Admin Address
	// Limits bound what clients may cost.
	Limits Limits
}

// Address is a place to listen at or to dial, as package net takes it.
type Address struct {
	// Network is "tcp" or "unix".
	Network string
	// Address is host:port, or the path of a socket.
	Address string
}

// String returns the address without the network.
func (a Address) String() string { return a.Address }

// ClientTLS is what clients are offered.
type ClientTLS struct {
	// Cert and Key are PEM files.
	Cert, Key string
	// ClientCA is a PEM file; clients must then show a certificate that it signed. Empty for none.
	ClientCA string
	// Require refuses clients without TLS.
	Require bool
}

// Server is the PostgreSQL server.
type Server struct {
	Address Address
	TLS     ServerTLS
	// ServiceUser reads the catalog, keeps schema pgveil and runs jobs.
	ServiceUser string
	// ServicePassword is the zero Reference where the server asks for none.
	ServicePassword Reference
}

// ServerTLS is how the server is spoken to over TCP. Unix sockets have no TLS.
type ServerTLS struct {
	// Mode is one of disable, allow, prefer, require, verify-ca and verify-full,
	// with libpq's meaning.
	Mode string
	// CA, Cert and Key are PEM files, empty for none. Without CA verify-full
	// trusts the system's roots.
	CA, Cert, Key string
}

// The kinds of custodian.
const (
	Software = "software"
	PKCS11   = "pkcs11"
)

// Custodian holds the root key.
type Custodian struct {
	Kind string
	// File and Passphrase are for Software.
	File       string
	Passphrase Reference
	// Module, Token, PIN and Key are for PKCS11: the library, the token's label,
	// its user PIN and the label of the root key.
	Module, Token string
	PIN           Reference
	Key           string
	// KeyLifetime is how long an unwrapped key is kept in memory.
	KeyLifetime time.Duration
}

// Database is a database with a policy.
type Database struct {
	// Name may be "*".
	Name string
	// Policy is the path of the policy file.
	Policy string
}

// Database returns the entry for a database: its own, or that of "*".
func (c *Config) Database(name string) (Database, bool) {
	var everyOther Database
	for _, d := range c.Databases {
		switch d.Name {
		case name:
			return d, true
		case "*":
			everyOther = d
		}
	}
	return everyOther, everyOther.Name != ""
}

// Limits bound what clients may cost.
type Limits struct {
	// MaxMessage is the largest message of an authenticated client, MaxStartup
	// of one that is not yet, both in bytes.
	MaxMessage, MaxStartup int
	// Connections is the most clients at once.
	Connections int
	// LoginTimeout is how long a client has to authenticate.
	LoginTimeout time.Duration
	// DrainTimeout is how long sessions have to end when the process is told to stop.
	DrainTimeout time.Duration
}

// The limits that hold where the file says nothing: PostgreSQL's own for a
// message and for logging in.
const (
	defaultMaxMessage   = 1 << 30
	defaultMaxStartup   = 64 << 10
	defaultConnections  = 1000
	defaultLoginTimeout = time.Minute
	defaultDrainTimeout = 30 * time.Second
	defaultKeyLifetime  = time.Hour
	defaultServerTLS    = "prefer"
)
