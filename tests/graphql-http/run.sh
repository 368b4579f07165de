#!/bin/sh
# Runs the audits of GraphQL over HTTP, and the comparison with graphql-js, against a server of its own:
# tests/graphql-http/run.sh SERVER_BINARY
set -eu

server=$(realpath "${1:?usage: run.sh SERVER_BINARY}")
cd "$(dirname "$0")"
[ -d node_modules ] || npm ci --no-audit --no-fund --silent

folder=$(mktemp -d)
: >"$folder/out"
TENANTRY_DATABASE_URL="sqlite://$folder/audit.db" TENANTRY_LISTEN=127.0.0.1:0 \
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

export GRAPHQL_URL="$address/graphql" NO_PROXY=127.0.0.1
status=0
node audit.js || status=1
node compare.js || status=1
exit $status
