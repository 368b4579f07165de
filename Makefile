# The commands of a working day. `make run` and `make test` do all their set-up themselves.

CARGO ?= cargo

PAGE_SOURCES = web/*.html web/*.js web/*.json web/src README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md CODE_OF_CONDUCT.md docs -type f

.PHONY: run test check web release package bench soak

## Serve, with GraphiQL: the first start prints the super admin's key.
run: web
	$(CARGO) run --locked

## Everything: format, lints, tests on both databases, the real clients. Installs what it needs.
test:
	tests/install.sh
	tests/all.sh

## The quick part: format, lints, Rust tests on SQLite. No Python, Node or PostgreSQL.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) test --locked --workspace -- --skip postgres

## The pages, if there is Node; without them the server tells what to run. Built anew only when a source is newer, since
## the binary is when they are.
web:
	@if ! command -v npm >/dev/null; then echo "Node.js is not installed: building without GraphiQL."; \
	elif [ ! -e web/dist/index.html.br ] || [ -n "$$(find $(PAGE_SOURCES) -newer web/dist/index.html.br)" ]; then \
	    cd web && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund; } && npm run --silent build; \
	fi

## The binary as it is deployed, in target/release.
release: web
	$(CARGO) build --locked --release

## The source packages, in target/package, with the pages in them, each built once from what was packed. Cargo takes the pages
## for uncommitted changes, so whether there are any is asked here.
package: web
	@[ -z "$$(git status --porcelain)" ] || { echo "There are uncommitted changes; commit them first."; exit 1; }
	$(CARGO) package --locked --workspace --allow-dirty

## The server against its floors and against itself in a small directory, on both databases, at a million users. Takes an hour.
## The results are in target/bench.
bench:
	$(CARGO) bench --locked --bench directory

## Two processes on PostgreSQL for 20 minutes while one thing after the other fails. What it ends with is what held. Before
## it, many more directories, kills and races of imports and exports than the tests have, and random filters and operations.
soak:
	TENANTRY_TEST_SOAK=1 $(CARGO) test --locked --release --test it transfer_laws
	TENANTRY_TEST_SOAK=1 $(CARGO) test --locked --release --lib compat::scim
	$(CARGO) test --locked --release --test soak
