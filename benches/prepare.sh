# What the benches that run the binary have in common, sourced by their run.sh: a folder to work in that goes away with
# them, the binary to measure (`$rollgate`), and an environment without settings. ROLLGATE= names another binary.
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
