#!/usr/bin/env bash
# Checks infra/ without a cloud.
# usage: infra/checks/terraform/check.sh [check|plan|converge]
#   check     fmt, init, validate, test, resource providers, checkov, then the two below
#   plan      the plan of each preset, and of production
#   converge  apply each of them against the offline provider: the plan after it must be empty
# Environment:
#   TERRAFORM_SHIM_DIR  folder of an offline stand-in for the azurerm provider (default: ../shared/terraform beside
#                       the project); where there is none the provider comes from the registry
#   SWITCHBACK_BINARY   a built program: it must accept the settings that every preset would give the apps
set -euo pipefail
# shellcheck source=infra/checks/terraform/tools.sh
source "$(dirname "$0")/tools.sh"
# shellcheck source=infra/checks/terraform/plans.sh
source "$(dirname "$0")/plans.sh"
cd "$root"

check() {
  say "fmt"
  terraform fmt -check -recursive -diff infra || fail "unformatted: run terraform fmt -recursive infra"
  local folder
  for folder in infra infra/bootstrap; do
    say "$folder: init, validate, test"
    init "$folder"
    terraform -chdir="$work/$folder" validate -no-color
    with_az terraform -chdir="$work/$folder" test -no-color
  done
  say "namespaces"
  python3 "$here/namespaces.py" infra || fail "bootstrap must register every resource provider in use"
  say "checkov"
  venv "$tools/checkov" --requirement "$here/requirements.txt"
  "$tools/checkov/bin/checkov" --directory infra --framework terraform --skip-path '\.terraform' \
    --skip-download --quiet --compact || fail "checkov: mend the finding, or skip it in place with a reason"
  say "checkov: every skip has a reason"
  if grep -rnE 'checkov:skip=[A-Z0-9_]+(:\s*|\s*)$' --include='*.tf' infra; then
    fail "a checkov skip without a reason"
  fi
}

# Plans need a provider that answers without signing in: the stand-in, or a signed-in Azure CLI.
plan() {
  if [[ $offline == no && -z ${ARM_SUBSCRIPTION_ID-} ]]; then
    say "plans left out: the registry's provider plans only with ARM_SUBSCRIPTION_ID set and somebody signed in"
    return
  fi
  use_local_backend
  each_choice plan_one
  plan_azd
}

# The real provider would make real things.
converge() {
  if [[ $offline == no ]]; then
    say "apply, then plan left out: it needs the offline provider"
    return
  fi
  use_local_backend
  each_choice converge_one
}

need_python
get_terraform
choose_provider
make_work
case ${1:-check} in
check)
  check
  plan
  converge
  say "infra: all checks passed"
  ;;
plan) plan ;;
converge) converge ;;
*)
  sed -n '2,10p' "$0" >&2
  exit 64
  ;;
esac
