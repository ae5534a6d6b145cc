# shellcheck shell=bash
# Running the Azure CLI: one verb per intent, each with a dry run. Sourced, never run.
#
#   change ARGUMENTS…              changes something in Azure
#   exists ARGUMENTS…              asks whether a `show` succeeds
#   value PLACEHOLDER ARGUMENTS…   reads one value; a dry run answers with the placeholder
#   show ARGUMENTS…                prints what an az command says
#   hand_over ARGUMENTS…           ends this script in an az command that keeps the terminal
#
# A dry run calls nothing: it prints every command and assumes that nothing is there yet.

dry_run=${dry_run:-false}
# Commands are printed here even from inside $(…).
exec 3>&1

say() { printf '%s\n' "$*" >&3; }

heading() { printf '\n# %s\n' "$*" >&3; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

complain() { printf '%s\n' "$*" >&2; }

# Prints a command so that it can be pasted into a shell.
print_command() {
  local word line=
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9@%+=:,./_-]+$ ]]; then line+="$word "; else line+="${word@Q} "; fi
  done
  say "${line% }"
}

# The place in the scripts a command comes from, for the test that asks whether all of them were checked.
call_site() { AZ_CALL_SITE="${BASH_SOURCE[2]##*/}:${BASH_LINENO[1]}" "$@"; }

change() {
  print_command az "$@"
  [[ $dry_run == true ]] || call_site az "$@" --only-show-errors --output none
}

exists() {
  if [[ $dry_run == true ]]; then
    print_command az "$@"
    return 1
  fi
  call_site az "$@" --only-show-errors --output none 2>/dev/null
}

value() {
  local placeholder=$1
  shift
  if [[ $dry_run == true ]]; then
    print_command az "$@" --output tsv
    printf '%s\n' "$placeholder"
  else
    call_site az "$@" --only-show-errors --output tsv
  fi
}

show() {
  print_command az "$@"
  [[ $dry_run == true ]] || call_site az "$@" --only-show-errors
}

hand_over() {
  print_command az "$@"
  [[ $dry_run == true ]] || call_site exec_az "$@"
}

exec_az() { exec az "$@"; }

# Tries a command again while Azure's own caches catch up (a role assignment takes up to a few minutes to be seen).
# usage: retry TIMES SECONDS COMMAND…
retry() {
  local times=$1 pause_s=$2 try
  shift 2
  for ((try = 1; try <= times; try++)); do
    if "$@"; then return 0; fi
    [[ $dry_run == true ]] && return 0
    ((try == times)) || sleep "$pause_s"
  done
  return 1
}

# Older ones refuse options that are used here, in the middle of a deployment: `az webapp create --min-tls-version` came
# with 2.84.
readonly oldest_cli=2.84.0
need_azure_cli() {
  local version
  version=$(value "$oldest_cli" version --query '"azure-cli"') || fail "az does not say its version"
  [[ $(printf '%s\n' "$oldest_cli" "$version" | sort --version-sort | head -n 1) == "$oldest_cli" ]] ||
    fail "the Azure CLI is $version, and $oldest_cli or later is needed (--min-tls-version): az upgrade"
}

need_programs() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || fail "$program is missing"
  done
}
