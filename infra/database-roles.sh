#!/usr/bin/env bash
# Gives the apps' identities their database roles; idempotent. Run after `terraform apply` and after migrations,
# as an Entra administrator of the server (the deploy identity), from an address in deployer_cidrs.
# usage: infra/database-roles.sh ADMINISTRATOR_NAME
# Needs terraform (initialised in infra/), the Azure CLI (signed in), psql.
set -euo pipefail

if [[ $# -ne 1 ]]; then
  sed -n '4p' "$0" >&2
  exit 64
fi
infra=$(cd "$(dirname "$0")" && pwd)

PGHOST=$(terraform -chdir="$infra" output -json database | python3 -c 'import json, sys; print(json.load(sys.stdin)["host"])')
# The token is the password, for an hour; psql reads it from its environment, so it shows in no process list.
PGPASSWORD=$(az account get-access-token --resource-type oss-rdbms --query accessToken --output tsv)
export PGHOST PGPASSWORD PGUSER=$1 PGDATABASE=postgres PGSSLMODE=verify-full PGSSLROOTCERT=system

terraform -chdir="$infra" output -raw database_roles_sql | psql --no-psqlrc --quiet --file=-
