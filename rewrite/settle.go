package rewrite

import (
	"maps"
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pgveil/pgveil/rewrite/catalog"
	"github.com/pgveil/pgveil/rewrite/shape"
)

// The types that sealed parameters are declared with to the server.
const (
	textOID      = 25
	varcharOID   = 1043
	textArrayOID = 1009
)

// settle says what part an open expression plays. The literal or parameter is
// replaced by its slot or its parameter of the sent text.
func (b *binder) settle(n *pg.Node, t typ, u Use) {
	if b.refusal != nil {
		return
	}
	if t.later != nil {
		b.settleLater(n, t, u)
		return
	}
	if b.depth > 0 && u.Role != Verbatim {
		b.settleOwn(n, t, u)
		return
	}
	if c := b.constantAt(n); c != nil {
		b.settleConstant(n, c, u)
		return
	}
	if t.array {
		for _, item := range elements(n) {
			b.settle(item, typ{open: true}, u)
		}
		return
	}
	switch e := n.Node.(type) {
	case *pg.Node_TypeCast:
		b.settleCast(n, e.TypeCast, u)
	case *pg.Node_AConst:
		b.settleConst(n, e.AConst, u)
	case *pg.Node_ParamRef:
		b.settleParam(e.ParamRef, u)
	}
}

// settleCast settles a literal or parameter beneath a cast. The cast stays
// where the value does; a sealed value is cast before it is sealed.
func (b *binder) settleCast(n *pg.Node, c *pg.TypeCast, u Use) {
	if u.Role == Verbatim {
		b.settle(c.Arg, typ{open: true}, u)
		return
	}
	cast, ok := b.typeNamed(c.TypeName)
	if !ok {
		b.unsupported("a literal or parameter cast to this type", u.Target)
		return
	}
	if c.Arg.GetAConst().GetIsnull() && u.Role != EqualityArray && !sameEquality(cast, u.Target.Logical) {
		b.unsupported("NULL cast to type "+cast.Name, u.Target)
		return
	}
	u.Cast = cast
	b.settle(c.Arg, typ{open: true}, u)
	n.Node = c.Arg.Node // NULL too: the server compares and stores text
	b.changed = true
}

// typeNamed resolves a type name without a modifier.
func (b *binder) typeNamed(t *pg.TypeName) (catalog.Type, bool) {
	if len(t.Typmods) > 0 || t.Setof || t.PctType || len(t.Names) == 0 || len(t.Names) > 2 {
		return catalog.Type{}, false
	}
	schema := ""
	if len(t.Names) == 2 {
		schema = t.Names[0].GetString_().GetSval()
	}
	name := lastName(t.Names)
	if len(t.ArrayBounds) > 0 {
		name = "_" + name
	}
	return b.env.Snapshot.TypeByName(b.env.SearchPath, schema, name)
}

func (b *binder) settleConst(n *pg.Node, c *pg.A_Const, u Use) {
	if c.Isnull {
		return
	}
	slot := b.slotAt(c.Location)
	if slot < 0 {
		b.settleWord(n, c, u)
		return
	}
	s := &b.st.Slots[slot]
	if s.Form != shape.Single {
		b.refuse(internalRefusal("a literal of a list stands alone"))
		return
	}
	if b.computes && b.deciding != nil && u.Role == Verbatim && c.GetSval() != nil {
		b.computedValue(b.deciding) // it may be the value that is stored then
		return
	}
	negative := b.sql[int(c.Location)+b.st.Start] == '-'
	u.Negate = negative && u.Role != Verbatim
	number := b.takeSlot(slot, []Use{u})
	n.Node = paramNode(number).Node
	if u.Role != Verbatim {
		b.changed = true
		return
	}
	if negative {
		n.Node = pg.MakeAExprNode(pg.A_Expr_Kind_AEXPR_OP, []*pg.Node{pg.MakeStrNode("-")}, nil, paramNode(number), -1).Node
	}
}

// takeSlot notes what becomes of a slot and returns the number that stands for
// it in the tree. A literal plays one part only: two would mean that a copy of
// it was settled apart, and one of them in clear.
func (b *binder) takeSlot(slot int, uses []Use) int {
	if i, ok := b.slots[slot]; ok && !b.again {
		if !slices.Equal(b.places[i].uses, uses) {
			b.refuse(internalRefusal("a literal was settled twice"))
		}
		return slotBase + i
	}
	b.places = append(b.places, place{slot: slot, uses: uses})
	b.slots[slot] = len(b.places) - 1
	return slotBase + len(b.places) - 1
}

// settleWord settles true and false, which are words of the shape, not slots.
func (b *binder) settleWord(n *pg.Node, c *pg.A_Const, u Use) {
	if u.Role == Verbatim {
		return
	}
	boolean, ok := c.Val.(*pg.A_Const_Boolval)
	if !ok {
		b.refuse(internalRefusal("a literal has no slot"))
		return
	}
	number := wordBase
	if boolean.Boolval.Boolval {
		number++
	}
	number += 2 * len(b.words)
	b.words = append(b.words, u)
	n.Node = paramNode(number).Node
	b.changed = true
}

// wordBase is where the numbers of sealed keywords begin, two for each: false and true.
const wordBase = 1 << 24

// slotAt returns the slot that covers a location of the tree, -1 for none.
func (b *binder) slotAt(location int32) int {
	if location < 0 {
		return -1
	}
	return b.st.SlotAt(int(location) + b.st.Start)
}

func paramNode(number int) *pg.Node { return pg.MakeParamRefNode(int32(number), -1) }

// settleList settles the whole of IN (…) where it is one slot.
func (b *binder) settleList(list *pg.List, u Use) bool {
	if len(list.GetItems()) == 0 || b.depth > 0 && u.Role != Verbatim {
		return false
	}
	slot := b.slotAt(location(list.Items[0]))
	if slot < 0 || b.st.Slots[slot].Form != shape.List {
		return false
	}
	list.Items = []*pg.Node{paramNode(b.takeSlot(slot, []Use{u}))}
	if u.Role != Verbatim {
		b.changed = true
	}
	return true
}

// location returns where the literal beneath a node stands in the text.
func location(n *pg.Node) int32 {
	switch e := n.Node.(type) {
	case *pg.Node_AConst:
		return e.AConst.Location
	case *pg.Node_SetToDefault:
		return e.SetToDefault.Location
	case *pg.Node_TypeCast:
		return location(e.TypeCast.Arg)
	}
	return -1
}

// settleParam gives a parameter its number in the sent text. Each part that a
// client's parameter plays is a parameter of its own.
func (b *binder) settleParam(ref *pg.ParamRef, u Use) {
	if b.settled[ref] {
		return
	}
	b.settled[ref] = true
	client := int(ref.Number)
	if client < 1 || client > 1<<16-1 {
		b.refuse(noParam(client))
		return
	}
	p := Param{Client: client, Use: u, OID: b.declaredType(client)}
	switch u.Role {
	case Stored, Equality:
		p.OID = textOID
	case EqualityArray:
		p.OID = textArrayOID
	}
	b.learn(client, u)
	ref.Number = int32(b.paramNumber(p))
	if u.Role != Verbatim {
		b.changed = true
	}
}

func (b *binder) declaredType(client int) uint32 {
	if client >= 1 && client <= len(b.declared) {
		return b.declared[client-1]
	}
	return 0
}

func (b *binder) paramNumber(p Param) int {
	for i, q := range b.params {
		if p == q {
			return i + 1
		}
	}
	b.params = append(b.params, p)
	return len(b.params)
}

// learn notes what a use tells of a client's parameter: the type that
// PostgreSQL would have inferred from the column.
func (b *binder) learn(client int, u Use) {
	if u.Role == Verbatim {
		c := b.clientParam(client)
		c.plain, c.computed = true, c.computed || b.computes
		return
	}
	b.learnType(client, b.inferred(u), false)
}

// learnType notes the type of a client's parameter. One that is known to be a
// string may be used as another kind of string, but where fixed says that an
// operator or a function has given it its type.
func (b *binder) learnType(client int, oid uint32, fixed bool) {
	c := b.clientParam(client)
	same := c.oid == 0 || c.oid == oid || textLike(c.oid) && textLike(oid) && (!fixed || c.late && !b.late)
	if !same {
		b.ambiguousParam(client)
		return
	}
	if c.oid == 0 || c.late && !b.late {
		c.oid, c.late = oid, b.late
	}
}

// behind binds a part of a statement to which PostgreSQL comes later than the
// binder: what is learned of parameters elsewhere counts before.
func (b *binder) behind(bind func()) {
	was := b.late
	b.late = true
	bind()
	b.late = was
}

func (b *binder) clientParam(client int) *clientUse {
	for len(b.client) < client {
		b.client = append(b.client, clientUse{})
	}
	return &b.client[client-1]
}

// inferred returns the type that PostgreSQL gives to a parameter in this role.
func (b *binder) inferred(u Use) uint32 {
	t := u.Target.Logical
	switch {
	case b.textParams:
		return textOID
	case u.Cast.OID != 0:
		return u.Cast.OID
	case u.Role == Stored:
		return t.OID
	case u.Role == EqualityArray:
		name := t.Name
		if name == "varchar" {
			name = "text"
		}
		array, _ := b.env.Snapshot.TypeByName(b.env.SearchPath, "", "_"+name)
		return array.OID
	case t.Name == "varchar" && !b.manyIn:
		return textOID // varchar has no = of its own
	}
	return t.OID
}

func textLike(oid uint32) bool { return oid == textOID || oid == varcharOID }

func paramName(client int) string { return "$" + strconv.Itoa(client) }

func (b *binder) ambiguousParam(client int) {
	b.refuse(ambiguousParam(paramName(client)))
}

// settlements are what became of literals and parameters so far.
type settlements struct {
	places, words, params, pending int
	slots                          map[int]int
	client                         []clientUse
}

func (b *binder) settlements() settlements {
	return settlements{
		places: len(b.places), words: len(b.words), params: len(b.params), pending: len(b.pending),
		slots: maps.Clone(b.slots), client: slices.Clone(b.client),
	}
}

// restore forgets what was settled since in a copy of an expression that is
// thrown away: a parameter must not be sent for it.
func (b *binder) restore(s settlements) {
	b.places, b.words, b.params, b.pending = b.places[:s.places], b.words[:s.words], b.params[:s.params], b.pending[:s.pending]
	b.slots, b.client = s.slots, s.client
}
