#!/usr/bin/env bash
# Installs PostgreSQL's server programs (initdb, postgres) where this machine has none. No cluster is made or started: the program
# keeps its own, private one.
set -euo pipefail

have_server() {
  local folder
  for folder in ${PATH//:/ } /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
    if [[ -x $folder/initdb && -x $folder/postgres ]]; then return 0; fi
  done
  return 1
}

if have_server; then exit 0; fi
echo "PostgreSQL's server programs are missing; installing them" >&2

as_root() {
  if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

if command -v apt-get >/dev/null; then
  as_root apt-get update --quiet=2
  # postgresql-common would otherwise make and start a cluster of its own.
  as_root mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/switchback.conf >/dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends postgresql
elif command -v brew >/dev/null; then
  brew install postgresql@17
else
  echo "neither apt-get nor brew is here: install PostgreSQL's server programs (initdb, postgres) by hand" >&2
  exit 1
fi
have_server || { echo "the installation ended, but initdb and postgres are still not found" >&2; exit 1; }
