#!/usr/bin/env bash
# Drives the pages of a server binary in Chromium (Debian: chromium), after `make web` and a build:
#     tests/pages.sh target/debug/tenantry
set -euo pipefail
server=$(realpath "$1")
cd "$(dirname "$0")/../web"
folder=$(mktemp -d)
key=browser-tests-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
TENANTRY_DATABASE_URL="sqlite://$folder/t.db" TENANTRY_LISTEN=127.0.0.1:0 TENANTRY_ADMIN_API_KEY=$key \
    "$server" >"$folder/out" 2>"$folder/log" &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 100); do
    url=$(sed -n 's/^listening on //p' "$folder/out")
    [ -z "$url" ] || break
    kill -0 "$pid" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done
TENANTRY_URL=$url TENANTRY_ADMIN_API_KEY=$key npm --silent test
