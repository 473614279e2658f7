#!/usr/bin/env bash
# Fuzzes the parser of queries, the loader of policies and the renderer of templates, each for so many seconds.
#
#   run.sh [SECONDS=600] [TARGET…]
#
# Needs `cargo install cargo-fuzz` and a C++ compiler. Without a nightly toolchain, instrumentation is switched on by
# RUSTC_BOOTSTRAP. What is found is kept in tests/fuzz/artifacts, what was learnt in tests/fuzz/corpus.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
seconds=${1:-600}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(promql policy template)

# Seeds: the repository's own queries and policies.
mkdir -p corpus/promql corpus/policy corpus/template
cp ../../policies/*.yaml corpus/policy/
for document in ../documents/*.yaml; do cp "$document" "corpus/policy/document-$(basename "$document")"; done
for policy in ../scenarios/*/policy.yaml; do cp "$policy" "corpus/policy/$(basename "$(dirname "$policy")").yaml"; done
python3 - <<'PY'
import json, pathlib, re
lines = [line for name in ("valid", "invalid") if (path := pathlib.Path(f"../promql/{name}.yaml")).exists()
         for line in path.read_text().splitlines()]
queries = [json.loads(line.removeprefix("- query: ")) for line in lines if line.startswith('- query: "')]
for number, query in enumerate(queries):
    pathlib.Path(f"corpus/promql/{number}").write_text(query)
    pathlib.Path(f"corpus/template/{number}").write_text(re.sub("[0-9a-z]{3}", "{{v}}", query, count=1))
PY

export RUSTC_BOOTSTRAP=1
for target in "${targets[@]}"; do
    echo "== $target for $seconds s"
    cargo fuzz run --fuzz-dir . --sanitizer none "$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096
done
