#!/usr/bin/env bash
# `make demo`: see internal/demo for what it shows.
#   KEEP=1      leaves everything running until Ctrl-C, to go on by hand
#   DEMO_HSM=1  keeps the root key in SoftHSM instead of in a file
#   PEOPLE=n    how many people, 10,000 if not said
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./scripts/demo -people "${PEOPLE:-10000}" -keep="${KEEP:-0}" -hsm="${DEMO_HSM:-0}" </dev/null
