#!/usr/bin/env bash
# Lays out the Functions package as a folder: host.json, one folder per function and the binary, side by side.
# usage: package.sh BINARY FOLDER
set -euo pipefail
# shellcheck source=infra/container/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ $# -eq 2 ]] || fail "usage: package.sh BINARY FOLDER"
binary=$1
folder=$2
[[ -x $binary ]] || fail "$binary is not an executable"
[[ -f $root/host.json ]] || fail "$root/host.json is missing"

mkdir -p "$folder"
cp "$root/host.json" "$folder/"
cp -r "$root"/functions/. "$folder/"
# The host starts the handler directly: without its exec bit every call ends in 503.
install -m 0755 "$binary" "$folder/switchback"
