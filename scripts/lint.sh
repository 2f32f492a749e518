#!/usr/bin/env bash
# Format, vet, staticcheck, and known vulnerabilities where their list can be had.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== gofmt"
unformatted=$(gofmt -l $(git ls-files --cached --others --exclude-standard '*.go'))
if [ -n "$unformatted" ]; then
	printf 'lint: error: run make fmt; gofmt would change:\n%s\n' "$unformatted" >&2
	exit 1
fi
echo "== go vet"
go vet ./...
echo "== staticcheck"
go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

echo "== govulncheck"
# Its list of vulnerabilities is fetched from the network; a machine that is
# kept off it must still be able to test.
if curl -sfI --max-time 5 https://vuln.go.dev/index/modules.json >/dev/null 2>&1; then
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...
else
	echo "https://vuln.go.dev cannot be reached from here: known vulnerabilities were not looked up"
fi
