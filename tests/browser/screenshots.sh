#!/usr/bin/env bash
# The pictures of docs/tour.md, from a system that runs for them until it recommends a plan.
# usage: screenshots.sh PROGRAM NODE_MODULES FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "$1") folder=$3
BROWSER_MODULES=$(realpath "$2") CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v google-chrome)}
export BROWSER_MODULES CHROMIUM
mkdir -p "$folder"
work=$(mktemp -d)
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
even=$(free_port)
"$program" dev --data "$work/data" --port "$(free_port)" --even-port "$even" --odd-port "$(free_port)" --minute 2s --traffic 150/s \
  --slow odd=20ms >"$work/dev.log" 2>&1 &
dev=$!
trap 'kill -INT $dev 2>/dev/null; wait $dev 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 300); do
  ! curl -sf "http://localhost:$even/api/report" | grep -q '"outcome":"recommended"' || break
  kill -0 "$dev"
  sleep 1
done
node tests/browser/screenshots.mjs "http://localhost:$even" "$folder"
