#!/usr/bin/env bash
# `make bench`: a backtest of 500 deployments by five checks, over 90 days of 15-second data in a Prometheus on loopback.
# Goals: under a minute on two cores, under 200 MiB. Arguments go to `rollgate backtest`, such as `--tune`.
# ROLLGATE= names a binary to measure; without it a release build is made.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
# shellcheck source=benches/prepare.sh
source benches/prepare.sh
url=$(tests/real/prometheus.sh start "$work/prometheus" --watch $$ --generator deployments.py \
    -- fleet --deployments 500 --days 90 --list "$work/fleet")
python3 - "$work/result.txt" "$rollgate" backtest benches/backtest/policy.yaml --deployments "$work/fleet.csv" \
    --set service_name=shop --prometheus "$url" --quiet "$@" <<'PYTHON'
import resource
import subprocess
import sys
import time

begin = time.monotonic()
with open(sys.argv[1], "w", encoding="utf-8") as result:
    status = subprocess.run(sys.argv[2:], stdout=result, check=False).returncode
took = time.monotonic() - begin
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
with open(sys.argv[1], encoding="utf-8") as result:
    print("".join(result), end="")
print(f"500 deployments x 5 checks: {took:.1f} s (goal: 60), {peak:.0f} MiB (goal: 200)")
sys.exit(status or took > 60 or peak > 200)
PYTHON
