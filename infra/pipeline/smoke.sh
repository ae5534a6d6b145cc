# shellcheck shell=bash disable=SC2154  # names come from pipeline.sh
# The test of a deployment from outside: the one URL sends callers to the right arm in both kinds of minutes, both arms
# are ready, and neither answers a stranger. Sourced by pipeline.sh.

smoke_test() {
  init_terraform
  local url group cidr arm seen_even=false seen_odd=false tries
  url=$(text_output url)
  group=$(text_output resource_group)
  cidr=$(deployer_address)
  # Apps look at the vault once a day and when they start; a reference that failed before its role was known stays failed.
  each_app refresh_secrets "$group"
  each_app open_app "$cidr" "$group"
  # A minute of each kind, and time for a cold start and for access rules to be known everywhere: six minutes.
  for ((tries = 0; tries < 72; tries++)); do
    if arm=$(follow_once "$url"); then
      say "$arm answered through $url"
      case $arm in
        even) seen_even=true ;;
        odd) seen_odd=true ;;
      esac
    elif [[ $? -eq 2 ]]; then
      fail "the one URL leads callers astray"
    fi
    [[ $seen_even == true && $seen_odd == true ]] && break
    sleep "${SMOKE_PAUSE_S:-5}"
  done
  [[ $seen_even == true ]] || fail "in no even minute did $url lead to a ready arm even"
  [[ $seen_odd == true ]] || fail "in no odd minute did $url lead to a ready arm odd"
  for arm in even odd; do
    expect_stranger_refused "$arm"
  done
  [[ -z ${GITHUB_OUTPUT:-} ]] || printf 'url=%s\n' "$url" >>"$GITHUB_OUTPUT"
}

refresh_secrets() {
  change rest --method post --url "/subscriptions/{subscriptionId}/resourceGroups/$3/providers/Microsoft.Web/sites/$2/config/configreferences/appsettings/refresh?api-version=2022-03-01"
}

# usage: follow_once URL
# Prints the arm that answered. 1: not ready, which may pass; 2: a wrong promise, which may not.
follow_once() {
  local url=$1 headers status location arm minute reason expected base
  headers=$(curl --silent --max-time 20 --dump-header - --output /dev/null "$url/api/health/ready") || return 1
  status=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' <<<"$headers")
  location=$(header location "$headers")
  arm=$(header switchback-arm "$headers")
  minute=$(header switchback-minute "$headers")
  reason=$(header switchback-reason "$headers")
  [[ $status == 307 ]] || { complain "$url answered ${status:-nothing}, not 307"; return 1; }
  [[ $reason == schedule ]] || { complain "minute $minute went to $arm by '$reason'"; return 1; }
  # 2026-11-23T10:04Z: the minute's last digit says which arm it belongs to.
  [[ $minute =~ ^[0-9-]{10}T[0-9]{2}:[0-9]([0-9])Z$ ]] || { complain "no minute in '$minute'"; return 1; }
  if ((BASH_REMATCH[1] % 2 == 0)); then expected=even; else expected=odd; fi
  [[ $arm == "$expected" ]] ||
    { complain "minute $minute belongs to $expected, but $url chose $arm"; return 2; }
  base=$(jq --raw-output --arg arm "$arm" '.[$arm].url' <<<"$(output arms)")
  [[ $location == "$base/api/health/ready"* ]] ||
    { complain "$url leads to $location, which is not arm $arm at $base"; return 2; }
  status=$(curl --silent --max-time 30 --output /dev/null --write-out '%{http_code}' "$location" || true)
  [[ $status == 200 ]] || { complain "$arm is not ready: $status"; return 1; }
  printf '%s\n' "$arm"
}

header() { tr -d '\r' <<<"$2" | sed -n "s/^$1: *//Ip" | head -n 1; }

expect_stranger_refused() {
  local base status
  base=$(jq --raw-output --arg arm "$1" '.[$arm].url' <<<"$(output arms)")
  status=$(curl --silent --max-time 30 --output /dev/null --write-out '%{http_code}' "$base/api/costs" || true)
  [[ $status == 401 ]] || fail "$base/api/costs answered a caller without a key with $status, not 401"
  say "$1 refuses callers without a key"
}
