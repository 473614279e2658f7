#!/usr/bin/env bash
# Installs the packages of requirements.txt and package.json for the tests, once: into oracles/ of the target directory.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
into=${CARGO_TARGET_DIR:-$here/../../../target}/oracles
wanted=$(cat "$here/requirements.txt" "$here/package.json" "$here/install.sh" | sha256sum)
if [ "$(cat "$into/installed" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
echo "setup: installing the oracles of the tests from PyPI and npm" >&2
mkdir -p "$into"
rm -f "$into/installed"
python3 -m venv --clear "$into/python"
"$into/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
rm -rf "$into/node_modules" "$into/package-lock.json"
cp "$here/package.json" "$into/package.json"
(cd "$into" && npm install --silent --no-audit --no-fund --ignore-scripts)
echo "$wanted" >"$into/installed"
