package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// Problem and Problems are what Load says of a file that is not right.
type (
	Problem  = strictyaml.Problem
	Problems = strictyaml.Problems
)

const (
	// maxRoles is how many bits a RoleSet has.
	maxRoles = 64
	// maxName is PostgreSQL's NAMEDATALEN - 1.
	maxName           = 63
	defaultKeyset     = "default"
	defaultDictionary = 20000
	maxDictionary     = 1_000_000
	maxPad            = 64 << 10
	maxMaskKeep       = 64
)

// Load reads a policy file. The name is for messages. The error is a
// *[Problems] that lists everything that is wrong with the file.
func Load(name string, data []byte) (*Policy, error) {
	doc, root := strictyaml.Parse(name, data)
	l := &loader{
		policy:  &Policy{Limits: Limits{Dictionary: defaultDictionary}, byName: map[tableName]*Table{}},
		columns: map[*Column]columnPlaces{},
	}
	root.Fields(
		strictyaml.Field{Key: "version", Required: true, Read: checkVersion},
		strictyaml.Field{Key: "roles", Read: l.roles},
		strictyaml.Field{Key: "access", Read: func(n strictyaml.Node) { l.policy.Default = l.accessMap(n) }},
		strictyaml.Field{Key: "tables", Required: true, Read: l.tables},
		strictyaml.Field{Key: "limits", Read: l.limits},
	)
	l.checkRoleNames()
	l.checkDomains()
	if err := doc.Err(); err != nil {
		return nil, err
	}
	l.policy.Version = digest(l.policy)
	return l.policy, nil
}

func checkVersion(n strictyaml.Node) {
	if v, ok := n.Int(0, 1<<30); ok && v != 1 {
		n.Report(fmt.Sprintf("version %d is not known", v), "this pgveil reads version 1")
	}
}

// digest is over the meaning, so comments and formatting do not change it.
func digest(p *Policy) string {
	text, err := json.Marshal(p)
	if err != nil {
		panic("internal error: a policy cannot be marshalled: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// loader builds a policy and remembers the places that checks across the
// whole file need.
type loader struct {
	policy   *Policy
	roleRefs []roleRef
	columns  map[*Column]columnPlaces
}

type roleRef struct {
	at   strictyaml.Node
	name string
}

// columnPlaces are where a column, its domain and its type stand.
type columnPlaces struct {
	key, domain strictyaml.Node
}

func (l *loader) roles(n strictyaml.Node) {
	n.Entries(func(key strictyaml.Node, name string, value strictyaml.Node) {
		r := Role{Name: name}
		if !roleName.MatchString(name) {
			key.Report(fmt.Sprintf("%q cannot be the name of a role", name), "letters, digits, _ and -, at most 63")
		}
		if len(l.policy.Roles) == maxRoles {
			key.Report(fmt.Sprintf("there are more than %d roles", maxRoles), "")
		}
		ok := value.Fields(
			strictyaml.Field{Key: "users", Read: func(n strictyaml.Node) { r.Users = n.Texts() }},
			strictyaml.Field{Key: "member_of", Read: func(n strictyaml.Node) { r.MemberOf = n.Texts() }},
			strictyaml.Field{Key: "claims", Read: func(n strictyaml.Node) { r.Claims = claims(n) }},
		)
		if ok && len(r.Users)+len(r.MemberOf)+len(r.Claims) == 0 {
			key.Report("no session can ever have this role", "give it users, member_of or claims")
		}
		l.policy.Roles = append(l.policy.Roles, r)
	})
}

var roleName = regexp.MustCompile(`^[\pL_][\pL\pN_-]{0,62}$`)

func claims(n strictyaml.Node) map[string]string {
	all := map[string]string{}
	n.Entries(func(_ strictyaml.Node, path string, value strictyaml.Node) {
		all[path], _ = value.Text()
	})
	return all
}

func (l *loader) limits(n strictyaml.Node) {
	n.Fields(strictyaml.Field{Key: "dictionary", Read: func(n strictyaml.Node) {
		if v, ok := n.Int(0, maxDictionary); ok {
			l.policy.Limits.Dictionary = v
		}
	}})
}

func (l *loader) tables(n strictyaml.Node) {
	n.Entries(func(key strictyaml.Node, written string, value strictyaml.Node) {
		name, err := parseTableName(written)
		if err != nil {
			key.Report(err.Error(), "")
			return
		}
		if reserved(name.schema) {
			key.Report(fmt.Sprintf("tables of schema %s cannot be protected", name.schema), "")
		}
		if l.policy.byName[name] != nil {
			key.Report(fmt.Sprintf("table %s.%s is here twice", name.schema, name.name), "")
			return
		}
		t := &Table{Schema: name.schema, Name: name.name, byName: map[string]*Column{}}
		l.policy.byName[name] = t
		l.policy.Tables = append(l.policy.Tables, t)
		value.Entries(func(key strictyaml.Node, name string, value strictyaml.Node) {
			c := l.column(t, key, name, value)
			t.Columns = append(t.Columns, c)
			t.byName[name] = c
		})
	})
}

// parseTableName reads table or schema.table. A part with a dot in it is
// written in double quotes, as in SQL. Letters keep their case.
func parseTableName(s string) (tableName, error) {
	var parts []string
	for rest := s; ; {
		part, after, err := cutIdentifier(rest)
		if err != nil {
			return tableName{}, fmt.Errorf("%q is not the name of a table: %w", s, err)
		}
		parts = append(parts, part)
		if after == "" {
			break
		}
		rest = after[1:]
	}
	switch len(parts) {
	case 1:
		return tableName{"public", parts[0]}, nil
	case 2:
		return tableName{parts[0], parts[1]}, nil
	default:
		return tableName{}, fmt.Errorf("%q has %d parts, not table or schema.table", s, len(parts))
	}
}

// cutIdentifier returns the first identifier of s and what is behind it,
// which is empty or begins with a dot.
func cutIdentifier(s string) (name, after string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, '.')
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], checkName(s[:end])
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		case i+1 < len(s) && s[i+1] != '.':
			return "", "", fmt.Errorf("something stands behind a quoted name")
		default:
			return b.String(), s[i+1:], checkName(b.String())
		}
	}
	return "", "", fmt.Errorf("a double quote is not closed")
}

func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a name is empty")
	case len(name) > maxName:
		return fmt.Errorf("a name has more than %d bytes", maxName)
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("a name holds a NUL character")
	}
	return nil
}

func reserved(schema string) bool {
	return schema == "pgveil" || schema == "information_schema" || strings.HasPrefix(schema, "pg_")
}
