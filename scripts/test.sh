#!/usr/bin/env bash
# Everything that must be true of a change: format, vet, staticcheck, and all
# tests with the race detector, on real servers. A skipped test is a failure.
# The last lines are go test's own. Arguments replace ./... as what is tested.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .work

scripts/lint.sh

echo "== go test, of what the race detector changes: allocations"
go test -run allocatesNothing ./envelope

echo "== go test -race"
export PGVEIL_REQUIRE_ALL=1
# The same values in every run. RAPID_SEED=0 draws new ones, as does go test alone.
export RAPID_SEED=${RAPID_SEED:-20260}
log=.work/test.log
status=0
# Everything goes to the log; the screen gets packages, failures and their output.
go test -race -timeout 20m -v "${@:-./...}" </dev/null >"$log" 2>&1 || status=$?
skipped=$(grep -cE '^\s*--- SKIP' "$log" || true)
if [ "$status" != 0 ]; then
	grep -vE '^(=== (RUN|PAUSE|CONT|NAME)|\s*--- (PASS|SKIP)|PASS$)' "$log" || true
	exit "$status"
fi
if [ "$skipped" != 0 ]; then
	grep -E -A3 '^\s*--- SKIP' "$log"
	echo "test: error: $skipped tests were skipped; scripts/setup.sh should have brought what they need" >&2
	exit 1
fi
echo "$(grep -cE '^--- PASS' "$log") tests passed, $(grep -cE '^\s+--- PASS' "$log" || true) subtests, none skipped"
grep -E '^(ok|\?) ' "$log" || grep -E '^ok' "$log"
