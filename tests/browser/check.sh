#!/usr/bin/env bash
# Opens the dashboard in a headless Chromium, empty and with calls, and the page of `switchback report --html`: headings and plots are
# there, nothing is loaded, and the content security policy has nothing to object to.
# usage: check.sh PROGRAM
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "$1")

chromium=${CHROMIUM:-}
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  [[ -n $chromium ]] || chromium=$(command -v "$name" || true)
done
if [[ -z $chromium ]]; then
  infra/scripts/need.sh chromium
  chromium=chromium
fi

work=$(mktemp -d)
dev=
finish() {
  [[ -z $dev ]] || kill -INT "$dev" 2>/dev/null || true
  [[ -z $dev ]] || wait "$dev" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

passed=0
fail() {
  echo "FAILED: $1" >&2
  exit 1
}
pass() {
  passed=$((passed + 1))
  echo "ok: $1"
}

# Opens $1: the page as the browser has it goes to $2, what its console says to $2.log.
open_page() {
  local sandbox=()
  [[ $(id -u) -ne 0 ]] || sandbox=(--no-sandbox)
  timeout 60 "$chromium" --headless "${sandbox[@]}" --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$work/profile" --virtual-time-budget=3000 --enable-logging=stderr \
    --dump-dom "$1" >"$2" 2>"$2.log" || fail "Chromium could not open $1: $(tail -3 "$2.log")"
  grep -q '</html>' "$2" || fail "Chromium shows no page at $1: $(tail -3 "$2.log")"
}

quiet() {
  ! grep -E 'CONSOLE|Content Security Policy' "$1.log" || fail "the console of $1 is not silent"
  pass "$2: the console is silent"
}

holds() {
  local words
  for words in "${@:2}"; do
    grep -qF -- "$words" "$1" || fail "'$words' is not on $(basename "$1"): $(grep -A8 '<pre' "$1" | head -c 600)"
  done
}

# The console is really heard: a page that breaks its own policy must be noticed.
cat >"$work/broken.html" <<'HTML'
<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none'"><p style="color:red">refused</p>
HTML
open_page "file://$work/broken.html" "$work/broken"
grep -q 'Content Security Policy' "$work/broken.log" || fail "a broken policy goes unnoticed in this browser"
pass "a page that breaks its policy is noticed"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
router=$(free_port) even=$(free_port) odd=$(free_port)
start() {
  SWITCHBACK_EVEN_PLAN=app-service/S1 SWITCHBACK_ODD_PLAN=functions/flex-512 "$program" dev --data "$work/data" --minute 500ms \
    --port "$router" --even-port "$even" --odd-port "$odd" "$@" >"$work/dev.log" 2>&1 &
  dev=$!
  for _ in $(seq 150); do
    curl -sfL "http://localhost:$router/api/health/ready" >/dev/null && return
    kill -0 "$dev" 2>/dev/null || fail "the development system ended: $(tail -5 "$work/dev.log")"
    sleep 0.2
  done
  fail "the development system did not come up: $(tail -5 "$work/dev.log")"
}
stop() {
  kill -INT "$dev"
  wait "$dev" || true
  dev=
}

start
open_page "http://localhost:$router/?refresh=off" "$work/empty"
holds "$work/empty" 'Too early: no whole minute has been counted yet.</h1>' 'No call has been counted' 'switchback dev --traffic 50/s'
quiet "$work/empty" "empty, through the one URL"
stop

start --traffic 40/s
plots=(interval-latency interval-errors interval-cost cost-bars timeline-calls timeline-latency timeline-decisions)
all_plots() {
  local plot
  for plot in "${plots[@]}"; do grep -qF "id=\"$plot-wide-title\"" "$1" || return; done
}
for _ in $(seq 240); do
  # Each plot needs pairs of minutes of its own: one in which an arm was called too late to count has a cost and no latency.
  curl -sf "http://localhost:$odd/?refresh=off" >"$work/seen" && all_plots "$work/seen" && break
  sleep 0.5
done
open_page "http://localhost:$odd/?refresh=off" "$work/full"
holds "$work/full" 'Can the comparison be trusted?' 'a month with all of this traffic' 'How odd compares with even' \
  'What 1,000 calls cost' 'Minute by minute' 'Supervision from outside' 'For the engineer'
for plot in "${plots[@]}"; do
  holds "$work/full" "id=\"$plot-wide-title\"" "id=\"$plot-narrow-desc\""
done
[[ $(grep -c '<polyline\|<rect\|<circle' "$work/full") -gt 100 ]] || fail "the plots are all but empty"
quiet "$work/full" "with calls, from an arm"

# A page of another origin, as any website is one, tries to read, write and delete the ledger of this machine.
curl -sfL --data-binary @tests/data/focus-1.0-sample.csv -H 'content-type: text/csv' "http://localhost:$router/api/imports" >"$work/import.json" || fail "the sample was not imported"
import=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["id"])' "$work/import.json")
mkdir "$work/stranger"
cat >"$work/stranger/index.html" <<HTML
<!doctype html><html><body><pre id="log"></pre><script>
const base = "http://localhost:$even", log = document.getElementById("log");
async function attempt(name, path, options) {
  try {
    const answer = await fetch(base + path, options);
    log.append(name + ": " + (answer.type === "opaque" ? "opaque" : answer.status + " " + (await answer.text()).slice(0, 40)) + "\\n");
  } catch (error) { log.append(name + ": refused\\n"); }
}
(async () => {
  await attempt("read", "/api/costs?group_by=provider", {});
  await attempt("write", "/api/imports", { method: "POST", mode: "no-cors", body: new Blob(["BilledCost\\n1\\n"]) });
  await attempt("write plainly", "/api/charges", { method: "POST", mode: "no-cors", headers: { "content-type": "text/plain" }, body: "[]" });
  await attempt("delete", "/api/imports/$import", { method: "DELETE" });
  log.append("all tried\\n");
})();
</script></body></html>
HTML
stranger=$(free_port)
python3 -m http.server --bind 127.0.0.1 --directory "$work/stranger" "$stranger" >/dev/null 2>&1 &
stranger_server=$!
for _ in $(seq 50); do
  ! curl -sf "http://127.0.0.1:$stranger/" >/dev/null || break
  sleep 0.1
done
before=$(curl -sf "http://localhost:$even/api/costs?group_by=provider")
# The browser hands the page over when its own clock has run for a while, which may be before the last attempt is over.
for _ in $(seq 10); do
  open_page "http://127.0.0.1:$stranger/" "$work/strange"
  ! grep -q 'all tried' "$work/strange" || break
done
kill "$stranger_server"
holds "$work/strange" 'read: refused' 'delete: refused' 'write: opaque' 'all tried'
[[ $(curl -sf "http://localhost:$even/api/costs?group_by=provider") == "$before" ]] || fail "a stranger's page changed the ledger"
[[ $(curl -sf "http://localhost:$even/api/imports" | grep -o '"id"' | wc -l) -eq 1 ]] || fail "a stranger's page imported or deleted something"
pass "a page of another origin reads, writes and deletes nothing"

grep -q '<meta http-equiv="refresh" content="15; url=http://localhost:' <(curl -sfL "http://localhost:$router/") || fail "the served page does not refresh"
pass "the served page refreshes by itself"

"$program" report --data "$work/data" --minute 500ms --html "$work/report.html" >/dev/null
open_page "file://$work/report.html" "$work/file"
holds "$work/file" 'a month with all of this traffic' 'id="timeline-latency-wide-title"'
! grep -q 'http-equiv="refresh"' "$work/file" || fail "a file must not refresh"
quiet "$work/file" "as a file"

# What a small screen shows fits it: a page 400 pixels wide is no wider.
python3 tests/browser/width.py "$chromium" "http://localhost:$odd/?refresh=off" 400 || fail "the page is wider than a small screen"
pass "400 pixels are wide enough"
echo "$passed passed, 0 failed"
