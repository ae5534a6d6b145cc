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

# usage: plan_one ENVIRONMENT [PRESET]
plan_one() {
  local what variables
  choose "$@"
  say "plan of $what"
  rm -f "$work/terraform.tfstate"
  plan_json
  python3 "$here/plan_summary.py" <"$work/plan.json"
  if [[ -n ${SWITCHBACK_BINARY-} ]]; then
    python3 "$here/settings_check.py" "$SWITCHBACK_BINARY" <"$work/plan.json" || fail "the program refuses the settings of $what"
  fi
}

# What an apply makes must be what the next plan finds; a state of an earlier version must be carried over; and a
# deployment from another address must leave the apps alone, since a change of one restarts it.
# usage: converge_one ENVIRONMENT [PRESET]
converge_one() {
  local what variables
  choose "$@"
  say "apply, then plan: $what"
  rm -f "$work/terraform.tfstate"
  # What the provider cannot do is done with the Azure CLI; a stand-in answers.
  mkdir -p "$work/bin"
  ln -sf "$root/infra/checks/stand-ins/az" "$work/bin/"
  AZ_STAND_IN_RECORD=$work/az AZ_STAND_IN_WORLD=filled PATH=$work/bin:$PATH \
    quietly apply -input=false -no-color -auto-approve "${variables[@]}" || fail "terraform apply of $what"
  plan_json
  python3 "$here/plan_changes.py" --none <"$work/plan.json" || fail "a second plan of $what is not empty"
  plan_json -var 'deployer_cidrs=["192.0.2.99/32"]'
  python3 "$here/plan_changes.py" --not azurerm_linux_web_app --not azurerm_function_app_flex_consumption <"$work/plan.json" ||
    fail "deploying $what from another address changes an app"
  python3 "$here/state_before_arms.py" "$work/terraform.tfstate"
  plan_json
  python3 "$here/plan_changes.py" --none --moved <"$work/plan.json" || fail "a state of an earlier version is not carried over: $what"
}
