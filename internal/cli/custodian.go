package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
	"github.com/pgveil/pgveil/keystore/pkcs11"
	"github.com/pgveil/pgveil/keystore/software"
)

// custody is an open custodian with the secret that it was opened with, which
// a token asks for again whenever it was away.
type custody struct {
	keystore.Custodian
	secret secret.Bytes
}

// Close lets go of the custodian, then wipes the secret.
func (c *custody) Close() error {
	err := c.Custodian.Close()
	c.secret.Destroy()
	return err
}

// openCustodian opens the custodian of the configuration. warn is told what
// works but should not be so.
func openCustodian(ctx context.Context, c config.Custodian, resolver config.Resolver, log *zap.Logger, warn func(string)) (*custody, error) {
	s, err := custodianSecret(c, resolver)
	if err != nil {
		return nil, err
	}
	custodian, err := openKind(ctx, c, s, log, warn)
	if err != nil {
		s.Destroy()
		if c.Kind == config.Software && rootIsMissing(c, err) {
			err = &usageError{message: "opening the custodian", cause: err, hint: "make the root key with: pgveil keys create"}
		}
		return nil, err
	}
	return &custody{Custodian: custodian, secret: s}, nil
}

func openKind(ctx context.Context, c config.Custodian, s secret.Bytes, log *zap.Logger, warn func(string)) (keystore.Custodian, error) {
	if c.Kind == config.PKCS11 {
		custodian, err := pkcs11.Open(ctx, tokenOptions(c, s, log))
		if err != nil {
			return nil, err // not a nil *Custodian in an interface
		}
		return custodian, nil
	}
	custodian, warnings, err := software.Open(c.File, s)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		warn(w)
	}
	return custodian, nil
}

func tokenOptions(c config.Custodian, pin secret.Bytes, log *zap.Logger) pkcs11.Options {
	return pkcs11.Options{Module: c.Module, Token: c.Token, PIN: pin, Key: c.Key, Log: log}
}

func custodianSecret(c config.Custodian, resolver config.Resolver) (secret.Bytes, error) {
	path, reference := "custodian.passphrase", c.Passphrase
	if c.Kind == config.PKCS11 {
		path, reference = "custodian.pin", c.PIN
	}
	s, err := resolver.Resolve(reference)
	if err != nil {
		return secret.Bytes{}, noSecret(path, err)
	}
	return s, nil
}

// noSecret says which key of the configuration refers to nothing.
func noSecret(path string, err error) error {
	return &usageError{message: path, cause: err, hint: "set the variable or write the file that the configuration refers to"}
}

// createRoot makes the root key unless there is one, and reports whether it did.
func createRoot(ctx context.Context, c config.Custodian, resolver config.Resolver) (made bool, err error) {
	s, err := custodianSecret(c, resolver)
	if err != nil {
		return false, err
	}
	defer s.Destroy()
	if c.Kind == config.PKCS11 {
		_, err := pkcs11.CreateRoot(ctx, tokenOptions(c, s, zap.NewNop()))
		return err == nil, err
	}
	if err := os.MkdirAll(filepath.Dir(c.File), 0o700); err != nil {
		return false, fmt.Errorf("making the folder of the root key: %w", err)
	}
	err = software.Create(c.File, s)
	return err == nil, err
}

// rootIsMissing reports whether err, which opening a custodian gave, may say
// that there is no root key yet. Making one never replaces another.
func rootIsMissing(c config.Custodian, err error) bool {
	if c.Kind == config.PKCS11 {
		e, ok := errors.AsType[*pgerr.Error](err)
		return ok && e.Code == pgerr.CustodianKey
	}
	_, statErr := os.Stat(c.File)
	return errors.Is(statErr, fs.ErrNotExist)
}
