package backfill

import (
	"context"
	"fmt"

	"github.com/pgveil/pgveil/envelope"
	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// KeyStore makes keysets and hands out their keys, as keystore.Store does.
type KeyStore struct {
	// Create makes the keys of a keyset that has none.
	Create func(ctx context.Context, keyset string) error
	// Keyset returns the keys of a keyset.
	Keyset func(name string) envelope.Keys
}

// NewVault returns the Vault that seals envelopes with the keys of a store.
func NewVault(keys KeyStore) Vault { return &vault{keys: keys} }

type vault struct{ keys KeyStore }

func (v *vault) Create(ctx context.Context, keyset string) error { return v.keys.Create(ctx, keyset) }

// EnvelopeOptions are the options under which the values of a column are
// sealed, opened and searched.
func EnvelopeOptions(c *policy.Column, domainID string) envelope.Options {
	return envelope.Options{Keyset: c.Keyset, Domain: domainID, Equality: c.Search.Equality, Pad: c.Pad}
}

func (v *vault) Sealer(p *catalog.Protected) (Sealer, error) {
	t := p.Logical
	logical, ok := canon.TypeOf(t.OID, t.Mod, t.Name, t.Elem, t.ElemName)
	if !ok {
		return nil, fmt.Errorf("values of type %s cannot be sealed", t.Name)
	}
	if p.DomainID == "" {
		return nil, fmt.Errorf("internal error: no domain is recorded")
	}
	o := EnvelopeOptions(p.Column, p.DomainID)
	return &envelopeSealer{codec: envelope.New(v.keys.Keyset(o.Keyset), o), options: o, logical: logical}, nil
}

// envelopeSealer is used by one goroutine, so it may keep its buffers.
type envelopeSealer struct {
	codec             *envelope.Codec
	options           envelope.Options
	logical           canon.Type
	canonical, equals []byte
}

func (s *envelopeSealer) Seal(ctx context.Context, dst, text []byte) ([]byte, error) {
	defer func() { clear(s.canonical[:cap(s.canonical)]); clear(s.equals[:cap(s.equals)]) }()
	var err error
	// The zero Settings are those that Apply reads values under.
	if s.canonical, err = canon.AppendFromText(s.canonical[:0], s.logical, &canon.Settings{}, text); err != nil {
		return dst, err
	}
	s.equals = s.equals[:0]
	if s.options.Equality {
		if s.equals, err = canon.AppendEquality(s.equals, s.logical, s.canonical); err != nil {
			return dst, err
		}
	}
	return s.codec.Seal(ctx, dst, s.canonical, s.equals)
}

func (s *envelopeSealer) Guard() string { return envelope.GuardPattern(s.options) }
