# shellcheck shell=bash disable=SC2154  # names come from pipeline.sh
# Terraform for one environment: state, variables, outputs. Sourced by pipeline.sh.

# Prints and runs a command that is not the Azure CLI's.
run() {
  print_command "$@"
  "$@" >&3
}

need_variables() {
  local name missing=()
  for name in "$@"; do
    [[ -n ${!name:-} ]] || missing+=("$name")
  done
  [[ ${#missing[@]} -eq 0 ]] || fail "set ${missing[*]} (see infra/pipeline.sh --help)"
}

# Terraform signs in as AZURE_CLIENT_ID: with GitHub's token in a workflow, else with the Azure CLI's own sign-in.
sign_terraform_in() {
  need_variables AZURE_TENANT_ID AZURE_SUBSCRIPTION_ID
  export ARM_TENANT_ID=$AZURE_TENANT_ID ARM_SUBSCRIPTION_ID=$AZURE_SUBSCRIPTION_ID
  if [[ -n ${ACTIONS_ID_TOKEN_REQUEST_URL:-} ]]; then
    need_variables AZURE_CLIENT_ID
    export ARM_CLIENT_ID=$AZURE_CLIENT_ID ARM_USE_OIDC=true
  fi
  export TF_IN_AUTOMATION=true TF_INPUT=0
}

init_terraform() {
  sign_terraform_in
  run terraform -chdir="$here" init -no-color -backend-config="environments/$environment.backend.hcl" \
    -backend-config="storage_account_name=$STATE_STORAGE_ACCOUNT"
  read_outputs
}

# All outputs at once: every call of terraform asks the state's account anew.
read_outputs() { outputs=$(terraform -chdir="$here" output -json -no-color); }

# One output as JSON, `null` before the first apply.
output() { jq --compact-output --arg name "$1" '.[$name].value' <<<"$outputs"; }

# One output that is a string, as it stands.
text_output() { jq --raw-output --arg name "$1" '.[$name].value' <<<"$outputs"; }

deployed() { [[ $(output resource_group) != null ]]; }

# Fills `variables` with the options that carry this environment's values, the most particular last.
collect_variables() {
  variables=("-var-file=environments/$environment.tfvars")
  local file
  for file in "environments/$environment.bootstrap.tfvars.json" "environments/$environment.local.tfvars"; do
    if [[ -f $here/$file ]]; then variables+=("-var-file=$file"); fi
  done
  if [[ -n ${TERRAFORM_VARIABLES:-} ]]; then
    jq --exit-status 'type == "object"' <<<"$TERRAFORM_VARIABLES" >/dev/null || fail "TERRAFORM_VARIABLES is no JSON object"
    printf '%s\n' "$TERRAFORM_VARIABLES" >"$dist/$environment.tfvars.json"
    variables+=("-var-file=$dist/$environment.tfvars.json")
  fi
}

# GitHub takes comments of up to 65,536 characters, and one comment holds the plans of both environments.
readonly comment_share=30000

# What a pull request is shown. The identity behind it reads the state and nothing else: no lock is taken, nothing is
# refreshed (that would read secrets), and so what drifted in Azure shows at the next apply and not here.
print_plan() {
  init_terraform
  collect_variables
  local text=$dist/plan.txt current=$dist/current-release.json image=switchback:first status=0 deployers
  if download "$good" "$current" 2>/dev/null; then image=$(jq --raw-output .image "$current"); fi
  # The address of the last deployment is not being shut out by a plan from elsewhere.
  deployers=$(output deployer_cidrs)
  terraform -chdir="$here" plan -no-color -lock=false -refresh=false -detailed-exitcode \
    "${variables[@]}" -var "image=$image" -var "deployer_cidrs=${deployers/#null/[]}" >"$text" 2>&1 || status=$?
  # 0: nothing changes, 2: something does.
  if [[ $status != 0 && $status != 2 ]]; then
    cat "$text" >&2
    fail "terraform plan ended with $status"
  fi
  {
    printf '### Terraform plan for %s\n\n' "$environment"
    printf '%s\n\n' "$(grep -E '^(Plan:|No changes\.)' "$text" || echo 'Only outputs change.')"
    printf '<details><summary>the plan</summary>\n\n~~~text\n'
    if (($(wc -c <"$text") > comment_share)); then
      # Whole lines, so that no character is cut in two.
      head -c "$comment_share" "$text" | sed '$d'
      printf "[cut here: the summary of this job's run has all of it]\n"
    else
      cat "$text"
    fi
    printf '\n~~~\n</details>\n\n'
  } >"$dist/plan.md"
  if [[ -n ${GITHUB_STEP_SUMMARY:-} ]]; then
    { printf '### Terraform plan for %s\n\n~~~text\n' "$environment" && head -c 500000 "$text" && printf '\n~~~\n'; } >>"$GITHUB_STEP_SUMMARY"
  fi
  say "wrote $dist/plan.md"
}

# usage: apply_image IMAGE DEPLOYER_CIDRS_AS_JSON
apply_image() {
  collect_variables
  run terraform -chdir="$here" apply -no-color -auto-approve "${variables[@]}" \
    -var "image=$1" -var "deployer_cidrs=$2" || return
  read_outputs
}
