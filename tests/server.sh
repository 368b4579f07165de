# Starts servers for a test, each with a database of its own, and ends them with the script. To be sourced by bash, with the
# binary in $server:
#     start NAME [VARIABLE=VALUE…]
# sets `url` to where the server listens. Its mails are in $folder/NAME-mail.
folder=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait "${pids[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT

start() {
    local name=$1
    shift
    # The server's own redirection may come after the first look.
    : >"$folder/$name.out"
    env TENANTRY_DATABASE_URL="sqlite://$folder/$name.db" TENANTRY_LISTEN=127.0.0.1:0 TENANTRY_MAIL_DIR="$folder/$name-mail" "$@" \
        "$server" serve >"$folder/$name.out" 2>"$folder/$name.log" &
    pids+=($!)
    for _ in $(seq 100); do
        url=$(sed -n 's/^listening on //p' "$folder/$name.out")
        [ -z "$url" ] || return 0
        kill -0 "${pids[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "the server did not start:" >&2
    cat "$folder/$name.log" >&2
    exit 2
}
