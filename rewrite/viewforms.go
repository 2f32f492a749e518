package rewrite

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// The definition of a view that was created through pgveil is what was sent:
// comparisons of terms, literals that are terms or sealed values, one for the
// values of a group. This file reads these forms back, as the server shows
// them, so that the rules for what people write serve here too: a term of a
// sealed expression is typed as that expression, and where a rule moves the
// expression to its term, it is there already. A term that no rule asks for,
// or a rule that would have to change something, makes the definition one that
// pgveil did not write, and the view unreadable.

// The forms of what stands in the definitions, see docs/FORMAT.md. Package
// envelope makes them; a test there compares.
const (
	envelopePrefix = "pv1."
	termLength     = 22
)

// ownForm types an expression that pgveil put into a definition. It reports
// false for any other.
func (b *binder) ownForm(n *pg.Node, sc *scope) (typ, bool) {
	if b.depth == 0 {
		return typ{}, false
	}
	if n.GetTypeCast() != nil && b.ownSealed(n) {
		n.Node = bare(n).Node // it is cast to what sealed values are stored as
		return typ{open: true}, true
	}
	arg := termArgument(n.GetFuncCall())
	if arg == nil {
		return b.ownRepresentative(n, sc)
	}
	t := b.infer(arg, sc)
	if t.prot == nil || t.open {
		b.settlePlain(arg, t)
		return typ{}, true
	}
	n.Node = arg.Node
	b.terms[n] = true
	return t, true
}

// termArgument returns the expression that a call is the equality term of, nil
// for another call. Where the cast to text was needed the server shows it.
func termArgument(f *pg.FuncCall) *pg.Node {
	if lastName(f.GetFuncname()) != "split_part" || len(f.Args) != 3 || !plainCall(f) || f.AggFilter != nil {
		return nil
	}
	if literalText(f.Args[1]) != "." || bare(f.Args[2]).GetAConst().GetIval().GetIval() != 2 {
		return nil
	}
	return withoutText(f.Args[0])
}

// ownRepresentative types the aggregate that shows one of a group's sealed
// values, of a column that is grouped by its term.
func (b *binder) ownRepresentative(n *pg.Node, sc *scope) (typ, bool) {
	f, name := n.GetFuncCall(), "min"
	if i := n.GetAIndirection(); i != nil && len(i.Indirection) == 1 && firstItem(i.Indirection[0].GetAIndices()) {
		f, name = i.Arg.GetFuncCall(), "array_agg"
	}
	if lastName(f.GetFuncname()) != name || len(f.Args) != 1 || !plainCall(f) {
		return typ{}, false
	}
	ref := withoutText(f.Args[0]).GetColumnRef()
	if ref == nil || ref.Fields[len(ref.Fields)-1].GetAStar() != nil {
		return typ{}, false
	}
	found := b.refersTo(ref, sc)
	c := found.col
	if c == nil || c.prot == nil || found.unclear || found.ambiguous || found.at == nil || found.at.groupedBy(c) == nil || oneForm(c.prot.Logical.Name) != (name == "min") {
		return typ{}, false
	}
	b.condition(f.AggFilter, sc, "a FILTER clause")
	return typ{prot: c.prot, col: &column{name: c.name, prot: c.prot}}, true
}

func firstItem(i *pg.A_Indices) bool {
	return !i.GetIsSlice() && i.GetLidx() == nil && i.GetUidx().GetAConst().GetIval().GetIval() == 1
}

func plainCall(f *pg.FuncCall) bool {
	own := len(f.Funcname) == 1 || f.Funcname[0].GetString_().GetSval() == "pg_catalog"
	return own && !f.AggDistinct && !f.AggStar && f.Over == nil && len(f.AggOrder) == 0 && !f.FuncVariadic
}

// withoutText strips a cast to text.
func withoutText(n *pg.Node) *pg.Node {
	if c := n.GetTypeCast(); c != nil && lastName(c.TypeName.GetNames()) == "text" && len(c.TypeName.ArrayBounds) == 0 {
		return c.Arg
	}
	return n
}

// bare strips all casts.
func bare(n *pg.Node) *pg.Node {
	for n.GetTypeCast() != nil {
		n = n.GetTypeCast().Arg
	}
	return n
}

func literalText(n *pg.Node) string { return bare(n).GetAConst().GetSval().GetSval() }

// settleOwn settles a literal in a definition: it is sealed already, or the
// definition is none of pgveil's.
func (b *binder) settleOwn(n *pg.Node, t typ, u Use) {
	items := []*pg.Node{n}
	if t.array {
		items = elements(n)
	}
	for _, item := range items {
		c := bare(item).GetAConst()
		if c == nil || !c.Isnull && !ownLiteral(c.GetSval().GetSval(), u.Role) {
			b.changed = true
		}
	}
}

// ownLiteral says that a literal has the form of what pgveil puts in this role.
func ownLiteral(text string, role Role) bool {
	switch role {
	case Stored:
		return strings.HasPrefix(text, envelopePrefix)
	case Equality:
		return isTerm(text)
	case EqualityArray:
		text, open := strings.CutPrefix(text, "{")
		text, closed := strings.CutSuffix(text, "}")
		for item := range strings.SplitSeq(text, ",") {
			open = open && (item == "" || item == "NULL" || isTerm(item))
		}
		return open && closed
	}
	return false
}

func isTerm(text string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return len(text) == termLength && strings.Trim(text, alphabet) == ""
}

// ownSealed says of an expression in a definition that it is a literal which
// pgveil has sealed.
func (b *binder) ownSealed(n *pg.Node) bool {
	return b.depth > 0 && ownLiteral(literalText(n), Stored)
}
