#!/usr/bin/env bash
# Drives the pages of a server binary in Chromium (Debian: chromium), after `make web` and a build:
#     tests/pages.sh target/debug/tenantry
set -euo pipefail
server=$(realpath "$1")
cd "$(dirname "$0")/../web"
folder=$(mktemp -d)
export TENANTRY_ADMIN_API_KEY=browser-tests-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait "${pids[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT

# Starts a server with these variables, and sets `url` to where it listens. Its mails are in a folder of its own.
start() {
    name=$1
    shift
    env TENANTRY_DATABASE_URL="sqlite://$folder/$name.db" TENANTRY_LISTEN=127.0.0.1:0 TENANTRY_MAIL_DIR="$folder/$name-mail" "$@" \
        "$server" >"$folder/$name.out" 2>"$folder/$name.log" &
    pids+=($!)
    for _ in $(seq 100); do
        url=$(sed -n 's/^listening on //p' "$folder/$name.out")
        [ -z "$url" ] || return 0
        kill -0 "${pids[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    cat "$folder/$name.log" >&2
    exit 1
}

start all
all=$url
# The pages behind links need neither the other pages nor introspection.
start links TENANTRY_GRAPHIQL=off TENANTRY_INTROSPECTION=off
links=$url
start app TENANTRY_APP_URL=https://app.example/people
app=$url
TENANTRY_URL=$all TENANTRY_LINKS_URL=$links TENANTRY_LINKS_MAIL=$folder/links-mail \
    TENANTRY_APP_SERVER_URL=$app TENANTRY_APP_SERVER_MAIL=$folder/app-mail npm --silent test
