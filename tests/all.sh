#!/usr/bin/env bash
# Runs every test and ends with their count. tests/install.sh has installed what is needed.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${TENANTRY_TEST_POSTGRES_URL:-}" ] || exec tests/with-postgres.sh "$0" "$@"

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
log=$target/tests.log
: >"$log"
failures=()

step() { # step NAME COMMAND…: runs it, keeps what it prints for the count, and goes on when it fails
    local name=$1
    shift
    echo "== $name"
    if ! "$@" 2>&1 | tee -a "$log"; then failures+=("$name"); fi
}

test_databases() {
    psql -X -q -A -t "$TENANTRY_TEST_POSTGRES_URL" -c "SELECT datname FROM pg_database WHERE datname LIKE 'tenantry%' ORDER BY 1"
}

# The last ones go right after the program that made them has ended.
no_database_is_left() {
    for _ in $(seq 100); do
        [ "$(test_databases)" != "$databases_before" ] || return 0
        sleep 0.1
    done
    echo "These databases outlived their tests:"
    comm -13 <(echo "$databases_before") <(test_databases)
    return 1
}
databases_before=$(test_databases)

step "pages" make --no-print-directory web
step "format" cargo fmt --all --check
step "lints" cargo clippy --locked --workspace --all-targets -- -D warnings
step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
# Many tests wait for another process or for a limit of time, so twice as many as there are cores go on at once.
step "Rust tests" env RUST_TEST_THREADS=$((2 * $(nproc))) cargo test --locked --workspace
step "binary" cargo build --locked
server=$target/debug/tenantry

# A new, empty database on the PostgreSQL server.
empty_database() {
    local name=tenantry_$1_$$
    psql -q "$TENANTRY_TEST_POSTGRES_URL" -c "DROP DATABASE IF EXISTS $name" -c "CREATE DATABASE $name"
    echo "${TENANTRY_TEST_POSTGRES_URL%/*}/$name"
}

step "clients on SQLite" python3 tests/clients/run.py --server "$server" --database sqlite
clients_database=$(empty_database clients)
step "clients on PostgreSQL" python3 tests/clients/run.py --server "$server" --database "postgres:$clients_database"
psql -q "$TENANTRY_TEST_POSTGRES_URL" -c "DROP DATABASE ${clients_database##*/} WITH (FORCE)"
step "GraphQL over HTTP" tests/graphql-http/run.sh "$server"
step "front-end tools" tests/frontend/run.sh "$server"
step "OAuth libraries" tests/oauth/run.sh "$server"
step "mail" python3 -W ignore tests/mail.py --server "$server"
step "deploy" python3 tests/deploy.py --server "$server"
step "examples" tests/examples.sh "$server"
step "package" tests/package.sh
step "browser" tests/pages.sh "$server"
step "documentation as it is run" python3 tests/docs.py --server "$server"
step "databases left" no_database_is_left

# The closing lines of every runner, added up: cargo's, those of the clients and of the documentation, the audits', and node's.
count() { # count EXPRESSION [GROUP]: the sum of the numbers that its first, or that, group matches in the log
    sed -nE "s/$1/\\${2:-1}/p" "$log" | awk '{ sum += $1 } END { print sum + 0 }'
}
passed=$((
    $(count '^test result: [a-zA-Z]+\. ([0-9]+) passed.*') + $(count '^[a-z-]+ on [a-z]+: ([0-9]+) passed.*') +
    $(count '^([0-9]+) passed, [0-9]+ failed$') + $(count '^# pass ([0-9]+)$')
))
failed=$((
    $(count '^test result: .* ([0-9]+) failed;.*') + $(count '^[a-z-]+ on [a-z]+: [0-9]+ passed, ([0-9]+) failed$') +
    $(count '^[0-9]+ passed, ([0-9]+) failed$') + $(count '^# (fail|cancelled|skipped) ([0-9]+)$' 2)
))
echo
if [ ${#failures[@]} -gt 0 ] || [ "$failed" -gt 0 ]; then
    [ "$failed" -gt 0 ] || failed=${#failures[@]}
    # What failed and why, once more where it is seen. Some tests expect a panic, so these show only when something failed.
    grep -aE -A8 '^not ok|panicked at (tests|src)/|^(Assertion|Timeout)Error' "$log" | cut -c1-300 | head -n 100 || true
    [ ${#failures[@]} -eq 0 ] || printf 'failed: %s\n' "${failures[@]}"
    echo "$passed passed, $failed failed"
    exit 1
fi
echo "$passed passed, $failed failed"
