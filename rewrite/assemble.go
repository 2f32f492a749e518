package rewrite

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// assemble turns the changed tree into the plan's pieces of text.
func (b *binder) assemble(tree *pg.ParseResult, columns []ResultColumn) *Plan {
	for len(b.client) < len(b.declared) {
		b.client = append(b.client, clientUse{}) // declared, and not used
	}
	for i, c := range b.client {
		if c.oid == 0 && !c.plain && b.declaredType(i+1) == 0 {
			b.refuse(unknownParam("$" + strconv.Itoa(i+1)))
			return &Plan{Refusal: b.refusal}
		}
		if c.oid != 0 && c.plain && b.declaredType(i+1) == 0 && !textLike(c.oid) {
			b.ambiguousParam(i + 1)
			return &Plan{Refusal: b.refusal}
		}
	}
	plan := &Plan{Verdict: Rewrite, Columns: columns}
	var refusal *pgerr.Error
	if plan.Text, plan.Params, refusal = b.writeOut(tree); refusal != nil {
		return &Plan{Refusal: refusal}
	}
	if plan.Steps, refusal = b.writeSteps(tree.Version); refusal != nil {
		return &Plan{Refusal: refusal}
	}
	for i, c := range b.client {
		oid := c.oid
		if declared := b.declaredType(i + 1); declared != 0 {
			oid = declared
		}
		plan.ClientParams = append(plan.ClientParams, ClientParam{OID: oid})
	}
	return plan
}

// writeOut turns a tree into pieces of text, and returns the parameters that
// occur in it.
func (b *binder) writeOut(tree *pg.ParseResult) ([]Piece, []Param, *pgerr.Error) {
	text, err := pg.Deparse(tree)
	if err != nil {
		return nil, nil, internalRefusal("the statement cannot be written out")
	}
	text, params, ok := b.ownParams(text)
	if !ok {
		return nil, nil, internalRefusal("a parameter was lost")
	}
	pieces, ok := b.cut(text)
	if !ok {
		return nil, nil, internalRefusal("a parameter was lost")
	}
	return pieces, params, nil
}

// ownParams numbers the parameters of one text of several from 1.
func (b *binder) ownParams(text string) (string, []Param, bool) {
	if len(b.steps) == 0 {
		return text, b.params, true
	}
	used := map[int]int{}
	for i := 0; i < len(text); i = token(text, i) {
		if n, ok := paramAt(text, i); ok && n < slotBase {
			used[n] = 0
		}
	}
	var params []Param
	for i, n := range slices.Sorted(maps.Keys(used)) {
		if n < 1 || n > len(b.params) {
			return "", nil, false
		}
		used[n] = i + 1
		params = append(params, b.params[n-1])
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		end := token(text, i)
		if n, ok := paramAt(text, i); ok && n < slotBase {
			out.WriteString("$" + strconv.Itoa(used[n]))
		} else {
			out.WriteString(text[i:end])
		}
		i = end
	}
	return out.String(), params, true
}

// paramAt returns the number of the parameter whose token begins at i.
func paramAt(text string, i int) (int, bool) {
	if text[i] != '$' {
		return 0, false
	}
	n, err := strconv.Atoi(text[i+1 : token(text, i)])
	return n, err == nil
}

// cut splits a deparsed text at the parameters that stand for slots. It
// reports false where a parameter is none of the binder's making.
func (b *binder) cut(text string) ([]Piece, bool) {
	var pieces []Piece
	start := 0
	for i := 0; i < len(text); {
		end := token(text, i)
		if text[i] != '$' || end == i+1 {
			i = end
			continue
		}
		number, err := strconv.Atoi(text[i+1 : end])
		switch {
		case err != nil || number < 1:
			return nil, false
		case number < slotBase:
			if number > len(b.params) {
				return nil, false
			}
		default:
			p, from, to, ok := b.piece(text, number, i, end)
			if !ok {
				return nil, false
			}
			p.Text = text[start:from]
			pieces = append(pieces, p)
			start, end = to, to
		}
		i = end
	}
	return append(pieces, Piece{Text: text[start:], Slot: -1}), true
}

// piece returns the piece for a parameter number that stands at text[from:to].
func (b *binder) piece(text string, number, from, to int) (Piece, int, int, bool) {
	if number >= stepBase {
		given := givenBy(number)
		return Piece{Slot: -1, Given: given}, from, to, given.Step <= len(b.steps)
	}
	if number >= wordBase {
		i := (number - wordBase) / 2
		if i >= len(b.words) {
			return Piece{}, 0, 0, false
		}
		word := "false"
		if (number-wordBase)%2 == 1 {
			word = "true"
		}
		return Piece{Slot: -1, Word: word, Uses: []Use{b.words[i]}}, from, to, true
	}
	if number-slotBase >= len(b.places) {
		return Piece{}, 0, 0, false
	}
	at := b.places[number-slotBase]
	if at.constant != nil {
		return Piece{Slot: -1, Constant: at.constant, Uses: at.uses}, from, to, true
	}
	if b.st.Slots[at.slot].Form == shape.Rows {
		// The slot spans its rows with their parentheses.
		if from == 0 || text[from-1] != '(' || to >= len(text) || text[to] != ')' {
			return Piece{}, 0, 0, false
		}
		from, to = from-1, to+1
	}
	return Piece{Slot: at.slot, Uses: at.uses}, from, to, true
}

// token returns the end of the token of a deparsed text that begins at i, as
// far as cut must tell tokens apart: strings, quoted names, parameters, names.
func token(text string, i int) int {
	switch c := text[i]; {
	case c == '\'':
		return quoted(text, i, '\'', i > 0 && (text[i-1] == 'E' || text[i-1] == 'e'))
	case c == '"':
		return quoted(text, i, '"', false)
	case c == '$':
		end := i + 1
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		return end
	case wordByte(c):
		end := i + 1
		for end < len(text) && (wordByte(text[end]) || text[end] == '$') {
			end++
		}
		return end
	}
	return i + 1
}

func wordByte(c byte) bool {
	return c == '_' || c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// quoted returns the end of a quoted token; a doubled quote is part of it.
func quoted(text string, i int, quote byte, backslash bool) int {
	for j := i + 1; j < len(text); j++ {
		switch {
		case backslash && text[j] == '\\':
			j++
		case text[j] != quote:
		case j+1 < len(text) && text[j+1] == quote:
			j++
		default:
			return j + 1
		}
	}
	return len(text)
}

// pins returns the literals that the plan depends on: those of slots that it
// did not move into its text, and those that it compared with others. A forwarded statement is sent as it came, and a
// literal decides nothing there but a place in ORDER BY or GROUP BY.
func (b *binder) pins() []pin {
	pins := b.classes
	for i := range b.st.Slots {
		if _, moved := b.slots[i]; moved && !b.decisive[i] {
			continue
		}
		s := &b.st.Slots[i]
		pins = append(pins, pin{slot: i, text: strings.Clone(string(b.sql[s.Start:s.End]))})
	}
	return pins
}
