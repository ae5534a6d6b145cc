# shellcheck shell=bash disable=SC2154  # names come from pipeline.sh
# Letting the deploying machine in for as long as a deployment takes, and out again. Sourced by pipeline.sh.
#
# The environment denies every address that is not listed, and a hosted runner has a new address each time. Terraform
# itself needs the vault, so the vault and the database are opened before it runs; it then keeps them open
# (deployer_cidrs) and opens the deployment sites. Closing applies once more without that address.

readonly rule=pipeline

deployer_address() {
  local address
  if [[ -n ${DEPLOYER_CIDR:-} ]]; then
    printf '%s\n' "$DEPLOYER_CIDR"
    return
  fi
  address=$(curl --silent --show-error --fail --max-time 10 https://api.ipify.org) ||
    fail "this machine's public address is not known; set DEPLOYER_CIDR"
  [[ $address =~ ^[0-9]{1,3}(\.[0-9]{1,3}){3}$ ]] || fail "'$address' is no IPv4 address; set DEPLOYER_CIDR"
  printf '%s/32\n' "$address"
}

# The database's firewall wants the two ends of a range.
first_address() { printf '%s\n' "${1%/*}"; }
last_address() {
  [[ $1 == */32 ]] || fail "DEPLOYER_CIDR must be a single address (…/32), not $1"
  printf '%s\n' "${1%/*}"
}

# usage: each_app FUNCTION ARGUMENTS… (called with functionapp|webapp, the app's name, then the arguments)
each_app() {
  local app
  while read -r app; do "$1" functionapp "$app" "${@:2}"; done < <(jq --raw-output '.[]' <<<"$(output function_apps)")
  while read -r app; do "$1" webapp "$app" "${@:2}"; done < <(jq --raw-output '.[]' <<<"$(output web_apps)")
}

open_access() {
  init_terraform
  if ! deployed; then
    say "nothing is deployed yet: nothing to open"
    return
  fi
  local cidr group server vault
  cidr=$(deployer_address)
  group=$(text_output resource_group)
  vault=$(text_output vault)
  server=$(jq --raw-output '.host | split(".")[0]' <<<"$(output database)")
  change keyvault network-rule add --name "$vault" --resource-group "$group" --ip-address "$cidr"
  change postgres flexible-server firewall-rule create --server-name "$server" --resource-group "$group" \
    --name "$rule" --start-ip-address "$(first_address "$cidr")" --end-ip-address "$(last_address "$cidr")"
  # A vault takes a while to know its new rule, and Terraform asks it only once.
  retry 24 5 vault_answers "$vault" || fail "the vault $vault does not let $cidr in"
}

vault_answers() { exists keyvault secret list --vault-name "$1"; }

# The apps themselves admit callers only; the smoke test is one for a while.
open_app() {
  local kind=$1 app=$2 cidr=$3 group=$4
  if [[ $kind == functionapp ]]; then
    change functionapp config access-restriction add --name "$app" --resource-group "$group" --rule-name "$rule" \
      --action Allow --ip-address "$cidr" --priority 900
  else
    change webapp config access-restriction add --name "$app" --resource-group "$group" --rule-name "$rule" \
      --action Allow --ip-address "$cidr" --priority 900
  fi
}

close_app() {
  local kind=$1 app=$2 group=$3
  if [[ $kind == functionapp ]]; then
    change functionapp config access-restriction remove --name "$app" --resource-group "$group" --rule-name "$rule"
  else
    change webapp config access-restriction remove --name "$app" --resource-group "$group" --rule-name "$rule"
  fi
}

# Runs after success and failure alike, so it tries every door and fails at the end.
close_access() {
  init_terraform
  if ! deployed; then
    say "nothing is deployed: nothing to close"
    return
  fi
  local group server vault cidr failed=false
  group=$(text_output resource_group)
  server=$(jq --raw-output '.host | split(".")[0]' <<<"$(output database)")
  vault=$(text_output vault)
  cidr=$(deployer_address)
  # Terraform's own rules go with an apply that names no deployer; it needs the vault, so it comes first.
  apply_image "$(release_field image)" '[]' || failed=true
  # Doors opened past Terraform; most of them are shut by now, and a door that isn't there is shut.
  each_app close_app "$group" || true
  change postgres flexible-server firewall-rule delete --server-name "$server" --resource-group "$group" \
    --name "$rule" --yes || failed=true
  change keyvault network-rule remove --name "$vault" --resource-group "$group" --ip-address "$cidr" || failed=true
  [[ $failed == false ]] || fail "not every door could be shut: look for rules named $rule and for $cidr"
}
