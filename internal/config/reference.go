package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/internal/strictyaml"
)

// Reference says where a secret is. It is itself no secret and may be printed.
// The zero Reference stands for none.
type Reference struct {
	// env or file, and the variable or the absolute path.
	kind, where string
}

// IsZero reports whether nothing is referred to.
func (r Reference) IsZero() bool { return r.kind == "" }

// String returns the reference as the file writes it, e.g. env:PGVEIL_PIN.
func (r Reference) String() string {
	if r.IsZero() {
		return "(none)"
	}
	return r.kind + ":" + r.where
}

// maxSecret bounds what is read from a file that is no secret.
const maxSecret = 64 << 10

// Resolver fetches secrets. Its parts come in so that a test need not change
// the environment.
type Resolver struct {
	LookupEnv func(string) (string, bool)
	ReadFile  func(string) ([]byte, error)
}

// SystemResolver reads the process's environment and the file system.
func SystemResolver() Resolver { return Resolver{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile} }

// ErrNoSecret says that the variable or file of a reference is missing, empty
// or not readable.
var ErrNoSecret = errors.New("secret cannot be had")

// Resolve fetches the secret. One line end at the end of a file does not
// belong to it. The caller destroys the bytes.
func (v Resolver) Resolve(r Reference) (secret.Bytes, error) {
	value, err := v.read(r)
	if err != nil {
		return secret.Bytes{}, fmt.Errorf("%w: %s: %w", ErrNoSecret, r, err)
	}
	switch {
	case len(value) == 0:
		return secret.Bytes{}, fmt.Errorf("%w: %s is empty", ErrNoSecret, r)
	case len(value) > maxSecret:
		clear(value)
		return secret.Bytes{}, fmt.Errorf("%w: %s has more than %d bytes", ErrNoSecret, r, maxSecret)
	}
	return secret.New(value), nil
}

func (v Resolver) read(r Reference) ([]byte, error) {
	switch r.kind {
	case "env":
		value, ok := v.LookupEnv(r.where)
		if !ok {
			return nil, errors.New("the variable is not set")
		}
		return []byte(value), nil
	case "file":
		value, err := v.ReadFile(r.where)
		if pathError, ok := errors.AsType[*fs.PathError](err); ok {
			return nil, pathError.Err // the path stands in the reference
		}
		if err != nil {
			return nil, err
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(value, []byte("\n")), []byte("\r")), nil
	default:
		return nil, errors.New("nothing is referred to")
	}
}

// reference reads env:NAME or file:path. Anything else may be the secret
// itself, so it is never repeated in a message.
func (l *loader) reference(n strictyaml.Node) Reference {
	const cure = "write env:NAME or file:path"
	if !n.IsScalar() || n.IsEmpty() {
		n.Report("must refer to a secret", cure)
		return Reference{}
	}
	text := n.Scalar()
	kind, where, _ := strings.Cut(text, ":")
	switch {
	case kind == "env" && isVariable(where):
		return Reference{kind, where}
	case kind == "file" && where != "":
		return Reference{kind, l.path(where)}
	case kind == "env" || kind == "file":
		n.Report("does not name a variable or a file", cure)
	default:
		n.Report("a secret does not stand in this file", cure)
	}
	return Reference{}
}

func isVariable(name string) bool {
	return name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// path makes a path of the file absolute: it is relative to the file.
func (l *loader) path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(l.dir, p)
}
