package strictyaml

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// joinParentheses puts a value with a comma between parentheses together
// again. In {type: numeric(12,2)} YAML ends the value at the comma and reads a
// key "2)" with nothing behind it. No key of ours holds a parenthesis, so that
// can only be what the author sees in it: numeric(12,2).
func joinParentheses(entries []*ast.MappingValueNode) []*ast.MappingValueNode {
	joined := make([]*ast.MappingValueNode, 0, len(entries))
	for _, e := range entries {
		if len(joined) > 0 {
			if whole := withRest(joined[len(joined)-1], e); whole != nil {
				joined[len(joined)-1] = whole
				continue
			}
		}
		joined = append(joined, e)
	}
	return joined
}

// withRest returns e with the key of rest as the end of its value, or nil
// where the two are separate.
func withRest(e, rest *ast.MappingValueNode) *ast.MappingValueNode {
	value, ok := plain(e.Value)
	if !ok || strings.Count(value.Value, "(") != 1 || strings.Contains(value.Value, ")") {
		return nil
	}
	key, ok := plain(rest.Key)
	null, empty := rest.Value.(*ast.NullNode)
	if !ok || !empty || null.Token.Type != token.ImplicitNullType || !strings.Contains(key.Value, ")") {
		return nil
	}
	whole, text := *e, *value
	text.Value = value.Value + "," + key.Value
	whole.Value = &text
	return &whole
}

// plain returns a string that stands without quotes.
func plain(n ast.Node) (*ast.StringNode, bool) {
	s, ok := n.(*ast.StringNode)
	return s, ok && s.Token.Type == token.StringType
}
