package catalog

// retypedKey is a protected column under another type.
type retypedKey struct {
	column *Protected
	typ    Type
}

// Retyped returns the column as one of another type with the same canonical
// form: a text column cast to varchar, or without its length. The same
// arguments give the same pointer, so that callers may key by it.
func (s *Snapshot) Retyped(p *Protected, t Type) *Protected {
	if p.Logical == t {
		return p
	}
	key := retypedKey{column: p, typ: t}
	if q, ok := s.retyped.Load(key); ok {
		return q.(*Protected)
	}
	copied := *p
	copied.Logical = t
	q, _ := s.retyped.LoadOrStore(key, &copied)
	return q.(*Protected)
}
