#!/bin/sh
# Runs the tools that front ends use against a server of its own: what they generate from its schema compiles, and their queries and
# mutations do what they should. tests/frontend/run.sh SERVER_BINARY
set -eu

server=$(realpath "${1:?usage: run.sh SERVER_BINARY}")
cd "$(dirname "$0")"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --silent

folder=$(mktemp -d)
: >"$folder/out"
KEY=frontend-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
TENANTRY_DATABASE_URL="sqlite://$folder/frontend.db" TENANTRY_LISTEN=127.0.0.1:0 TENANTRY_ADMIN_API_KEY=$KEY \
    "$server" serve >"$folder/out" 2>"$folder/log" &
pid=$!
trap 'kill $pid 2>/dev/null; wait $pid 2>/dev/null || true; rm -rf "$folder"' EXIT

address=
for _ in $(seq 100); do
    address=$(sed -n 's/^listening on //p' "$folder/out")
    [ -z "$address" ] || break
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
done
if [ -z "$address" ]; then
    echo "the server did not start:" >&2
    cat "$folder/log" >&2
    exit 2
fi
export GRAPHQL_URL="$address/graphql" KEY NO_PROXY=127.0.0.1 PATH="$PWD/node_modules/.bin:$PATH"

quietly() { # quietly COMMAND…: shows what it prints only if it fails
    "$@" >"$folder/printed" 2>&1 || { cat "$folder/printed" >&2; return 1; }
}

# What is generated is made again each time, so that nothing stays of another schema.
rm -rf build src/gql src/relay/__generated__
"$server" schema >schema.graphql
status=0
if quietly graphql-codegen && quietly relay-compiler && quietly tsc && quietly babel src --extensions .ts --copy-files --out-dir build; then
    passed=0
    failed=0
    for tool in codegen apollo urql relay; do
        if node "build/$tool.js"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    done
    [ "$failed" = 0 ] || status=1
    echo "$passed passed, $failed failed"
else
    echo "0 passed, 1 failed"
    status=1
fi
exit $status
