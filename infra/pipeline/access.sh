# shellcheck shell=bash disable=SC2154  # names come from pipeline.sh
# Letting the deploying machine in for as long as a deployment takes, and out again. Sourced by pipeline.sh.
#
# The environment denies every address that is not listed, and a hosted runner has a new address each time. Terraform
# itself needs the vault, so the vault and the database are opened before it runs, and it is told of the address
# (deployer_cidrs) so that it leaves them open. What belongs to an app is opened here alone: a change that Terraform makes
# to an app restarts it. Closing undoes all of it without Terraform.

readonly rule=pipeline

deployer_address() {
  local address
  if [[ -n ${DEPLOYER_CIDR:-} ]]; then
    [[ $DEPLOYER_CIDR == */32 ]] || fail "DEPLOYER_CIDR must be a single address (…/32), not $DEPLOYER_CIDR"
    printf '%s\n' "$DEPLOYER_CIDR"
    return
  fi
  address=$(own_address) || fail "this machine's public address is not known; set DEPLOYER_CIDR"
  printf '%s/32\n' "$address"
}

# usage: each_app FUNCTION ARGUMENTS… (called with functionapp|webapp, the app's name, then the arguments)
each_app() {
  local app
  while read -r app; do "$1" functionapp "$app" "${@:2}"; done < <(jq --raw-output '.[]' <<<"$(output function_apps)")
  while read -r app; do "$1" webapp "$app" "${@:2}"; done < <(jq --raw-output '.[]' <<<"$(output web_apps)")
}

database_server() { jq --raw-output '.host | split(".")[0]' <<<"$(output database)"; }

open_access() {
  init_terraform
  if ! deployed; then
    say "nothing is deployed yet: nothing to open"
    return
  fi
  local cidr group vault
  cidr=$(deployer_address)
  group=$(text_output resource_group)
  vault=$(text_output vault)
  change keyvault network-rule add --name "$vault" --resource-group "$group" --ip-address "$cidr"
  change postgres flexible-server firewall-rule create --server-name "$(database_server)" --resource-group "$group" \
    --name "$rule" --start-ip-address "${cidr%/*}" --end-ip-address "${cidr%/*}"
  # A vault takes a while to know its new rule, and Terraform asks it only once.
  retry 24 5 vault_answers "$vault" || fail "the vault $vault does not let $cidr in"
}

vault_answers() { exists keyvault secret list --vault-name "$1"; }

# The apps themselves admit callers only, and the smoke test is one for a while; their deployment sites admit operators.
# usage: open_app functionapp|webapp APP CIDR GROUP [true for the deployment site]
open_app() {
  local kind=$1 app=$2 cidr=$3 group=$4 scm=${5:-false}
  # Adding a rule twice is an error, so one that was left behind goes first.
  shut_app "$kind" "$app" "$group" "$scm" 2>/dev/null || true
  if [[ $kind == functionapp ]]; then
    change functionapp config access-restriction add --name "$app" --resource-group "$group" --rule-name "$rule" \
      --action Allow --ip-address "$cidr" --priority 900 --scm-site "$scm"
  else
    change webapp config access-restriction add --name "$app" --resource-group "$group" --rule-name "$rule" \
      --action Allow --ip-address "$cidr" --priority 900 --scm-site "$scm"
  fi
}

# Fails where there is no such rule.
# usage: shut_app functionapp|webapp APP GROUP true|false
shut_app() {
  local kind=$1 app=$2 group=$3 scm=$4
  if [[ $kind == functionapp ]]; then
    change functionapp config access-restriction remove --name "$app" --resource-group "$group" --rule-name "$rule" \
      --scm-site "$scm"
  else
    change webapp config access-restriction remove --name "$app" --resource-group "$group" --rule-name "$rule" \
      --scm-site "$scm"
  fi
}

# Most of an app's doors are shut by now, and a door that isn't there is shut.
close_app() {
  shut_app "$1" "$2" "$3" false || true
  shut_app "$1" "$2" "$3" true || true
}

# Runs after success and failure alike, so it tries every door and fails at the end.
close_access() {
  init_terraform
  if ! deployed; then
    say "nothing is deployed: nothing to close"
    return
  fi
  local group vault cidr name failed=false
  group=$(text_output resource_group)
  vault=$(text_output vault)
  cidr=$(deployer_address)
  each_app close_app "$group"
  # The rule that `open` made, and the one that Terraform made of deployer_cidrs.
  for name in "$rule" "administrator-${cidr//[.\/]/-}"; do
    change postgres flexible-server firewall-rule delete --server-name "$(database_server)" --resource-group "$group" \
      --name "$name" --yes || failed=true
  done
  change keyvault network-rule remove --name "$vault" --resource-group "$group" --ip-address "$cidr" || failed=true
  [[ $failed == false ]] || fail "not every door could be shut: look for rules named $rule and for $cidr"
}
