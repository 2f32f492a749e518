#!/usr/bin/env bash
# Installs what building, testing and the demo need, from Debian (or Ubuntu),
# and only what is missing: on a machine that has everything it takes a second
# and needs no rights. It starts no service and touches no existing cluster.
#
#   scripts/setup.sh            everything, as `make test` needs it
#   scripts/setup.sh demo       only what `make demo` needs
set -euo pipefail
cd "$(dirname "$0")/.."

want=${1:-all}
packages=()
need() { packages+=("$@"); }
has() { command -v "$1" >/dev/null 2>&1; }
server_has() { compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null; }

if ! has go; then
	echo "setup: error: Go is not installed; see https://go.dev/doc/install (1.21 or later fetches the version that go.mod asks for)" >&2
	exit 1
fi
has gcc || need gcc libc6-dev # the SQL parser and PKCS#11 are C
has make || need make
[ -n "${PGVEIL_PG_BIN:-}" ] || server_has initdb || need postgresql
has psql || need postgresql-client
has softhsm2-util || need softhsm2

if [ "$want" = all ]; then
	# In Debian the package "postgresql-contrib" holds pg_trgm and unaccent.
	compgen -G "/usr/share/postgresql/*/extension/pg_trgm.control" >/dev/null || need postgresql-contrib
	server_has pgbench || need postgresql
	/usr/bin/python3 -c 'import psycopg2' 2>/dev/null || need python3-psycopg2
	/usr/bin/python3 -c 'import psycopg' 2>/dev/null || need python3-psycopg
	has p11-kit || need p11-kit
	compgen -G "/usr/libexec/p11-kit/p11-kit-server" >/dev/null || need p11-kit
	compgen -G "/usr/lib/*/pkcs11/p11-kit-client.so" >/dev/null || need p11-kit-modules
	has pgbouncer || need pgbouncer
	has node || need nodejs
	has npm || need npm
fi

# as_root runs a command with the rights to install.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n -- "$@"; fi
}

# quietly keeps the packages' services from being started and a cluster from
# being made while it runs a command; both are put back as they were.
quietly() {
	local policy=/usr/sbin/policy-rc.d conf=/etc/postgresql-common/createcluster.conf made=()
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
		made+=($policy)
	fi
	if [ ! -e $conf ]; then
		as_root mkdir -p "$(dirname $conf)"
		echo 'create_main_cluster = false' | as_root tee $conf >/dev/null
		made+=($conf)
	fi
	local status=0
	"$@" || status=$?
	[ ${#made[@]} = 0 ] || as_root rm -f "${made[@]}"
	return $status
}

if [ ${#packages[@]} -gt 0 ]; then
	echo "setup: installing ${packages[*]}"
	if ! has apt-get; then
		echo "setup: error: no apt-get here; install the equivalents of: ${packages[*]}" >&2
		exit 1
	fi
	if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
		echo "setup: error: not root, and sudo asks for a password; run: sudo apt-get install ${packages[*]}" >&2
		exit 1
	fi
	as_root apt-get -q update </dev/null
	quietly as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get -q -y --no-install-recommends \
		-o Dpkg::Options::=--force-confold install "${packages[@]}" </dev/null
fi

# node-postgres, for the tests that use it as a client.
if [ "$want" = all ] && [ ! -e .work/node/node_modules/pg/package.json ]; then
	echo "setup: installing node-postgres into .work/node"
	mkdir -p .work/node
	npm install --silent --no-fund --no-audit --no-update-notifier --prefix .work/node pg@8.16.3 </dev/null
fi
