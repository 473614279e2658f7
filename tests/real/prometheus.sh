#!/usr/bin/env bash
# A real Prometheus on loopback over generated history, for tests, demo and bench.
#
#   prometheus.sh start DIR [--scrape HOST:PORT=JOB]… [--web-config FILE] [--enable-feature LIST] [--rules GLOB]
#                       [--watch PID] [--remove] [--history FILE | [--generator SCRIPT] -- ARGUMENTS…]
#       prints the server's URL when it is ready; DIR/url, DIR/pid and DIR/log stay behind
#   prometheus.sh stop DIR
#       ends it; no fault when it has ended already
#
# ARGUMENTS go to history.py, or to the SCRIPT beside it, unless FILE has a history as OpenMetrics text; `-- none` starts
# without one. Targets are scraped once a second, and the rules in files that GLOB fits are evaluated as often; /-/reload
# reads them anew. Features that a version does not know are no fault.
# PROMETHEUS= and PROMTOOL= choose the binaries; CURL_ARGS= what curl needs for --web-config (`-k -u user:password`).
# The server ends with process PID (default: the caller), however that ends, so nothing is left running. In a shell
# say `--watch $$`: the caller is a subshell where the output is captured. `--remove` removes DIR after process PID.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prometheus=${PROMETHEUS:-prometheus}
promtool=${PROMTOOL:-promtool}

die() {
    echo "prometheus.sh: $*" >&2
    exit 1
}

start() {
    [ $# -ge 1 ] || die "expected start DIR"
    local dir=$1 watch=$PPID scheme=http address='' ready=no history='' generator=history.py remove=no rules=''
    local -a scrapes=() flags=()
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --scrape)
            [[ ${2:-} == ?*:?*=?* ]] || die "expected --scrape HOST:PORT=JOB, found ${2:-nothing}"
            scrapes+=("$2") && shift 2
            ;;
        --web-config) flags+=("--web.config.file=$2") && shift 2 ;;
        --enable-feature) flags+=("--enable-feature=$2") && shift 2 ;;
        --rules) rules=$2 && flags+=("--web.enable-lifecycle") && shift 2 ;;
        --watch) watch=$2 && shift 2 ;;
        --history) history=$2 && shift 2 ;;
        --generator) generator=$2 && shift 2 ;;
        --remove) remove=yes && shift ;;
        --) shift && break ;;
        *) die "expected an option of start (its head lists them) or --, found $1" ;;
        esac
    done
    local program
    for program in "$prometheus" "$promtool" curl; do
        command -v "$program" >/dev/null || die "$program is not installed; tests/real/setup.sh installs it"
    done
    mkdir -p "$dir/data"
    [ ! -e "$dir/pid" ] || die "$dir has a server already; stop it first"

    if [ "${1:-}" != none ]; then
        [ -n "$history" ] || python3 "$here/$generator" "$@" >"$dir/history.txt"
        # It reads everything once for each block: days of history in blocks of the usual two hours take minutes.
        "$promtool" tsdb create-blocks-from openmetrics --max-block-duration=1458h \
            "${history:-$dir/history.txt}" "$dir/data" >"$dir/blocks.log" 2>&1 ||
            { cat "$dir/blocks.log" >&2 && die "promtool could not import the history"; }
        rm -f "$dir/history.txt"
    fi
    {
        echo 'global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}'
        [ -z "$rules" ] || echo "rule_files: ['$rules']"
        [ ${#scrapes[@]} -eq 0 ] || echo 'scrape_configs:'
        local scrape
        for scrape in "${scrapes[@]}"; do
            echo "  - {job_name: '${scrape#*=}', static_configs: [{targets: ['${scrape%%=*}']}]}"
        done
    } >"$dir/prometheus.yml"

    # History may be old: the default retention of 15 days would delete it at the start.
    : >"$dir/log"
    "$prometheus" --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/data" \
        --storage.tsdb.retention.time=100y --web.listen-address=127.0.0.1:0 "${flags[@]}" \
        </dev/null >"$dir/log" 2>&1 &
    local pid=$!
    echo "$pid" >"$dir/pid"
    # Its own standard streams, or whoever reads our output would wait for the server to end.
    (
        trap '' INT HUP
        while kill -0 "$watch" 2>/dev/null && kill -0 "$pid" 2>/dev/null; do sleep 0.5; done
        kill -KILL "$pid" 2>/dev/null || true
        while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
        if [ $remove = yes ] && ! kill -0 "$watch" 2>/dev/null; then rm -rf "$dir"; fi
    ) </dev/null >/dev/null 2>&1 &

    # Port 0: which one it became stands in the log, as 2.x and 3.x write it.
    local deadline=$((SECONDS + 30))
    while [ "$ready" = no ]; do
        kill -0 "$pid" 2>/dev/null || { cat "$dir/log" >&2 && rm -f "$dir/pid" && die "$prometheus did not start"; }
        if [ $SECONDS -gt $deadline ]; then
            cat "$dir/log" >&2
            stop "$dir"
            die "$prometheus was not ready within 30 s"
        fi
        if [ -z "$address" ]; then
            address=$(sed -nE 's/.*Listening on"?( component=web)? address=(127\.0\.0\.1:[0-9]+).*/\2/p' "$dir/log" | head -1)
        fi
        if [ -n "$address" ]; then
            grep -q 'TLS is enabled' "$dir/log" && scheme=https
            # shellcheck disable=SC2086
            [ "$(curl --silent --noproxy '*' ${CURL_ARGS:-} --output /dev/null --write-out '%{http_code}' \
                "$scheme://$address/-/ready" || true)" = 200 ] && ready=yes
        fi
        [ "$ready" = yes ] || sleep 0.02
    done
    echo "$scheme://$address" >"$dir/url"
    cat "$dir/url"
}

stop() {
    [ $# -eq 1 ] || die "expected stop DIR"
    [ -e "$1/pid" ] || return 0
    local pid
    pid=$(cat "$1/pid")
    # At once: the data is thrown away, and closing it in good order takes a second or two.
    kill -KILL "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
    rm -f "$1/pid" "$1/url"
}

case ${1:-} in
start | stop) "$@" ;;
*) die "expected start DIR or stop DIR" ;;
esac
