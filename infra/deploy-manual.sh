#!/usr/bin/env bash
# Deploys one instance of Switchback by hand with the Azure CLI: registry, image, plan, web app, identity, Key Vault
# and PostgreSQL. Run it again after a change: it only adds what is missing and rolls the app to the new image.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034  # the build context, for manual/resources.sh
root=$(dirname "$here")

usage() {
  cat <<'EOF'
usage: infra/deploy-manual.sh [options]

Deploys one instance of Switchback to Azure App Service (Linux container), with PostgreSQL behind it.

  --name NAME            name of everything made here; 3 to 21 of a-z, 0-9 and single hyphens
                         (default: switchback- and eight digits derived from the subscription)
  --resource-group NAME  resource group to make and fill (default: rg-NAME)
  --location REGION      Azure region (default: westeurope)
  --sku SKU              App Service plan: F1, B1, S1, P0v3 or P1v3 (default: F1, free)
  --arm even|odd         which arm this instance is (default: even)
  --allow CIDR           let only this range call the app and its deployment site; may be repeated
                         (default: everyone, who then still needs an API key); give your own address too
  --image REFERENCE      deploy this image instead of building one (it must be in the registry made here)
  --tail                 follow the app's logs at the end
  --dry-run              print every command, call nothing
  --destroy              delete the resource group and purge the vault, then stop
  --yes                  do not ask before --destroy
  --help                 this text

Needs the Azure CLI 2.84 or later. Sign in first: az login, az account set --subscription NAME.
Cost of the default (F1, B1ms database, Basic registry): docs/deploying.md.
EOF
}

name=
resource_group=
location=westeurope
sku=F1
arm=even
allowed=()
image=
follow_logs=false
dry_run=false
destroy=false
assume_yes=false

# shellcheck source=infra/shell/azure.sh
source "$here/shell/azure.sh"
# shellcheck source=infra/shell/addresses.sh
source "$here/shell/addresses.sh"
# shellcheck source=infra/manual/resources.sh
source "$here/manual/resources.sh"
# shellcheck source=infra/manual/application.sh
source "$here/manual/application.sh"

read_arguments() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --name | --resource-group | --location | --sku | --arm | --allow | --image)
        [[ $# -ge 2 && -n $2 ]] || fail "$1 needs a value"
        case $1 in
          --name) name=$2 ;;
          --resource-group) resource_group=$2 ;;
          --location) location=$2 ;;
          --sku) sku=$2 ;;
          --arm) arm=$2 ;;
          --allow) allowed+=("$2") ;;
          --image) image=$2 ;;
        esac
        shift 2
        ;;
      --tail) follow_logs=true && shift ;;
      --dry-run) dry_run=true && shift ;;
      --destroy) destroy=true && shift ;;
      --yes) assume_yes=true && shift ;;
      --help | -h) usage && exit 0 ;;
      *) fail "unknown option '$1' (--help lists them)" ;;
    esac
  done
}

check_arguments() {
  case ${sku^^} in
    F1 | B1 | S1) sku=${sku^^} ;;
    P0V3 | P1V3) sku=P${sku:1:1}v3 ;;
    *) fail "unknown --sku '$sku': F1, B1, S1, P0v3 or P1v3" ;;
  esac
  [[ $arm == even || $arm == odd ]] || fail "unknown --arm '$arm': even or odd"
  [[ $location =~ ^[a-z0-9]+$ ]] || fail "--location '$location' is no region name such as westeurope"
  local range
  for range in "${allowed[@]}"; do
    [[ $range =~ ^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$ || $range =~ ^[0-9a-fA-F:]+/[0-9]{1,3}$ ]] ||
      fail "--allow '$range' is no CIDR range such as 203.0.113.0/24"
  done
}

# Settles what everything is called. The default name is the same for every run in a subscription, so that a second
# run finds what the first one made, and unlike anyone else's, since web apps, vaults and registries share one namespace.
settle_names() {
  heading "subscription"
  subscription_id=$(value 00000000-0000-0000-0000-000000000000 account show --query id) ||
    fail "not signed in: az login"
  [[ -n $name ]] || name=switchback-$(printf '%s' "$subscription_id" | sha256sum | cut -c 1-8)
  [[ $name =~ ^[a-z]([a-z0-9]|-[a-z0-9]){2,20}$ && ${#name} -le 21 ]] ||
    fail "--name '$name' must be 3 to 21 of a-z, 0-9 and single hyphens, beginning with a letter"
  resource_group=${resource_group:-rg-$name}
  registry=cr${name//-/}
  vault=kv-$name
  workspace=log-$name
  identity=id-$name
  plan=plan-$name
  database_server=psql-$name
  say "name: $name, resource group: $resource_group, plan: $sku, region: $location"
}

# The smoke test calls from here, and so does whoever runs this.
warn_about_own_address() {
  [[ ${#allowed[@]} -gt 0 ]] || return 0
  if [[ $dry_run == true ]]; then
    say "a run asks for this machine's own address, and warns where --allow leaves it out"
    return
  fi
  local address range
  if ! address=$(own_address); then
    complain "warning: this machine's public address is not known; if --allow leaves it out, the smoke test will fail"
    return
  fi
  for range in "${allowed[@]}"; do
    if [[ $range != *:* ]] && in_range "$address" "$range"; then return; fi
  done
  complain "warning: --allow leaves out $address, this machine: the smoke test will fail. Add --allow $address/32"
}

main() {
  read_arguments "$@"
  check_arguments
  heading "tools"
  [[ $dry_run == true ]] || need_programs az curl openssl sha256sum
  need_azure_cli
  warn_about_own_address
  settle_names
  if [[ $destroy == true ]]; then
    destroy_everything
    return
  fi
  make_resource_group
  make_registry
  build_image
  make_identity
  make_vault
  make_audit
  make_secrets
  make_database
  migrate_database
  make_app
  configure_app
  restrict_app
  smoke_test
  show_logs
}

main "$@"
