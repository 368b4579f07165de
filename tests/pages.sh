#!/usr/bin/env bash
# Drives the pages of a server binary in Chromium (Debian: chromium), after `make web` and a build:
#     tests/pages.sh target/debug/tenantry
set -euo pipefail
server=$(realpath "$1")
cd "$(dirname "$0")/../web"
. ../tests/server.sh
export TENANTRY_ADMIN_API_KEY=browser-tests-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')

start all
all=$url
# The pages behind links need neither the other pages nor introspection.
start links TENANTRY_GRAPHIQL=off TENANTRY_INTROSPECTION=off
links=$url
start app TENANTRY_APP_URL=https://app.example/people
app=$url
TENANTRY_URL=$all TENANTRY_LINKS_URL=$links TENANTRY_LINKS_MAIL=$folder/links-mail \
    TENANTRY_APP_SERVER_URL=$app TENANTRY_APP_SERVER_MAIL=$folder/app-mail npm --silent test
