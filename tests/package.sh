#!/usr/bin/env bash
# What `cargo package` would put into the packages: the pages as they are built, the licences, and nothing that was installed.
# (`cargo package --workspace` builds from them too, which takes as long as a build: see docs/releasing.md.)
set -euo pipefail
cd "$(dirname "$0")/.."
passed=0 failed=0

check() { # check WHAT COMMAND…
    local what=$1
    shift
    if "$@" >/dev/null; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "not ok: $what"; fi
}

cargo metadata --locked --no-deps --format-version 1 >/dev/null
said=$(mktemp)
trap 'rm -f "$said"' EXIT
server=$(cargo package --locked --allow-dirty --list --package tenantry 2>"$said")
schema=$(cargo package --locked --allow-dirty --list --package tenantry-migration 2>>"$said")
packed() { grep -qxF "$1" <<<"$server"; }

check "no warnings: $(cat "$said")" test ! -s "$said"
for page in index graphiql accept-invitation reset-password verify-email docs/README docs/operating; do
    check "the page $page is in the package" packed "web/dist/$page.html.br"
done
check "all of web/dist is in the package" diff <(find web/dist -type f | sort) <(grep '^web/dist/' <<<"$server" | sort)
for file in Cargo.lock README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE build.rs schema.graphql src/main.rs; do
    check "$file is in the package" packed "$file"
done
check "nothing that was installed is in the package" test -z "$(grep -E 'node_modules|__pycache__|\.pyc$|\.db$' <<<"$server")"
for file in README.md LICENSE-MIT LICENSE-APACHE src/lib.rs; do
    check "$file is in the package of the schema" grep -qxF "$file" <<<"$schema"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
