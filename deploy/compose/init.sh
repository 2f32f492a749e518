#!/bin/sh
# Makes the token, the root key and the keys where they are missing, and brings
# the database to what the policy says. It may run any number of times.
set -eu
if ! softhsm2-util --show-slots | grep -q 'Label: *pgveil'; then
	softhsm2-util --init-token --free --label pgveil --pin "$PGVEIL_PIN" --so-pin "$PGVEIL_SO_PIN"
fi
pgveil keys create --config /etc/pgveil/pgveil.yaml
pgveil apply --config /etc/pgveil/pgveil.yaml
