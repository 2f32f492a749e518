package rewrite

import (
	"fmt"
	"strings"
)

// String tells people what is opened in a container:
// json(record(name: public.people.name as mask, tags: public.people.tags as reveal)).
func (c *Container) String() string {
	if c == nil {
		return "-"
	}
	if c.Kind == Sealed {
		return fmt.Sprintf("%s %s as %s", c.Target.Column, c.Target.Logical.Name, c.Access.Read)
	}
	kinds := [...]string{Array: "array", Record: "record", JSON: "json", JSONB: "jsonb", List: "list", Rows: "rows", Map: "map", Joined: "text", Text: "text"}
	joins := [...]string{Strict: "||", Concat: "concat", Separated: "concat_ws", Delimited: "string_agg", Elements: "array_to_string", Chosen: "choice"}
	name := kinds[c.Kind]
	if c.Kind == Joined {
		name += " " + joins[c.Join]
	}
	if c.Type.OID != 0 {
		name += " of " + c.Type.Name
	}
	var parts []string
	if c.Elem != nil {
		parts = append(parts, c.Elem.String())
	}
	for _, item := range c.Items {
		part := item.Holds.String()
		if item.Name != "" && item.Holds != nil {
			part = item.Name + ": " + part
		}
		parts = append(parts, part)
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}
