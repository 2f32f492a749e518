package config

import (
	"strconv"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// custodian reads the keys that belong to its kind.
func (l *loader) custodian(n strictyaml.Node) {
	l.custody = true
	c := &l.config.Custodian
	c.KeyLifetime = defaultKeyLifetime
	kind := strictyaml.Field{Key: "kind", Required: true, Read: func(n strictyaml.Node) { c.Kind, _ = n.Word(Software, PKCS11) }}
	lifetime := strictyaml.Field{Key: "key_lifetime", Read: duration(&c.KeyLifetime)}
	secret := func(r *Reference) func(strictyaml.Node) {
		return func(n strictyaml.Node) { *r = l.reference(n) }
	}
	written, _ := n.Peek("kind")
	switch written.Scalar() {
	case PKCS11:
		n.Fields(kind, lifetime,
			strictyaml.Field{Key: "module", Required: true, Read: l.file(&c.Module)},
			strictyaml.Field{Key: "token", Required: true, Read: text(&c.Token)},
			strictyaml.Field{Key: "pin", Required: true, Read: secret(&c.PIN)},
			strictyaml.Field{Key: "key", Required: true, Read: text(&c.Key)},
		)
	case "keymanager":
		n.Report("kind keymanager is not available in this version", "write kind: software or kind: pkcs11")
	case Software, "":
		n.Fields(kind, lifetime,
			strictyaml.Field{Key: "file", Required: true, Read: l.file(&c.File)},
			strictyaml.Field{Key: "passphrase", Required: true, Read: secret(&c.Passphrase)},
		)
	default:
		n.Report(strconv.Quote(written.Scalar())+" is no kind of custodian", strictyaml.Suggest(written.Scalar(), []string{Software, PKCS11}))
	}
}
