package cli

import (
	"context"
	"fmt"

	"github.com/pgveil/pgveil/backfill"
	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/keystore"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// vault is a key store as backfill.Apply wants it.
type vault struct{ store *keystore.Store }

// Create makes the keys of a keyset that has none.
func (v vault) Create(ctx context.Context, keyset string) error {
	return createKeyset(ctx, v.store, keyset)
}

// Sealer seals what the proxy would seal for the column, to the byte.
func (v vault) Sealer(p *catalog.Protected) (backfill.Sealer, error) {
	t := p.Logical
	typ, ok := canon.TypeOf(t.OID, t.Mod, t.Name, t.Elem, t.ElemName)
	if !ok {
		return nil, fmt.Errorf("column %s has type %s, which cannot be protected", p.Column, t.Name)
	}
	options := envelope.Options{
		Keyset: p.Column.Keyset, Domain: p.DomainID, Equality: p.Column.Search.Equality, Pad: p.Column.Pad,
	}
	return &sealer{
		codec: envelope.New(v.store.Keyset(p.Column.Keyset), options), options: options, typ: typ,
	}, nil
}

// sealer is for one goroutine.
type sealer struct {
	codec   *envelope.Codec
	options envelope.Options
	typ     canon.Type
	// value and equality are reused from row to row.
	value, equality []byte
}

// Seal appends to dst what the column stores for a value in PostgreSQL's text
// form under its default settings, which are those of canon.Settings{}.
func (s *sealer) Seal(ctx context.Context, dst, text []byte) ([]byte, error) {
	var err error
	if s.value, err = canon.AppendFromText(s.value[:0], s.typ, &canon.Settings{}, text); err != nil {
		return nil, err
	}
	if !s.options.Equality {
		return s.codec.Seal(ctx, dst, s.value, nil)
	}
	if s.equality, err = canon.AppendEquality(s.equality[:0], s.typ, s.value); err != nil {
		return nil, err
	}
	return s.codec.Seal(ctx, dst, s.value, s.equality)
}

func (s *sealer) Guard() string { return envelope.GuardPattern(s.options) }
