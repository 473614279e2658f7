#!/usr/bin/env bash
# Records answers of a real Prometheus' HTTP API into this folder, one file an answer: the body, as it came.
#   record.sh PREFIX PROMETHEUS PROMTOOL
# Each answer's status and content type are printed; the tests state them beside the file.
set -euo pipefail
prefix=$1 prometheus=$2 promtool=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
# Ten minutes of three series, a sample each 15 s, from a fixed time: answers do not change from run to run.
t0=1767225600
awk -v t0=$t0 'BEGIN {
  print "# TYPE up gauge"
  for (i = 0; i <= 40; i++) printf "up{job=\"shop\",instance=\"a:80\"} 1 %d\nup{job=\"shop\",instance=\"b:80\"} %d %d\n", t0 + 15*i, i < 20, t0 + 15*i | "sort -s -k1,1"
  close("sort -s -k1,1")
  print "# TYPE shop_requests counter"
  for (i = 0; i <= 40; i++) printf "shop_requests_total{path=\"/a \\\"b\\\"\\\\c\"} %d %d\n", 7*i, t0 + 15*i
  print "# EOF" }' >"$dir/om.txt"
mkdir "$dir/data"
"$promtool" tsdb create-blocks-from openmetrics "$dir/om.txt" "$dir/data" >/dev/null
echo 'global: {scrape_interval: 15s}' >"$dir/prometheus.yml"
"$prometheus" --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/data" --storage.tsdb.retention.time=100y \
  --query.max-samples=60 --web.listen-address=127.0.0.1:0 >"$dir/log" 2>&1 &
pid=$!
for _ in $(seq 300); do
  address=$(sed -nE 's/.*"?Listening on"?.*address=([0-9.:]+).*/\1/p' "$dir/log" | head -1)
  [ -n "$address" ] && curl -sf "http://$address/-/ready" >/dev/null && break
  sleep 0.05
done
ask() { # NAME PATH ARGS…
  local name=$1 path=$2; shift 2
  printf '%s ' "$prefix-$name"
  curl -s -o "$here/$prefix-$name.txt" -w '%{http_code} %{content_type}\n' "http://$address$path" "$@"
}
q() { ask "$1" /api/v1/query --data-urlencode "query=$2" -d time=$((t0 + 300)).5; }
r() { ask "$1" /api/v1/query_range --data-urlencode "query=$2" -d start="${3:-$((t0 + 270))}" -d end=$((t0 + 315)) -d step=15; }
q vector 'up{job="shop"}'
q escaped 'shop_requests_total'
q empty 'up{job="nobody"}'
q scalar 'scalar(sum(up))'
q special '{__name__="up",instance="a:80"} * NaN or label_replace(vector(1) / 0, "is", "up", "", "") or label_replace(-vector(1) / 0, "is", "down", "", "")'
q string '"text"'
q matrix 'up[30s]'
q bad-data 'sum(up'
q execution 'up * on(job) up'
q too-many 'max_over_time(shop_requests_total[1d:5s])'
q info 'rate(up[1m])'
r range 'up{job="shop"}'
r range-gap 'up{instance="b:80"} == 1'
r range-scalar 'scalar(sum(up))'
r range-bad 'up[30s]'
r range-points 'up' 0
ask not-found /prom/api/v1/query -d query=up
