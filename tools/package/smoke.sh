#!/bin/sh
# The short form of test.sh: builds the package of this machine quickly, unpacks it, and runs what is in it. Needs dpkg-deb; no root.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/node_modules/.bin:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node tools/package/build.mjs --quick --out "$work" 2>"$work/build.log" || { tail -5 "$work/build.log"; exit 1; }
dpkg-deb -x "$work"/wattledger_*.deb "$work/root"
lib=$work/root/usr/lib/wattledger
packed() { env -i PATH=/usr/bin:/bin HOME="$work" "$lib/bin/node" "$lib/dist/src/cli/main.js" "$@"; }
packed --version
packed profiles --json | grep -q '"eastron-sdm630"'
packed check --config "$work/root/usr/share/doc/wattledger/examples/wattledger.yaml" --json >"$work/check.json" || [ $? = 3 ]
packed demo --seconds 5 --speed 120 --port 0 --data "$work/demo" --json 2>/dev/null | grep -q '"grid_import"'
gunzip -c "$work/root/usr/share/doc/wattledger/sbom.cdx.json.gz" | grep -q '"purl": "pkg:npm/better-sqlite3@'
if command -v lintian >/dev/null; then lintian --fail-on error "$work"/wattledger_*.deb 2>/dev/null; fi
echo "the package runs"
