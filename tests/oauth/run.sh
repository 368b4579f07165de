#!/usr/bin/env bash
# Runs libraries that verify access tokens and speak OAuth against a server of its own. tests/oauth/run.sh SERVER_BINARY
set -euo pipefail

server=$(realpath "${1:?usage: run.sh SERVER_BINARY}")
cd "$(dirname "$0")"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --silent

. ../server.sh
KEY=oauth-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
start oauth TENANTRY_ADMIN_API_KEY="$KEY"
export URL=$url KEY NO_PROXY=127.0.0.1,localhost
node --test client.test.mjs
