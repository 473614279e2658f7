#!/usr/bin/env bash
# `make bench`: a release build beside h2load, wrk, and a loop of curl and jq, all asking one Prometheus on loopback.
# Arguments go to fleet.py. ROLLGATE= names a binary to measure; without it a release build is made.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
# shellcheck source=benches/prepare.sh
source benches/prepare.sh
# The history reaches an hour into the future, so that "now" has values however long the bench takes.
url=$(tests/real/prometheus.sh start "$work/prometheus" --watch $$ -- --services "" --bulk 10000 --start 10m-ago --step 60 --minutes 70)
# In the background, so that a signal to this script is acted on at once.
python3 benches/fleet/fleet.py --rollgate "$rollgate" --prometheus "$url" --work "$work" "$@" &
measuring=$!
wait "$measuring"
