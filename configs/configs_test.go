// Package configs holds the example configuration and policies; its tests
// load each of them.
package configs

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/policy"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A file with tables is a policy, any other is a configuration.
func TestEveryExampleLoads(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("Glob(*.yaml) = %v, %v, want at least two files", files, err)
	}
	for _, name := range files {
		var top map[string]any
		if err := yaml.Unmarshal(read(t, name), &top); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, isPolicy := top["tables"]; isPolicy {
			if _, err := policy.Load(name, read(t, name)); err != nil {
				t.Errorf("%s is no policy:\n%v", name, err)
			}
			continue
		}
		c, err := config.Load(name, read(t, name))
		if err != nil {
			t.Errorf("%s is no configuration:\n%v", name, err)
			continue
		}
		for _, d := range c.Databases {
			if _, err := os.Stat(d.Policy); err != nil {
				t.Errorf("%s: the policy of database %s: %v", name, d.Name, err)
			}
		}
	}
}

// What is commented out in the example must work too once it is not.
func TestExample_commentedCustodianLoads(t *testing.T) {
	text := string(read(t, "pgveil.yaml"))
	text = strings.Replace(text, "custodian: {kind: software", "#custodian: {kind: software", 1)
	_, block, ok := strings.Cut(text, "\n#custodian:\n")
	if !ok {
		t.Fatal("pgveil.yaml shows no PKCS#11 custodian")
	}
	block, _, _ = strings.Cut(block, "\n\n")
	text = strings.Replace(text, "#custodian:\n"+block, "custodian:\n"+strings.ReplaceAll(block, "#  ", "  "), 1)
	text = strings.Replace(text, "#tls:", "tls:", 1)
	text = strings.Replace(text, "# ca: ca.crt", "ca: ca.crt", 1)
	c, err := config.Load("pgveil.yaml", []byte(text))
	if err != nil {
		t.Fatalf("pgveil.yaml with its comments taken away:\n%v\n%s", err, text)
	}
	if c.Custodian.Kind != config.PKCS11 || c.Custodian.Key != "pgveil-root" || c.TLS == nil || c.Server.TLS.CA == "" {
		t.Errorf("Load = %+v, want a PKCS#11 custodian, TLS and a CA", c)
	}
}

// columnsOf reads testdata/openg2p_columns.txt: table.column, tab, type.
func columnsOf(t *testing.T, name string) map[string]string {
	t.Helper()
	columns := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(string(read(t, name))))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		column, typeName, ok := strings.Cut(lines.Text(), "\t")
		if !ok {
			t.Fatalf("%s: no tab in %q", name, lines.Text())
		}
		columns[column] = typeName
	}
	return columns
}

func TestOpenG2P_namesEveryPersonalColumn(t *testing.T) {
	p, err := policy.Load("openg2p.yaml", read(t, "openg2p.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	columns := columnsOf(t, filepath.Join("testdata", "openg2p_columns.txt"))
	if len(columns) < 75 {
		t.Fatalf("the list has %d columns, want all of them", len(columns))
	}
	for name, typeName := range columns {
		table, column, _ := strings.Cut(name, ".")
		c := p.Column("public", table, column)
		if c == nil {
			t.Errorf("%s is not in the policy", name)
			continue
		}
		want, err := policy.ParseType(typeName)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Type == "" {
			if want.Name != "varchar" && want.Name != "text" {
				t.Errorf("%s: the policy does not say that its type is %s", name, typeName)
			}
			continue
		}
		if got, err := policy.ParseType(c.Type); err != nil || got.Name != want.Name {
			t.Errorf("%s: type %s in the policy, %s in the database (%v)", name, c.Type, typeName, err)
		}
	}
}

func TestOpenG2P_leavesPlainWhatOdooDecidesBy(t *testing.T) {
	p, err := policy.Load("openg2p.yaml", read(t, "openg2p.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{"id", "is_encrypted", "is_registrant", "is_group", "active", "parent_id", "lang"} {
		if p.Column("public", "res_partner", column) != nil {
			t.Errorf("res_partner.%s is in the policy", column)
		}
	}
}

// Copies of one value must find one another.
func TestOpenG2P_copiesShareADomain(t *testing.T) {
	p, err := policy.Load("openg2p.yaml", read(t, "openg2p.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for domain, columns := range map[string][]string{
		"phone_number":    {"res_partner.phone", "res_partner.mobile", "g2p_phone_number.phone_no"},
		"phone_sanitized": {"res_partner.phone_sanitized", "g2p_phone_number.phone_sanitized"},
		"person_name":     {"res_partner.name", "res_partner.complete_name", "res_partner_bank.acc_holder_name", "account_move.invoice_partner_display_name"},
		"account_number":  {"res_partner_bank.acc_number", "g2p_payment.account_number"},
	} {
		for _, name := range columns {
			table, column, _ := strings.Cut(name, ".")
			if c := p.Column("public", table, column); c.Domain != domain {
				t.Errorf("domain of %s = %s, want %s", name, c.Domain, domain)
			}
		}
	}
}

func TestOpenG2P_whoSeesWhat(t *testing.T) {
	p, err := policy.Load("openg2p.yaml", read(t, "openg2p.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]policy.Read{"odoo_admin": policy.Reveal, "odoo": policy.Masked, "postgres": policy.Seal} {
		roles := p.RolesOf(policy.Identity{User: user})
		got := p.Access(p.Column("public", "g2p_reg_id", "value"), roles)
		if got.Read != want {
			t.Errorf("%s reads g2p_reg_id.value as %d, want %d", user, got.Read, want)
		}
	}
	for _, table := range p.Tables {
		for _, c := range table.Columns {
			if a := p.Access(c, p.RolesOf(policy.Identity{User: "postgres"})); a.Read > policy.Seal || a.Filter || a.Write {
				t.Errorf("the database administrator may do %+v with %s", a, c)
			}
		}
	}
}

// Every column of the list has a type that can be protected, so a database with
// these columns has no problem with the policy.
func TestOpenG2P_fitsTheRecordedTypes(t *testing.T) {
	p, err := policy.Load("openg2p.yaml", read(t, "openg2p.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	columns := columnsOf(t, filepath.Join("testdata", "openg2p_columns.txt"))
	var schema strings.Builder
	for _, table := range p.Tables {
		schema.WriteString(table.Schema + "." + table.Name + "(id int4 not null")
		for _, c := range table.Columns {
			typeName, ok := columns[c.Table+"."+c.Name]
			if !ok {
				typeName = "text" // what the policy has beyond the list
			}
			parsed, err := policy.ParseType(typeName)
			if err != nil {
				t.Fatal(err)
			}
			schema.WriteString(", " + c.Name + " " + parsed.Name)
		}
		schema.WriteString(")\n")
	}
	snapshot, err := catalog.Build(p, schema.String())
	if err != nil {
		t.Fatalf("Build: %v\n%s", err, schema.String())
	}
	for _, problem := range snapshot.Problems() {
		t.Errorf("%+v", problem)
	}
	for _, table := range p.Tables {
		relation := snapshot.Lookup([]string{"public"}, "", table.Name)
		if relation == nil || !relation.Protects() || relation.Tainted != "" {
			t.Errorf("%s: %+v, want a protected relation", table.Name, relation)
		}
	}
}
