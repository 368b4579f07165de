#!/usr/bin/env bash
# Runs the audits of GraphQL over HTTP, and the comparison with graphql-js, against a server of its own:
# tests/graphql-http/run.sh SERVER_BINARY
set -euo pipefail

server=$(realpath "${1:?usage: run.sh SERVER_BINARY}")
cd "$(dirname "$0")"
[ -d node_modules ] || npm ci --no-audit --no-fund --silent

. ../server.sh
start audit
export GRAPHQL_URL="$url/graphql" NO_PROXY=127.0.0.1
status=0
node audit.js || status=1
node compare.js || status=1
exit $status
