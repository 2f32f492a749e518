package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pgveil/pgveil/integration/oracle/generate"
	"github.com/pgveil/pgveil/internal/testkit"
)

const (
	// generatedSeed is where runs begin that nobody asked for another seed.
	generatedSeed = 20260
	// perWorld is how many statements are run over one schema, perServer how many
	// worlds share a sealed server: more would make the search of its files long.
	perWorld, perServer = 500, 8
	// shrinkBudget is how often a statement may be run to make it smaller.
	shrinkBudget = 250
	// mostFindings is how many findings of a run are made small and printed.
	mostFindings = 20
)

// Statements that are composed at random give what plain PostgreSQL gives or
// are refused, and the server sees nothing of what they protect. They are the
// same in every run, unless the environment says otherwise: PGVEIL_ORACLE_N how
// many there are, PGVEIL_ORACLE_SEED where to begin, at a number or at "random",
// and PGVEIL_ORACLE_REPORT where the report is written.
func TestGenerated(t *testing.T) {
	n, seed := number(t, "PGVEIL_ORACLE_N", 2000), firstSeed(t)
	t.Logf("PGVEIL_ORACLE_SEED=%d", seed)
	var total generate.Tally
	findings, began := 0, time.Now()
	for left := n; left > 0; left -= perServer * perWorld {
		t.Run(fmt.Sprintf("from%d", seed), func(t *testing.T) {
			seed = runWorlds(t, seed, min(left, perServer*perWorld), &findings, &total)
		})
		t.Logf("%s, %.0f a second", total.Summary(), float64(n-max(0, left-perServer*perWorld))/time.Since(began).Seconds())
	}
	report(t, &total)
	// What only ever refuses or fails is not wrong, and no use either.
	if total.Same() < 25 {
		t.Errorf("%.1f %% of the statements gave the same rows, want at least 25 %%", total.Same())
	}
	if total.Errors() > 25 {
		t.Errorf("%.1f %% of the statements were wrong SQL, want at most 25 %%", total.Errors())
	}
	if sql := total.Unparsed(); sql != "" {
		t.Errorf("the grammar does not know: %s", sql)
	}
}

// runWorlds runs n statements over worlds that share a server, and returns the
// seed of the next world.
func runWorlds(t *testing.T, seed uint64, n int, findings *int, total *generate.Tally) uint64 {
	t.Helper()
	sealed := testkit.StartPostgres(t)
	var planter testkit.Planter
	for ; n > 0; n -= perWorld {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			r := newGeneratedRun(t, seed, sealed, findings)
			for _, mark := range r.world.Marks() {
				planter.Remember(mark)
			}
			r.run(t, min(n, perWorld))
			r.searchTables(t)
			total.Merge(&r.tally)
		})
		seed++
	}
	testkit.NoLeaks(t, sealed, &planter)
	return seed
}

func report(t *testing.T, total *generate.Tally) {
	t.Helper()
	var text strings.Builder
	total.Print(&text)
	t.Log("\n" + text.String())
	path := os.Getenv("PGVEIL_ORACLE_REPORT")
	if path == "" {
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func firstSeed(t *testing.T) uint64 {
	t.Helper()
	if os.Getenv("PGVEIL_ORACLE_SEED") == "random" {
		return uint64(time.Now().UnixNano()) % 1_000_000
	}
	return uint64(number(t, "PGVEIL_ORACLE_SEED", generatedSeed))
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
