#!/usr/bin/env bash
# Runs a command beside a private PostgreSQL, which ends with it:
#     tests/with-postgres.sh COMMAND [ARGUMENT…]
# The command finds the server in TENANTRY_TEST_POSTGRES_URL. A server named there already is used instead.
set -euo pipefail
[ -z "${TENANTRY_TEST_POSTGRES_URL:-}" ] || exec "$@"

initdb=$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1 || true)
bin=$(dirname "${initdb:-$(command -v initdb || true)}")
[ -x "$bin/initdb" ] || { echo "PostgreSQL is not installed (Debian: postgresql)." >&2; exit 1; }
# Most tests have a database of their own, which is hundreds of files: in memory, if there is room, they are made at once.
place=${TMPDIR:-/tmp}
if [ "$(df --output=avail -B1G /dev/shm 2>/dev/null | tail -n 1)" -ge 4 ] 2>/dev/null; then place=/dev/shm; fi
folder=$(mktemp -d -p "$place")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# PostgreSQL refuses to run as root.
as_user=()
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    as_user=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
cd_back=$PWD
cd "$folder"
"${as_user[@]}" "$bin/initdb" -D "$folder/data" -U tenantry --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$folder/log" 2>&1 \
    || { cat "$folder/log" >&2; exit 1; }
"${as_user[@]}" "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$folder" \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=400 >>"$folder/log" 2>&1 &
server=$!
cd "$cd_back"
stop() {
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
for _ in $(seq 300); do
    "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" && break
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done
export TENANTRY_TEST_POSTGRES_URL="postgres://tenantry@127.0.0.1:$port/postgres"
"$@"
