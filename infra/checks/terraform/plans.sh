# shellcheck shell=bash disable=SC2154  # names come from tools.sh
# Plans of each preset and environment, and whether an apply is followed by an empty plan. Sourced, never run.

# usage: choose ENVIRONMENT [PRESET]: sets `what`, for people, and `variables`, for Terraform
choose() {
  what="environments/$1.tfvars${2:+ with presets/$2.tfvars}"
  # The example's values come first, so that the environment's own win.
  variables=(-var-file=tests/example.auto.tfvars -var-file="environments/$1.tfvars")
  if [[ -n ${2-} ]]; then variables+=(-var-file="presets/$2.tfvars"); fi
}

# usage: each_choice FUNCTION
each_choice() {
  local preset
  "$1" dev
  for preset in "$root"/infra/presets/*.tfvars; do
    "$1" dev "$(basename "$preset" .tfvars)"
  done
  "$1" production
}

# usage: quietly TERRAFORM-ARGUMENTS…
quietly() {
  terraform -chdir="$work/infra" "$@" >"$work/log" 2>&1 || {
    local status=$?
    cat "$work/log" >&2
    return "$status"
  }
}

# Writes the plan as $work/plan.json. usage: plan_json [ARGUMENT…]
plan_json() {
  quietly plan -input=false -no-color -lock=false -out="$work/plan" "${variables[@]}" "$@" || fail "terraform plan of $what"
  terraform -chdir="$work/infra" show -json "$work/plan" >"$work/plan.json"
}

# What Terraform must wait for though no value says so. usage: expect_order: judges $work/plan.json
expect_order() { python3 "$here/order.py" <"$work/plan.json" || fail "things are made in any order: $what"; }

# usage: plan_one ENVIRONMENT [PRESET]
plan_one() {
  local what variables
  choose "$@"
  say "plan of $what"
  rm -f "$work/terraform.tfstate"
  plan_json
  python3 "$here/plan_summary.py" <"$work/plan.json"
  expect_order
  if [[ -n ${SWITCHBACK_BINARY-} ]]; then
    python3 "$here/settings_check.py" "$SWITCHBACK_BINARY" <"$work/plan.json" || fail "the program refuses the settings of $what"
  fi
}

# The values that azd would fill in.
plan_azd() {
  local what="azd's variables" variables=(-var-file="$work/azd.tfvars.json")
  say "plan of $what"
  python3 "$here/azd.py" "$work/azd.tfvars.json" || fail "azd would not find what it needs"
  rm -f "$work/terraform.tfstate"
  plan_json
  python3 "$here/plan_summary.py" <"$work/plan.json"
}

# usage: with_az COMMAND…: what the provider cannot do is done with the Azure CLI, for which a stand-in answers
with_az() {
  mkdir -p "$work/bin"
  ln -sf "$root/infra/checks/stand-ins/az" "$work/bin/"
  AZ_STAND_IN_RECORD=$work/az AZ_STAND_IN_WORLD=filled PATH=$work/bin:$PATH "$@"
}

# usage: expect_changes WHY-NOT OPTION…: judges $work/plan.json
expect_changes() {
  local complaint=$1
  shift
  python3 "$here/plan_changes.py" "$@" <"$work/plan.json" || fail "$complaint: $what"
}

# What an apply makes must be what the next plan finds, or every apply would change, and restart, something.
# usage: converge_one ENVIRONMENT [PRESET]
converge_one() {
  local what variables
  choose "$@"
  say "apply, then plan: $what"
  rm -f "$work/terraform.tfstate" "$work/az"
  with_az quietly apply -input=false -no-color -auto-approve "${variables[@]}" || fail "terraform apply of $what"
  expect_host_storage
  plan_json
  expect_changes "a second plan is not empty" --none
  plan_json -var 'deployer_cidrs=["192.0.2.99/32"]'
  expect_changes "a deployment from another address changes an app, and so restarts it" \
    --not azurerm_linux_web_app --not azurerm_function_app_flex_consumption
  plan_json -var pool_size=1
  expect_changes "the host's storage is not put right after a change of the app" \
    --followed azurerm_function_app_flex_consumption terraform_data.host_storage
  python3 "$here/state_of_before.py" "$work/terraform.tfstate"
  plan_json
  expect_changes "a state of an earlier version is not carried over" --none --moved
  plan_json -replace=module.finops.azurerm_consumption_budget_resource_group.this
  python3 "$here/dates.py" "$work/plan.json" "$work/az" || fail "a date that Azure refuses: $what"
}

# The connection string that the provider adds to each app on Flex Consumption has been taken away.
expect_host_storage() {
  local apps mended
  apps=$(terraform -chdir="$work/infra" state list | grep -c azurerm_function_app_flex_consumption)
  mended=$(grep -c '"appsettings", "delete".*"AzureWebJobsStorage"' "$work/az" || true)
  [[ $mended == "$apps" ]] || fail "$mended of $apps apps were freed of the provider's connection string: $what"
}
