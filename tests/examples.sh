#!/usr/bin/env bash
# Runs the examples against a server of their own. tests/examples.sh SERVER_BINARY
set -euo pipefail

server=$(realpath "${1:?usage: examples.sh SERVER_BINARY}")
cd "$(dirname "$0")/../examples"
. ../tests/server.sh
ADMIN_KEY=example-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
status=0
for example in */; do
    (
        cd "$example"
        [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --silent
    )
    start "${example%/}" TENANTRY_ADMIN_API_KEY="$ADMIN_KEY"
    (
        cd "$example"
        export DIRECTORY_URL="$url" TENANTRY="$server" TENANTRY_DATABASE_URL="sqlite://$folder/${example%/}.db" ADMIN_KEY NO_PROXY=127.0.0.1
        node --test
    ) || status=1
done
exit $status
