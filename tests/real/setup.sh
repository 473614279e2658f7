#!/usr/bin/env bash
# Sees to what a fresh Debian or Ubuntu machine lacks for `make demo`, `make test` or `make bench`.
#
#   setup.sh demo|test|bench
#
# Missing system packages are installed with apt, as root or by sudo; nothing is touched when nothing is missing, and
# where apt cannot be used the missing packages are named. Rust is never installed, only asked for.
# PROMETHEUS=, PROMTOOL= and ALERTMANAGER= name binaries that stand elsewhere; ROLLGATE_TEST_SKIP_REAL=1 does without them in tests.
set -euo pipefail
purpose=${1:-}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

case $purpose in demo | test | bench) ;; *) fail "expected demo, test or bench, found \`$purpose\`" ;; esac

missing=()
need() { # PROGRAM PACKAGE…: the packages that PROGRAM comes from
    command -v "$1" >/dev/null || missing+=("${@:2}")
}

# The ring crate has C and assembly in it.
if ! command -v cc >/dev/null || ! echo '#include <stdlib.h>' | cc -E - >/dev/null 2>&1; then missing+=(gcc libc6-dev); fi
need curl curl ca-certificates
need jq jq
need python3 python3
if [ "$purpose" = test ] && [ "${ROLLGATE_TEST_SKIP_REAL:-}" = 1 ]; then
    echo "setup: ROLLGATE_TEST_SKIP_REAL=1: the tests against a real Prometheus are skipped" >&2
else
    for named in "${PROMETHEUS:-}" "${PROMTOOL:-}" "${ALERTMANAGER:-}"; do
        [ -z "$named" ] || command -v "$named" >/dev/null || fail "\`$named\` (of PROMETHEUS=, PROMTOOL= or ALERTMANAGER=) cannot be run"
    done
    need "${PROMETHEUS:-prometheus}" prometheus
    need "${PROMTOOL:-promtool}" prometheus
    if [ "$purpose" = test ]; then
        need "${ALERTMANAGER:-prometheus-alertmanager}" prometheus-alertmanager
        need strace strace
        need webhook webhook
        need node nodejs
        need npm npm
        python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    fi
fi
if [ "$purpose" = bench ]; then
    need h2load nghttp2-client
    need wrk wrk
    [ -x /usr/bin/time ] || missing+=(time)
fi

if [ ${#missing[@]} -gt 0 ]; then
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    as_root=()
    command -v apt-get >/dev/null ||
        fail "these Debian packages are missing, and there is no apt-get to install them: ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        # Without a terminal nobody can type a password, so sudo must not ask for one.
        if ! command -v sudo >/dev/null || { ! sudo -n true 2>/dev/null && [ ! -t 0 ]; }; then
            fail "these packages are missing, and installing them needs root; run: apt-get install ${missing[*]}"
        fi
        as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}" >&2
    apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120)
    "${apt[@]}" update >&2 || echo "setup: \`apt-get update\` failed; trying with the package lists there are" >&2
    "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >&2 ||
        fail "these packages could not be installed: ${missing[*]}"
fi

wanted=$(sed -nE 's/^rust-version = "([0-9.]+)"/\1/p' "$root/Cargo.toml")
how="rustup installs it, or your distribution"
if ! command -v cargo >/dev/null; then
    [ ! -x "$HOME/.cargo/bin/cargo" ] || fail "cargo is in $HOME/.cargo/bin, which is not in PATH; run: . $HOME/.cargo/env"
    fail "Rust $wanted or newer is needed, and there is no cargo" "$how"
fi
found=$(cd "$root" && cargo --version 2>/dev/null | sed -nE 's/^cargo ([0-9.]+).*/\1/p') || true
[ -n "$found" ] || fail "\`cargo --version\` does not work here; with rustup, run: rustup default stable"
if [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -1)" != "$wanted" ]; then
    fail "Rust $wanted or newer is needed, found $found; with rustup, run: rustup update stable" "$how"
fi
if [ "$purpose" = test ]; then
    for component in fmt clippy; do
        (cd "$root" && cargo "$component" --version >/dev/null 2>&1) ||
            fail "\`cargo $component\` is missing; with rustup, run: rustup component add rustfmt clippy"
    done
fi
if [ "$purpose" = test ] && [ "${ROLLGATE_TEST_SKIP_REAL:-}" != 1 ]; then
    "$root/tests/real/oracles/install.sh" || fail "the oracles of the tests could not be installed: see above"
fi
