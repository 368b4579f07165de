#!/usr/bin/env bash
# Runs the tools that front ends use against a server of its own: what they generate from its schema compiles, and their queries and
# mutations do what they should. tests/frontend/run.sh SERVER_BINARY
set -euo pipefail

server=$(realpath "${1:?usage: run.sh SERVER_BINARY}")
cd "$(dirname "$0")"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --silent

. ../server.sh
KEY=frontend-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
start frontend TENANTRY_ADMIN_API_KEY="$KEY"
export GRAPHQL_URL="$url/graphql" KEY NO_PROXY=127.0.0.1 PATH="$PWD/node_modules/.bin:$PATH"

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
