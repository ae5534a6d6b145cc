#!/usr/bin/env bash
# The whole site in a headless Chromium: every page, each link of the explorer, signing in, an upload. With a folder it leaves screenshots there.
# usage: site.sh PROGRAM NODE_MODULES [SCREENSHOT_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "$1") shots=${3:-}
BROWSER_MODULES=$(realpath "$2")
CHROMIUM=${CHROMIUM:-}
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  [[ -n $CHROMIUM ]] || CHROMIUM=$(command -v "$name" || true)
done
if [[ -z $CHROMIUM ]]; then
  infra/scripts/need.sh chromium
  CHROMIUM=$(command -v chromium)
fi
export BROWSER_MODULES CHROMIUM

work=$(mktemp -d)
dev=
stop() {
  [[ -z $dev ]] || kill -INT "$dev" 2>/dev/null || true
  [[ -z $dev ]] || wait "$dev" 2>/dev/null || true
  dev=
}
trap 'stop; rm -rf "$work"' EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
router=$(free_port) even=$(free_port) odd=$(free_port)
start() {
  "$program" dev --data "$work/data-$1" --port "$router" --even-port "$even" --odd-port "$odd" "${@:2}" >"$work/dev.log" 2>&1 &
  dev=$!
  for _ in $(seq 300); do
    curl -sf "http://localhost:$even/api/health/ready" >/dev/null && curl -sf "http://localhost:$odd/api/health/ready" >/dev/null && return
    kill -0 "$dev" 2>/dev/null || { tail -5 "$work/dev.log" >&2; exit 1; }
    sleep 0.2
  done
  echo "the development system did not come up" >&2
  exit 1
}

start open --minute 500ms --traffic 40/s --slow odd=20ms
# A verdict needs ten pairs of minutes.
for _ in $(seq 120); do
  [[ $(curl -sf "http://localhost:$even/api/report" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["metrics"]))') -lt 5 ]] || break
  sleep 0.5
done
node tests/browser/pages.mjs "http://localhost:$even" ${shots:+"$shots"}
stop

key=browser-check-key
digest=$(printf %s "$key" | sha256sum | cut -d ' ' -f 1)
export SWITCHBACK_API_KEYS="browser:write:$digest"
start closed --no-sample
node tests/browser/sign_in.mjs "http://localhost:$router" "$key" tests/data/focus-1.0-sample.csv
