#!/usr/bin/env bash
# Runs libraries that verify access tokens and speak OAuth against servers of their own. tests/oauth/run.sh SERVER_BINARY
set -euo pipefail

server=$(realpath "${1:?usage: run.sh SERVER_BINARY}")
cd "$(dirname "$0")"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --silent
venv=${CARGO_TARGET_DIR:-../../target}/oauth-python
if [ ! "$venv/installed" -nt python.lock ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement python.lock
    touch "$venv/installed"
fi

. ../server.sh
KEY=oauth-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
export KEY SERVER=$server NO_PROXY=127.0.0.1,localhost
start javascript TENANTRY_ADMIN_API_KEY="$KEY"
URL=$url DATABASE=sqlite://$folder/javascript.db node --test client.test.mjs
start python TENANTRY_ADMIN_API_KEY="$KEY"
URL=$url DATABASE=sqlite://$folder/python.db "$venv/bin/python" client.py
