package proxy

import (
	"bytes"
	"context"
	"regexp"
	"strings"

	"github.com/pgveil/pgveil/envelope/canon"
	"github.com/pgveil/pgveil/internal/wire"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// keyTerm is a sealed column in the key of a unique index, as the server writes
// it: quoted or not, cast or not.
var keyTerm = regexp.MustCompile(`split_part\(\(?("(?:[^"]|"")+"|[\pL_][\pL\pN_$]*)\)?(?:::text)?, '\.'::text, 2\)`)

// uniqueViolation is the SQLSTATE of a second value where only one may be.
const uniqueViolation = "23505"

// keyDetail returns the detail of a unique violation over sealed columns as
// plain PostgreSQL words it, nil for anything else. Only to a role that reads
// the column it says the value, which was among what was sent; to others the
// key's columns.
func (s *session) keyDetail(ctx context.Context, fields wire.ErrorFields, r *run, sent []byte) []byte {
	detail := fields.Field('D')
	if r == nil || string(fields.Field('C')) != uniqueViolation || !bytes.Contains(detail, termMark) {
		return nil
	}
	keys, values, ok := bytes.Cut(detail, []byte(")=("))
	if !ok || bytes.Contains(detail, envelopeMark) {
		return nil
	}
	var rel *catalog.Relation
	if snap := r.planning.state.snap; snap != nil {
		rel = snap.Lookup(nil, string(fields.Field('s')), string(fields.Field('t')))
	}
	shown := rel != nil
	for _, m := range keyTerm.FindAllSubmatch(keys, -1) {
		values, shown = s.keyValue(ctx, r, protectedColumn(rel, string(m[1])), values, sent, shown)
	}
	keys = keyTerm.ReplaceAll(keys, []byte("$1"))
	switch end := bytes.LastIndex(values, []byte(") ")); {
	case shown:
		return bytes.Join([][]byte{keys, values}, []byte(")=("))
	case end >= 0:
		return append(append(keys[:len(keys):len(keys)], ")"...), values[end+1:]...)
	}
	return nil
}

// keyValue puts the value of a sealed column in the place of its term. shown
// says whether that was so for the columns before, and for this one.
func (s *session) keyValue(ctx context.Context, r *run, p *catalog.Protected, values, sent []byte, shown bool) ([]byte, bool) {
	if !shown || p == nil || r.planning.env.Policy.Access(p.Column, r.planning.env.Roles).Read != policy.Reveal {
		return values, false
	}
	col, err := r.planning.state.column(p)
	if err != nil {
		return values, false
	}
	for _, at := range termPlace.FindAllIndex(values, -1) {
		stored := storedBy(values[at[0]:at[1]], sent, r.sealed)
		if stored == nil {
			continue
		}
		plain, err := col.codec.Open(ctx, nil, stored)
		if err != nil {
			continue
		}
		text, err := canon.AppendText(nil, col.typ, r.forms(s.settings.Load()), plain)
		if err != nil {
			return values, false
		}
		return append(append(values[:at[0]:at[0]], text...), values[at[1]:]...), true
	}
	return values, false
}

// termPlace is what may be an equality term.
var termPlace = regexp.MustCompile(`[A-Za-z0-9_-]{22}`)

// storedBy finds the sealed value with a term in a text or in parameters.
func storedBy(term, sent []byte, sealed [][]byte) []byte {
	mark := append(append(append([]byte(nil), envelopeMark...), term...), '.')
	for _, in := range append([][]byte{sent}, sealed...) {
		i := bytes.Index(in, mark)
		if i < 0 {
			continue
		}
		end := i
		for end < len(in) && inEnvelope(in[end]) {
			end++
		}
		return in[i:end]
	}
	return nil
}

// protectedColumn finds a protected column by its name as SQL writes it.
func protectedColumn(rel *catalog.Relation, name string) *catalog.Protected {
	if rel == nil {
		return nil
	}
	if quoted, ok := strings.CutPrefix(name, `"`); ok {
		name = strings.ReplaceAll(strings.TrimSuffix(quoted, `"`), `""`, `"`)
	}
	for i := range rel.Columns {
		if rel.Columns[i].Name == name {
			return rel.Columns[i].Protected
		}
	}
	return nil
}
