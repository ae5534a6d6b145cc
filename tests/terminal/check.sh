#!/usr/bin/env bash
# What people see in a terminal, looked at through tmux: tables that fit it, a live table with sparklines, a progress bar, colours unless they
# are not wanted.
# usage: check.sh PROGRAM
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "$1") bill=$(realpath tests/data/focus-1.0-sample.csv)
infra/scripts/need.sh tmux

work=$(mktemp -d)
# The account that PostgreSQL runs under must be able to enter.
chmod 755 "$work"
terminals=(tmux -L "switchback-terminal-check-$$" -f /dev/null)
dev_pid() { "${terminals[@]}" display-message -p -t dev '#{pane_pid}' 2>/dev/null || true; }
finish() {
  local pid
  pid=$(dev_pid)
  [[ -z $pid ]] || kill -INT "$pid" 2>/dev/null || true
  for _ in $(seq 100); do
    if [[ -z $pid ]] || ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  "${terminals[@]}" kill-server 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

passed=0
pass() {
  passed=$((passed + 1))
  echo "ok: $1"
}
fail() {
  echo "FAILED: $1" >&2
  exit 1
}

# Opens terminal $1, $2 columns wide, and runs the rest there.
run() {
  "${terminals[@]}" new-session -d -s "$1" -x "$2" -y 80 -c "$work" "${*:3}" \; set-option -t "$1" remain-on-exit on
}
# What stands in terminal $1.
screen() { "${terminals[@]}" capture-pane -p -t "$1" "${@:2}"; }
# All that terminal $1 has shown: where a command has ended, tmux moves its first line out of sight.
shown() { screen "$1" -S - "${@:2}"; }
# Waits until a line in terminal $1 matches $2.
await() {
  for _ in $(seq 600); do
    ! screen "$1" | grep -qE -- "$2" || return 0
    sleep 0.1
  done
  fail "'$2' never came in terminal $1: $(screen "$1" | head -40)"
}
# Waits until what runs in terminal $1 has ended.
await_end() {
  for _ in $(seq 600); do
    [[ $("${terminals[@]}" display-message -p -t "$1" '#{pane_dead}') != 1 ]] || return 0
    sleep 0.1
  done
  fail "the command in terminal $1 goes on: $(screen "$1" | tail -10)"
}
# Every row of a table in terminal $1 ends where it should: none was broken by the edge.
whole_rows() {
  local rows
  rows=$(shown "$1" | grep -c '^│' || true)
  [[ $rows -gt 5 ]] || fail "there is no table in terminal $1: $(screen "$1" | head -30)"
  ! shown "$1" | grep '^│' | grep -v '│$' || fail "a row in terminal $1 is broken"
}

run plans 80 "$program plans --calls-per-day 200000 --duration 40ms"
await_end plans
whole_rows plans
shown plans | grep -q 'functions/flex-512' || fail "a plan is missing"
! shown plans | grep -qE '^[a-z]{1,3}$' || fail "a word is broken: $(shown plans)"
pass "plans fit 80 columns"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
dev="$program dev --no-sample --minute 500ms --port $(free_port) --even-port $(free_port) --odd-port $(free_port)"
run dev 120 "$dev"
await dev 'arm odd '
await dev '^router.*listening'
screen dev -e | grep -q $'\e\[3[0-9]m' || fail "the roles' names have no colour"
pass "lines of the roles are told apart by colour"

# Commands in its folder find it by themselves.
run watch 80 "$program watch --rate 20/s"
await watch '^even *[▁▂▃▄▅▆▇█]{10}'
await watch '^odd *[▁▂▃▄▅▆▇█]{10}'
sleep 2
[[ $(screen watch | grep -c 'one URL') -eq 1 ]] || fail "the live table is drawn below itself: $(screen watch)"
screen watch | grep -q 'conformance 100' || fail "$(screen watch)"
widest=$(screen watch | wc -L)
[[ $widest -le 80 ]] || fail "the live table is $widest columns wide"
"${terminals[@]}" kill-session -t watch
pass "watch draws one table with sparklines of both arms"

run report 80 "$program report"
await_end report
whole_rows report
! shown report | grep -q 'minimal detectable effect' || fail "80 columns have no room for that"
pass "the report fits 80 columns"

# Long enough to be seen on its way.
{
  cat "$bill"
  for _ in $(seq 60); do tail -n +2 "$bill"; done
} >"$work/long.csv"
run import 80 "$program import long.csv"
await import 'long\.csv .*[0-9] ?[KM]?i?B/s .*[0-9]+ rows .*left$'
await_end import
shown import | grep -q '61000 accepted, 0 rejected' || fail "$(shown import)"
! shown import | grep -q ' left' || fail "the progress bar is left behind"
pass "an import shows its rate and the time left"

run costs 80 "$program costs --group-by service,resource"
await_end costs
! shown costs | grep '[─═]' | grep -qE '.{81}' || fail "the costs are wider than 80 columns"
shown costs | grep -q 'Amazon' || fail "$(shown costs)"
pass "costs fit 80 columns"

kill -INT "$(dev_pid)"
await_end dev
run plain 120 "NO_COLOR=1 $dev"
await plain '^router.*listening'
! screen plain -e | grep -q $'\e\[3[0-9]m' || fail "there is colour in spite of NO_COLOR"
kill -INT "$("${terminals[@]}" display-message -p -t plain '#{pane_pid}')"
await_end plain
pass "NO_COLOR takes the colours away"
echo "$passed passed, 0 failed"
