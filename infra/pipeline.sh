#!/usr/bin/env bash
# The steps of a deployment to one environment, each of them to be run by a pipeline or by hand, in this order.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: infra/pipeline.sh STEP ENVIRONMENT

  plan       print what a deployment would change, as Markdown; reads the state only
  stage      keep the package where a rollback finds it
  open       let this machine reach the environment's vault and database
  migrate    bring the database's schema and roles up to date (skipped before the first apply)
  apply      Terraform: everything but the package, and the new image
  functions  deploy the package to the Function Apps, past their deployment sites
  smoke      have the apps read the vault again, then follow the one URL until both arms have answered in their own minutes
  exclude    say in the run which minutes the deployment disturbed, where the release keeps runs
  keep       remember this release as the last good one
  roll-back  deploy the last good release: image and package
  close      shut this machine out again, without Terraform

`terraform plan` is the dry run. Needs the Azure CLI 2.84 or later. Reads dist/release.json ({"release", "image", "package"}), which infra/pipeline/push.sh writes, and from
the environment:
  AZURE_TENANT_ID, AZURE_SUBSCRIPTION_ID, AZURE_CLIENT_ID   who deploys (bootstrap's output `github`)
  STATE_STORAGE_ACCOUNT                                     where the state is
  TERRAFORM_VARIABLES        Terraform variables as JSON: allowed_cidrs, operator_cidrs, alert_emails and what else is yours
  DATABASE_ADMINISTRATOR     who signs in to the database (default: the person signed in to Azure, where that is one of
                             database_administrators; for a service principal, the one among them)
  DEPLOYER_CIDR              this machine's public address (default: asked of a public service)
EOF
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Where a build leaves what is deployed, and where plans and records are written.
dist=${DIST:-$(dirname "$here")/dist}
mkdir -p "$dist"

# shellcheck source=infra/shell/azure.sh
source "$here/shell/azure.sh"
# shellcheck source=infra/shell/addresses.sh
source "$here/shell/addresses.sh"
# shellcheck source=infra/pipeline/terraform.sh
source "$here/pipeline/terraform.sh"
# shellcheck source=infra/pipeline/access.sh
source "$here/pipeline/access.sh"
# shellcheck source=infra/pipeline/release.sh
source "$here/pipeline/release.sh"
# shellcheck source=infra/pipeline/database.sh
source "$here/pipeline/database.sh"
# shellcheck source=infra/pipeline/smoke.sh
source "$here/pipeline/smoke.sh"

main() {
  local step=${1:-}
  [[ $step != --help && $step != -h ]] || { usage; exit 0; }
  [[ $# -eq 2 ]] || { usage >&2; exit 64; }
  environment=$2
  [[ $environment =~ ^[a-z][a-z0-9]{1,9}$ ]] || fail "'$environment' is no environment's name, such as dev"
  need_programs az terraform jq curl
  need_variables STATE_STORAGE_ACCOUNT
  need_azure_cli
  case $step in
    plan) print_plan ;;
    stage) stage_package ;;
    open) open_access ;;
    migrate) migrate_database ;;
    apply) apply_release ;;
    functions) deploy_functions ;;
    smoke) smoke_test ;;
    exclude) exclude_minutes ;;
    keep) keep_release ;;
    roll-back) roll_back ;;
    close) close_access ;;
    *) fail "unknown step '$step' (--help lists them)" ;;
  esac
}

main "$@"
