#!/usr/bin/env bash
# Makes sure that programs are there, installing their Debian package where this user may.
# usage: need.sh PROGRAM…
set -euo pipefail

package_of() {
  case $1 in
    npm | node) echo npm ;;
    psql) echo postgresql ;;
    python3) echo python3-venv ;;
    *) echo "$1" ;;
  esac
}

missing=()
for program in "$@"; do
  command -v "$program" >/dev/null || missing+=("$(package_of "$program")")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if command -v brew >/dev/null; then
  brew install "${missing[@]}"
elif command -v apt-get >/dev/null && [[ $(id -u) -eq 0 ]]; then
  apt-get update --quiet=2 && apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}"
elif command -v apt-get >/dev/null && sudo --non-interactive true 2>/dev/null; then
  sudo apt-get update --quiet=2 && sudo apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}"
else
  printf 'error: missing and not to be installed from here: %s\n' "${missing[*]}" >&2
  exit 1
fi
