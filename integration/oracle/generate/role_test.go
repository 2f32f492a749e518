package generate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/integration/oracle"
	"github.com/pgveil/pgveil/policy"
)

func outcome(oid uint32, cells ...string) oracle.Outcome {
	r := oracle.Result{Columns: []oracle.Column{{Name: "id", OID: 23, Modifier: -1, Size: 4}, {Name: "v", OID: oid, Modifier: -1, Size: -1}}}
	for _, cell := range cells {
		r.Rows = append(r.Rows, oracle.Row{oracle.Quote("1"), cell})
	}
	return oracle.Outcome{Results: []oracle.Result{r}, TxStatus: 'I'}
}

const stored = "pv1.AAAAAAAAAAAAAAAAAAAAAA......BBBBBBBB"

func TestSeen(t *testing.T) {
	t.Parallel()
	initials := Sort{Type: Text, Domain: "d", Mask: policy.Mask{Kind: policy.MaskInitials}}
	year := Sort{Type: Date, Domain: "d", Mask: policy.Mask{Kind: policy.MaskYear}}
	number := Sort{Type: Int4, Domain: "d", Mask: policy.Mask{Kind: policy.MaskAll}}
	q := oracle.Quote
	tests := []struct {
		name          string
		user          string
		sort          Sort
		plain, veiled oracle.Outcome
		want          string
	}{
		{"a mask", Clerk, initials, outcome(25, q("Ann B"), oracle.Null), outcome(25, q("A. B."), oracle.Null), "same"},
		{"no mask", Clerk, initials, outcome(25, q("Ann B")), outcome(25, q("Ann B")), "WRONG"},
		{"a NULL that was masked", Clerk, initials, outcome(25, oracle.Null), outcome(25, q("*")), "WRONG"},
		{"a year keeps the type", Clerk, year, outcome(1082, q("1990-05-06")), outcome(1082, q("1990-01-01")), "same"},
		{"a year as text", Clerk, year, outcome(1082, q("1990-05-06")), outcome(25, q("1990-01-01")), "WRONG"},
		{"a masked number is text", Clerk, number, outcome(23, q("1234")), outcome(25, q("****")), "same"},
		{"sealed", Outsider, initials, outcome(25, q("Ann"), oracle.Null), outcome(25, q(stored), oracle.Null), "same"},
		{"not sealed", Outsider, initials, outcome(25, q("Ann")), outcome(25, q("Ann")), "WRONG"},
		{"a sealed number is text", Outsider, number, outcome(23, q("12")), outcome(25, q(stored)), "same"},
		{"a plain column", Clerk, Sort{Type: Text}, outcome(25, q("Ann")), outcome(25, q("Ann")), "same"},
		{"a plain column that was masked", Clerk, Sort{Type: Text}, outcome(25, q("Ann")), outcome(25, q("A.")), "WRONG"},
		{"a row too few", Outsider, initials, outcome(25, q("Ann"), q("Bob")), outcome(25, q(stored)), "WRONG"},
	}
	for _, tt := range tests {
		before := outcome(tt.plain.Results[0].Columns[1].OID)
		before.Results[0].Rows = append(before.Results[0].Rows, tt.plain.Results[0].Rows...)
		want, got := Seen(tt.user, []Sort{{Type: Int4}, tt.sort}, tt.plain, tt.veiled)
		if v := oracle.Judge(want, got, true).String(); v != tt.want && (tt.want == "same" || v == "same") {
			t.Errorf("%s: %s, want %s", tt.name, v, tt.want)
		}
		if diff := cmp.Diff(before, tt.plain); diff != "" {
			t.Errorf("%s: Seen changed what it was given (-before +after):\n%s", tt.name, diff)
		}
	}
}

// A mask in the policy is the one that is expected.
func TestMaskYAML(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		w := NewWorld(seed)
		p, err := policy.Load("policy.yaml", []byte(w.Policy("registry")))
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range w.Tables {
			for _, col := range table.Columns {
				said := p.Column(table.Schema, table.Name, col.Name)
				if (said != nil) != col.protected() {
					t.Errorf("seed %d: the policy protects %s.%s: %t, want %t", seed, table.Name, col.Name, said != nil, col.protected())
				}
				if said != nil && said.Mask != col.Mask {
					t.Errorf("seed %d: mask of %s.%s = %v, want %v", seed, table.Name, col.Name, said.Mask, col.Mask)
				}
			}
		}
	}
}
