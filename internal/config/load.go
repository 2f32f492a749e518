package config

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// Load reads the text of a configuration file. Relative paths are relative to
// the folder of name. Later overrides stand over earlier ones and over the
// file. The error is a *[Problems] that lists everything that is wrong.
func Load(name string, data []byte, overrides ...Override) (*Config, error) {
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		dir = filepath.Dir(name)
	}
	doc, root := strictyaml.Parse(name, data)
	l := &loader{dir: dir, config: &Config{
		Server: Server{TLS: ServerTLS{Mode: defaultServerTLS}},
		Limits: Limits{
			MaxMessage: defaultMaxMessage, MaxStartup: defaultMaxStartup, Connections: defaultConnections,
			LoginTimeout: defaultLoginTimeout, DrainTimeout: defaultDrainTimeout,
		},
	}}
	overridden := func(key string) bool {
		return slices.ContainsFunc(overrides, func(o Override) bool { return o.Key == key })
	}
	ok := root.Fields(
		strictyaml.Field{Key: "version", Required: true, Read: checkVersion},
		strictyaml.Field{Key: "listen", Required: !overridden("listen"), Read: l.listen},
		strictyaml.Field{Key: "tls", Read: l.clientTLS},
		strictyaml.Field{Key: "server", Required: !overridden("server.address"), Read: l.server(overridden)},
		strictyaml.Field{Key: "auth", Read: auth},
		strictyaml.Field{Key: "custodian", Read: l.custodian},
		strictyaml.Field{Key: "databases", Required: true, Read: l.databases},
		strictyaml.Field{Key: "admin", Read: l.admin},
		strictyaml.Field{Key: "limits", Read: l.limits},
	)
	if ok {
		l.apply(doc, overrides)
		l.checkProtection(root)
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return l.config, nil
}

// loader builds a Config.
type loader struct {
	// dir is where relative paths begin.
	dir    string
	config *Config
	// protects says that the file lists a database, right or wrong; custody
	// that it has a custodian.
	protects, custody bool
}

func checkVersion(n strictyaml.Node) {
	if v, ok := n.Int(0, 1<<30); ok && v != 1 {
		n.Report("this version is not known", "this pgveil reads version 1")
	}
}

// checkProtection looks at what only databases with a policy need.
func (l *loader) checkProtection(root strictyaml.Node) {
	if !l.protects {
		return
	}
	if !l.custody {
		root.Report(`"custodian" is missing`, "databases with a policy need someone to hold the root key")
	}
	if l.config.Server.ServiceUser == "" && l.config.Server.Address.Network != "" {
		root.Report(`"server.service_user" is missing`, "databases with a policy need a user that reads the catalog")
	}
}

func (l *loader) clientTLS(n strictyaml.Node) {
	t := &ClientTLS{}
	l.config.TLS = t
	n.Fields(
		strictyaml.Field{Key: "cert", Required: true, Read: l.file(&t.Cert)},
		strictyaml.Field{Key: "key", Required: true, Read: l.file(&t.Key)},
		strictyaml.Field{Key: "client_ca", Read: l.file(&t.ClientCA)},
		strictyaml.Field{Key: "require", Read: func(n strictyaml.Node) { t.Require, _ = n.Bool() }},
	)
}

// file returns a reader for a path.
func (l *loader) file(path *string) func(strictyaml.Node) {
	return func(n strictyaml.Node) {
		if text, ok := n.Text(); ok {
			*path = l.path(text)
		}
	}
}

func text(s *string) func(strictyaml.Node) {
	return func(n strictyaml.Node) { *s, _ = n.Text() }
}

// tlsModes are libpq's sslmode values.
var tlsModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

func (l *loader) server(overridden func(string) bool) func(strictyaml.Node) {
	s := &l.config.Server
	return func(n strictyaml.Node) {
		n.Fields(
			strictyaml.Field{Key: "address", Required: !overridden("server.address"), Read: func(n strictyaml.Node) {
				if address, ok := n.Text(); ok {
					s.Address = l.address(n, address, false)
				}
			}},
			strictyaml.Field{Key: "tls", Read: func(n strictyaml.Node) { s.TLS.Mode, _ = n.Word(tlsModes...) }},
			strictyaml.Field{Key: "ca", Read: l.file(&s.TLS.CA)},
			strictyaml.Field{Key: "cert", Read: l.file(&s.TLS.Cert)},
			strictyaml.Field{Key: "key", Read: l.file(&s.TLS.Key)},
			strictyaml.Field{Key: "service_user", Read: text(&s.ServiceUser)},
			strictyaml.Field{Key: "service_password", Read: func(n strictyaml.Node) { s.ServicePassword = l.reference(n) }},
		)
		if s.TLS.Mode == "verify-ca" && s.TLS.CA == "" {
			n.Report("tls: verify-ca needs a ca", "name the file of the certificate authority, or write verify-full")
		}
		if (s.TLS.Cert == "") != (s.TLS.Key == "") {
			n.Report("cert and key go together", "")
		}
	}
}

func auth(n strictyaml.Node) {
	if mode, ok := n.Peek("mode"); ok {
		switch word := mode.Scalar(); word {
		case "scram", "cert":
			n.Report("mode "+word+" is not available in this version", "write mode: relay")
			return
		}
	}
	n.Fields(strictyaml.Field{Key: "mode", Required: true, Read: func(n strictyaml.Node) { n.Word("relay") }})
}

func (l *loader) databases(n strictyaml.Node) {
	n.Entries(func(key strictyaml.Node, name string, value strictyaml.Node) {
		l.protects = true
		d := Database{Name: name}
		if name == "" || len(name) > 63 {
			key.Report("is not the name of a database", "1 to 63 bytes")
		}
		value.Fields(strictyaml.Field{Key: "policy", Required: true, Read: l.file(&d.Policy)})
		l.config.Databases = append(l.config.Databases, d)
	})
}

func (l *loader) admin(n strictyaml.Node) {
	n.Fields(strictyaml.Field{Key: "listen", Required: true, Read: func(n strictyaml.Node) {
		if address, ok := n.Text(); ok {
			l.config.Admin = l.address(n, address, true)
		}
	}})
}

// apply puts the overrides over what the file says.
func (l *loader) apply(doc *strictyaml.Document, overrides []Override) {
	for _, o := range overrides {
		n := doc.Elsewhere(o.Source, o.Key)
		switch o.Key {
		case "listen":
			l.config.Listen = nil
			for address := range strings.SplitSeq(o.Value, ",") {
				l.addListen(n, strings.TrimSpace(address))
			}
		case "server.address":
			l.config.Server.Address = l.address(n, o.Value, false)
		case "server.tls":
			if !slices.Contains(tlsModes, o.Value) {
				n.Report("is not a TLS mode", strictyaml.Suggest(o.Value, tlsModes))
			}
			l.config.Server.TLS.Mode = o.Value
		case "server.service_user":
			l.config.Server.ServiceUser = o.Value
		case "admin.listen":
			l.config.Admin = l.address(n, o.Value, true)
		}
	}
}
