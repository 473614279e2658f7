#!/usr/bin/env bash
# `make bench`: a release build beside h2load, wrk, and a loop of curl and jq, all asking one Prometheus on loopback.
# Arguments go to fleet.py. ROLLGATE= names a binary to measure; without it a release build is made.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
work=$(mktemp -d "${TMPDIR:-/tmp}/rollgate-bench.XXXXXX")
clean_up() {
    local status=$?
    trap '' INT TERM HUP
    [ -z "${measuring:-}" ] || { kill "$measuring" && wait "$measuring"; } 2>/dev/null || true
    tests/real/prometheus.sh stop "$work/prometheus" || true
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

rollgate=${ROLLGATE:-}
if [ -z "$rollgate" ]; then
    echo "building a release; that takes minutes"
    cargo build --release --locked --quiet
    rollgate=$(cargo metadata --locked --no-deps --format-version 1 | jq -r .target_directory)/release/rollgate
fi
for name in $(compgen -e ROLLGATE_ || true); do unset "$name"; done
# All of it is on loopback, where no proxy belongs.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
# The history reaches an hour into the future, so that "now" has values however long the bench takes.
url=$(tests/real/prometheus.sh start "$work/prometheus" --watch $$ -- --services "" --bulk 10000 --start 10m-ago --step 60 --minutes 70)
# In the background, so that a signal to this script is acted on at once.
python3 benches/fleet/fleet.py --rollgate "$rollgate" --prometheus "$url" --work "$work" "$@" &
measuring=$!
wait "$measuring"
