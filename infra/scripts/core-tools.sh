#!/usr/bin/env bash
# Makes sure that Azure Functions Core Tools (`func`) are there, and says how to get them where they are not. They are not
# installed: each way fetches a program from outside the usual package registries.
set -euo pipefail

if command -v func >/dev/null; then exit 0; fi
cat >&2 <<'HINT'
error: Azure Functions Core Tools (func, version 4) are missing. One of:
  npm install --global azure-functions-core-tools@4
  brew tap azure/functions && brew install azure-functions-core-tools@4
  Debian and Ubuntu, from Microsoft's package repository: apt-get install azure-functions-core-tools-4
Everything but the host itself also runs without them: make run
HINT
exit 1
