# pgveil. `make demo` shows it, `make test` proves it.

.PHONY: build demo test oracle bench lint fmt setup clean

build: ## bin/pgveil
	go build -trimpath -o bin/pgveil ./cmd/pgveil

setup: ## system packages, only what is missing
	scripts/setup.sh

demo: ## 10,000 invented people, three views side by side (KEEP=1 leaves it running, DEMO_HSM=1 keeps the root key in SoftHSM)
	scripts/setup.sh demo
	$(MAKE) --no-print-directory build
	KEEP=$(KEEP) DEMO_HSM=$(DEMO_HSM) scripts/demo.sh

test: ## format, vet, staticcheck, every test with the race detector, nothing skipped
	scripts/setup.sh
	scripts/test.sh

bench: ## pgbench -S: direct, bare relay, PgBouncer, pgveil
	scripts/setup.sh
	$(MAKE) --no-print-directory build
	scripts/bench/run.sh

lint: ## format, vet, staticcheck
	scripts/lint.sh

fmt: ## gofmt
	gofmt -w $$(git ls-files '*.go')

clean: ## what make made
	rm -rf bin .work

oracle: ## statements composed at random, pgveil beside a plain twin (N=100000 how many; SEED=… repeats a run)
	scripts/setup.sh
	PGVEIL_REQUIRE_ALL=1 PGVEIL_ORACLE_N=$(or $(N),100000) PGVEIL_ORACLE_SEED=$(or $(SEED),random) PGVEIL_ORACLE_REPORT=$(CURDIR)/.work/oracle.txt \
		go test ./integration -run '^TestGenerated$$' -timeout 0 -v
