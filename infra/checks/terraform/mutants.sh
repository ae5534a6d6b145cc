#!/usr/bin/env bash
# Shows that the checks can fail: breaks one promise at a time in a copy of infra/ and expects something red.
# usage: infra/checks/terraform/mutants.sh (about six minutes; ONLY=WORD picks those whose name holds WORD)
set -euo pipefail
# shellcheck source=infra/checks/terraform/tools.sh
source "$(dirname "$0")/tools.sh"
# shellcheck source=infra/checks/terraform/plans.sh
source "$(dirname "$0")/plans.sh"
cd "$root"
survivors=0

# usage: mutant WHAT FILE CHECK OLD NEW
# CHECK is a test file's name, or one of the functions check_… below.
mutant() {
  local what=$1 file=$2 check=$3 old=$4 new=$5 folder=infra
  [[ $what == *"${ONLY-}"* ]] || return 0
  [[ $file == bootstrap/* ]] && folder=infra/bootstrap
  copy_infra
  python3 - "$work/infra/$file" "$old" "$new" <<'PY'
import sys
path, old, new = sys.argv[1:]
text = open(path).read()
if text.count(old) < 1:
    sys.exit(f"error: {path} does not hold: {old}")
open(path, "w").write(text.replace(old, new, 1))
PY
  init "$folder"
  # A configuration that is no longer valid proves nothing.
  terraform -chdir="$work/$folder" validate -no-color >"$work/log" || {
    cat "$work/log" >&2
    exit 1
  }
  if (run_check "$check" "$folder") >"$work/verdict" 2>&1; then
    printf 'SURVIVED  %s\n' "$what"
    survivors=$((survivors + 1))
  else
    printf 'killed    %s\n' "$what"
  fi
}

# usage: run_check CHECK FOLDER
run_check() {
  if declare -F "check_$1" >/dev/null; then
    "check_$1"
  else
    with_az terraform -chdir="$work/$2" test -no-color "-filter=tests/$1.tftest.hcl"
  fi
}

check_namespaces() { python3 "$here/namespaces.py" "$work/infra"; }

check_order() {
  local what variables
  use_local_backend
  choose dev
  plan_json
  expect_order
}

check_converge() {
  if [[ $offline == no ]]; then fail "left out: it needs the offline provider"; fi
  use_local_backend
  converge_one dev functions
}

# shellcheck disable=SC2016 # the quoted ${...} are Terraform's, not the shell's
mutants() {
  mutant "an arm on App Service drops a caller's restriction" modules/web_app/main.tf access \
    'for_each = local.callers' 'for_each = slice(local.callers, 1, length(local.callers))'
  mutant "a Function App drops a caller's restriction" modules/function_app/main.tf access \
    'for_each = local.callers' 'for_each = slice(local.callers, 1, length(local.callers))'
  mutant "a Function App admits everybody" modules/function_app/main.tf access \
    'ip_restriction_default_action = "Deny"' 'ip_restriction_default_action = "Allow"'
  mutant "an SCM site drops a restriction" modules/web_app/main.tf access \
    'for_each = var.access.scm_cidrs' 'for_each = slice(var.access.scm_cidrs, 1, length(var.access.scm_cidrs))'
  mutant "an SCM site admits everybody" modules/function_app/main.tf access \
    'scm_ip_restriction_default_action = "Deny"' 'scm_ip_restriction_default_action = "Allow"'
  mutant "the vault admits everybody" modules/secrets/main.tf access \
    'default_action             = "Deny"' 'default_action             = "Allow"'
  mutant "the vault drops a restriction" modules/secrets/main.tf access \
    'ip_rules                   = var.allowed_cidrs' 'ip_rules                   = slice(var.allowed_cidrs, 1, length(var.allowed_cidrs))'
  mutant "an app answers plain HTTP" modules/web_app/main.tf access \
    'https_only                      = true' 'https_only                      = false'
  mutant "an app takes old TLS" modules/function_app/main.tf access \
    'minimum_tls_version     = "1.2"' 'minimum_tls_version     = "1.1"'
  mutant "the database takes passwords" modules/database/main.tf access \
    'password_auth_enabled         = false' 'password_auth_enabled         = true'
  mutant "a ticket key in a plain setting" modules/function_app/settings.tf secrets \
    'name => secret.reference if' 'name => (name == "SWITCHBACK_TICKET_KEY" ? "0123456789abcdef0123456789abcdef" : secret.reference) if'
  mutant "the telemetry's connection string in a plain setting" modules/function_app/main.tf secrets \
    'application_insights_connection_string = local.telemetry' 'application_insights_connection_string = "InstrumentationKey=6"'
  mutant "a new secret in a plain setting" settings.tf secrets \
    'SWITCHBACK_LOG_FORMAT         = "json"' 'SWITCHBACK_WEBHOOK_KEY = "3f1c0d3c0d3c0d3c0d3c0d3c0d3c0d3c"'
  mutant "a password in the database's URL" settings.tf secrets \
    'postgresql://${local.apps[role].identity}@' 'postgresql://${local.apps[role].identity}:hunter2@'
  mutant "a secret's value kept in the state" modules/secrets/main.tf secrets \
    $'value_wo         = "closed:read:${sha256(uuid())}"\n  value_wo_version = 1' 'value = "closed:read:x"'
  mutant "an identity with a wider role" modules/web_app/main.tf secrets \
    'role_definition_name = "Key Vault Secrets User"' 'role_definition_name = "Key Vault Administrator"'
  mutant "telemetry taken from anybody" modules/telemetry/main.tf secrets \
    $'opens nothing.\n  local_authentication_enabled = false' $'opens nothing.\n  local_authentication_enabled = true'
  mutant "the router reads the API keys" settings.tf secrets \
    'router = local.router_secrets' 'router = local.arm_secrets'
  mutant "both arms on one plan" variables.arms.tf arms \
    'odd  = { hosting = "functions", plan = "flex-512", min_instances = 0, max_instances = 4 }' 'odd  = { hosting = "app_service", plan = "S1" }'
  mutant "both arms' plans with one name" modules/naming/main.tf arms \
    '"asp-${local.base}-${role}-${local.hash}"' '"asp-${local.base}-${local.hash}"'
  mutant "the router knows one arm twice" settings.tf arms \
    'SWITCHBACK_EVEN_URL = local.urls.even' 'SWITCHBACK_EVEN_URL = local.urls.odd'
  mutant "a setting the program does not know" settings.tf arms \
    'SWITCHBACK_LOG_FORMAT ' 'SWITCHBACK_LOG_FROMAT '
  mutant "callers' list open to the world" variables.access.tf refusals_access \
    '>= 8, true)' '>= 0, true)'
  mutant "the database is made beside its administrators" modules/database/main.tf order \
    'depends_on = [azurerm_postgresql_flexible_server_active_directory_administrator.this]' ''
  mutant "the budget moves with the months" modules/finops/main.tf converge \
    'ignore_changes = [time_period[0].start_date]' ''
  mutant "the budget counts from a month that is over" modules/finops/main.tf operations \
    'formatdate("YYYY-MM-01' 'formatdate("2025-MM-01'
  mutant "the export begins today" modules/finops/focus-export.sh converge \
    "-d '1 day'" "-d '0 day'"
  mutant "the export is made anew every day" modules/finops/export.tf operations \
    'from = "@TOMORROW@"' 'from = plantimestamp()'
  mutant "a deployment's address changes the apps" settings.tf converge \
    'scm_cidrs = var.operator_cidrs' 'scm_cidrs = concat(var.operator_cidrs, var.deployer_cidrs)'
  mutant "callers reach the SCM sites" settings.tf access \
    'scm_cidrs = var.operator_cidrs' 'scm_cidrs = concat(var.operator_cidrs, var.allowed_cidrs)'
  mutant "callers reach the vault" main.tf access \
    'concat(var.operator_cidrs, var.deployer_cidrs)' 'concat(var.operator_cidrs, var.deployer_cidrs, var.allowed_cidrs)'
  mutant "a setting that the provider hides" modules/function_app/settings.tf converge \
    'AzureWebJobsStorage__accountName = ' $'AzureWebJobsStorage = ""\n    AzureWebJobsStorage__accountName = '
  mutant "a changed app keeps the provider's connection string" modules/function_app/host_storage.tf converge \
    'replace_triggered_by = [azurerm_function_app_flex_consumption.this]' ''
  mutant "a new app keeps the provider's connection string" modules/function_app/host-storage.sh converge \
    '[ -n "$injected" ]' 'false'
  mutant "an arm of an earlier version is made anew" moved.tf converge \
    $'moved {\n  from = module.even\n  to   = module.arm["even"]\n}\n' ''
  mutant "the state's account takes shared keys" bootstrap/main.tf bootstrap \
    'shared_access_key_enabled       = false' 'shared_access_key_enabled       = true'
  mutant "a resource provider that nobody registers" bootstrap/versions.tf namespaces \
    $'    "Microsoft.ContainerRegistry",\n' ''
  mutant "a repository with ids is refused" bootstrap/variables.tf bootstrap \
    '|[A-Za-z0-9_.-]+@[0-9]+/[A-Za-z0-9_.-]+@[0-9]+' ''
  mutant "the ids are left out of the subject" bootstrap/identities.tf bootstrap \
    'trimprefix(var.github_repository, "repo:")' 'replace(trimprefix(var.github_repository, "repo:"), "/@[0-9]+/", "")'
  mutant "a deploy identity grants any role" bootstrap/identities.tf bootstrap \
    'condition = local.delegation_condition.group' 'condition = null'
}

need_python
get_terraform
choose_provider
make_work
mutants
[[ $survivors -eq 0 ]] || {
  printf '%s mutants survived: a promise without a test\n' "$survivors" >&2
  exit 1
}
