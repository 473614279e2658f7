#!/usr/bin/env bash
# The demo behind `make demo`: policies/post-deployment.yaml judges two deployments of one service on a real Prometheus.
# Everything runs on loopback ports that the system chooses, writes into one temporary directory, and ends with this
# script. ROLLGATE= names a binary to show; without it the demo builds one.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
real=$root/tests/real
work=$(mktemp -d "${TMPDIR:-/tmp}/rollgate-demo.XXXXXX")
children=()

clean_up() {
    local status=$?
    trap '' INT TERM HUP
    "$real/prometheus.sh" stop "$work/prometheus" || true
    [ ${#children[@]} -eq 0 ] || { kill "${children[@]}" && wait "${children[@]}"; } 2>/dev/null || true
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
say() { printf '%s\n' "$@"; }
title() { printf '\n%s%s%s\n\n' "$bold" "$1" "$plain"; }
fail() {
    printf '\nthe demo failed: %s\n' "$@" >&2
    exit 1
}

title "rollgate: the gate a pipeline runs after a deployment"
rollgate=${ROLLGATE:-}
if [ -z "$rollgate" ]; then
    say "Building it first: minutes the first time, no time later."
    cargo build --locked --quiet || fail "the build failed"
    rollgate=$(cargo metadata --locked --no-deps --format-version 1 | jq -r .target_directory)/debug/rollgate
fi
began=$SECONDS

# Whole minutes, so that the ticks meet the history's samples and the output is easy to follow. Errors begin three
# minutes after the second deployment, in the middle of its window.
now=$(($(date +%s) / 60 * 60))
time_of() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
good=$(time_of $((now - 40 * 60))) bad=$(time_of $((now - 15 * 60)))

prometheus_url=$("$real/prometheus.sh" start "$work/prometheus" --watch $$ -- \
    --services checkout --start $((now - 60 * 60)) --minutes 60 --break-minute 48) ||
    fail "Prometheus did not start"

# listen NAME PROGRAM…: starts PROGRAM, waits for the URL that it prints, and leaves that in `url`.
listen() {
    local name=$1
    shift
    "$@" --watch $$ >"$work/$name.url" 2>"$work/$name.log" &
    children+=($!)
    for _ in $(seq 500); do
        url=$(cat "$work/$name.url")
        [ -z "$url" ] || return 0
        kill -0 $! 2>/dev/null || break
        sleep 0.02
    done
    fail "the $name did not start: $(cat "$work/$name.log")"
}
# A secret of Standard Webhooks, made for this run; rollgate and the receiver share it.
ROLLBACK_WEBHOOK_SECRET=whsec_$(head -c 24 /dev/urandom | base64)
export ROLLBACK_WEBHOOK_SECRET
listen service "$real/service.py"
service=${url#http://}
listen receiver "$real/receiver.py" --secret "$ROLLBACK_WEBHOOK_SECRET" --log "$work/received.jsonl"
receiver=$url

say "" "Running on this machine now, and only while this demo does:" \
    "  $prometheus_url  a Prometheus over an hour of generated history of a service, checkout" \
    "  http://$service  the service itself, which answers /health" \
    "  $receiver  the receiver of webhooks that stands for the rollback pipeline"

# The ROLLGATE_… variables of whoever runs the demo would change what it shows.
for name in $(compgen -e ROLLGATE_ || true); do unset "$name"; done

# All of it is on loopback, where no proxy belongs.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

# gate VERSION DEPLOYED_AT WANTED_EXIT: runs the shipped policy over the window after DEPLOYED_AT.
gate() {
    local -a command=(run policies/post-deployment.yaml
        --prometheus "$prometheus_url"
        --set service_name=checkout --set "service_url=$service"
        --set "service_host=${service%:*}" --set "service_port=${service#*:}"
        --set "rollback_url=$receiver/rollback"
        --environment demo --version "$1"
        --deployed-at "$2" --start "$2"
        --report "json=$work/$1.json")
    printf '%s$ rollgate %s %s' "$bold" "${command[@]:0:2}"
    printf ' \\\n    %s %s' "${command[@]:2}"
    printf '%s\n\n' "$plain"
    # In the background, so that a signal to this script is acted on at once.
    "$rollgate" "${command[@]}" &
    children+=($!)
    local status=0
    wait $! || status=$?
    say "" "exit code: $status"
    [ "$status" = "$3" ] || fail "version $1 was to exit $3, and exited $status"
}
received() { wc -l <"$work/received.jsonl"; }

title "1. A healthy deployment"
say "Version 1.4.0 went live at $good. The policy watches the five minutes after its warm-up:" \
    "is the service up, are 95 % of the requests faster than 0.5 s, do fewer than 1 % of them fail?" \
    "The window is past, so Prometheus answers for all of it at once; the health checks ask the service now."
gate 1.4.0 "$good" 0
[ "$(received)" = 0 ] || fail "a deployment that passed has triggered something"
say "Every check passed: the pipeline goes on, and the rollback pipeline has heard nothing."

title "2. A broken deployment"
say "Version 1.5.0 went live at $bad. Three minutes later, errors rise from 0.2 % to 8 %." \
    "Three breaches fail a check, so one odd sample does not roll anything back."
gate 1.5.0 "$bad" 20
[ "$(received)" = 1 ] || fail "the receiver got $(received) requests instead of one"
jq -es 'all(.signatures | .standard_webhooks == "verified" and .x_hub_256 == "verified")' "$work/received.jsonl" >/dev/null ||
    fail "a signature did not match: $(jq -c .signatures "$work/received.jsonl")"
jq -e '(.body | fromjson).pipeline == "rollback-checkout"' "$work/received.jsonl" >/dev/null ||
    fail "the event names another pipeline: $(jq -r .body "$work/received.jsonl")"
say "error_rate failed at its third breach, and the webhook went out at once. This is what its receiver got:" ""
jq -r '"  \(.method) \(.path)   arrived \(.at), answered \(.answered)",
    (.headers | to_entries[] | select(.key | startswith("webhook-") or startswith("x-hub-")) | "  \(.key): \(.value)"),
    "  signatures: Standard Webhooks \(.signatures.standard_webhooks), X-Hub-Signature-256 \(.signatures.x_hub_256)"' \
    "$work/received.jsonl"
say ""
jq '.body | fromjson' "$work/received.jsonl" | sed 's/^/  /'

title "That was it"
say "Two deployments, one policy, two exit codes: 0 lets a pipeline go on, 20 says that it was rolled back." \
    "It took $((SECONDS - began)) s. Nothing is left running; next, read policies/post-deployment.yaml and README.md."
