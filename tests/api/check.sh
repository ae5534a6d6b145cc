#!/usr/bin/env bash
# Calls a running arm in every way its OpenAPI document allows, and in many that it does not: no answer is a 5xx, and each is as described.
# usage: check.sh PROGRAM SCHEMATHESIS
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "$1")
schemathesis=$(realpath "$2")

work=$(mktemp -d)
dev=
finish() {
  [[ -z $dev ]] || kill -INT "$dev" 2>/dev/null || true
  [[ -z $dev ]] || wait "$dev" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
router=$(free_port) even=$(free_port) odd=$(free_port)
# The digest is that of 'test'. With a key set, an arm serves nobody without one.
SWITCHBACK_API_KEYS=check:write:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 SWITCHBACK_CALL_TIMEOUT=60s \
  "$program" dev --data "$work/data" --minute 2s --port "$router" --even-port "$even" --odd-port "$odd" >"$work/dev.log" 2>&1 &
dev=$!
for _ in $(seq 300); do
  curl -sf "http://localhost:$even/api/health/ready" >/dev/null && break
  kill -0 "$dev" 2>/dev/null || break
  sleep 0.2
done

# Charges, windows and decisions to ask for.
curl -sfL -o /dev/null -H 'x-api-key: test' -H 'content-type: text/csv' --data-binary @tests/data/focus-1.0-sample.csv \
  "http://localhost:$router/api/imports" || {
  tail -5 "$work/dev.log" >&2
  exit 1
}

cd "$work"
# A form's bodies are made by drawing and throwing away; that many are thrown away says nothing of the API.
"$schemathesis" run "http://localhost:$even/api/openapi.json" --header 'x-api-key: test' --exclude-checks positive_data_acceptance \
  --suppress-health-check filter_too_much \
  --max-examples "${EXAMPLES:-20}" --max-time "${SECONDS_AT_MOST:-100}" --request-timeout 30 --continue-on-failure --seed "${SEED:-307}" \
  --generation-database none --no-color
! grep -E 'panicked|error\[' dev.log
