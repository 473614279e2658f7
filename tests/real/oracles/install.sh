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
# GitHub's description of its API; the package holds it a dozen times over, and 13 MB of it are wanted.
(cd "$into" && npm pack --silent @octokit/openapi@23.0.2 >/dev/null)
tar -xzf "$into"/octokit-openapi-*.tgz -C "$into" --strip-components=2 package/generated/api.github.com.json
rm -f "$into"/octokit-openapi-*.tgz
(cd "$into" && npm pack --silent @atlaskit/adf-schema@57.7.22 >/dev/null)
tar -xzf "$into"/atlaskit-adf-schema-*.tgz -C "$into" --transform='s,.*/full.json,adf.json,' package/dist/json-schema/v1/full.json
rm -f "$into"/atlaskit-adf-schema-*.tgz
echo "$wanted" >"$into/installed"
