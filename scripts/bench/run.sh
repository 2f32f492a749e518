#!/usr/bin/env bash
# `make bench`: what a transaction costs through pgveil, beside other ways.
#   ROUNDS=3 SECONDS_EACH=3 CLIENTS=4   change how long it measures
set -euo pipefail
cd "$(dirname "$0")/../.."
go build -o bin/relay ./scripts/bench/relay
exec go run ./scripts/bench -rounds "${ROUNDS:-3}" -seconds "${SECONDS_EACH:-3}" -clients "${CLIENTS:-4}" </dev/null
