#!/usr/bin/env bash
# Checks infra/ without a cloud.
# usage: infra/checks/terraform/check.sh [check|plan]
#   check  fmt, init, validate, test, checkov, the plan of each preset, and of production
#   plan   the plans alone
# Environment:
#   TERRAFORM_SHIM_DIR  folder of an offline stand-in for the azurerm provider (default: ../shared/terraform beside
#                       the project); where there is none the provider comes from the registry
#   SWITCHBACK_BINARY   a built program: it must accept the settings that every preset would give the apps
# Everything runs in a temporary copy: the lock file and the backend of a real deployment stay untouched.
set -euo pipefail

readonly TERRAFORM_VERSION=1.11.4
root=$(cd "$(dirname "$0")/../../.." && pwd)
cd "$root"
shim=${TERRAFORM_SHIM_DIR:-../shared/terraform}
tools=$root/.venv-infra

say() { printf '\n== %s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# A virtual environment of its own for each thing, made once. The stamp says which packages are in it.
venv() {
  local folder=$1
  shift
  if [[ $(cat "$folder/.installed" 2>/dev/null) != "$*" ]]; then
    python3 -m venv "$folder" || fail "python3 could not make a virtual environment"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" || fail "pip could not install $*"
    printf '%s\n' "$*" >"$folder/.installed"
  fi
}

# Linux has the one, macOS the other.
check_sums() {
  if command -v sha256sum >/dev/null; then sha256sum --check --quiet -; else shasum --algorithm 256 --check --quiet -; fi
}

# HashiCorp's own archive, checked against its published sums, where there is no terraform yet.
get_terraform() {
  command -v terraform >/dev/null && return
  PATH=$tools/bin:$PATH
  [[ -x $tools/bin/terraform ]] && return
  local system machine archive url folder
  system=$(uname -s | tr '[:upper:]' '[:lower:]')
  machine=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
  archive=terraform_${TERRAFORM_VERSION}_${system}_${machine}.zip
  url=https://releases.hashicorp.com/terraform/$TERRAFORM_VERSION
  folder=$(mktemp -d)
  mkdir -p "$tools/bin"
  say "installing terraform $TERRAFORM_VERSION"
  (cd "$folder" &&
    curl --fail --silent --show-error --remote-name-all "$url/$archive" "$url/terraform_${TERRAFORM_VERSION}_SHA256SUMS" &&
    grep " $archive\$" "terraform_${TERRAFORM_VERSION}_SHA256SUMS" | check_sums &&
    python3 -m zipfile --extract "$archive" . &&
    install -m 755 terraform "$tools/bin/terraform") ||
    fail "terraform is missing and could not be fetched from $url; install version 1.11 or later: https://developer.hashicorp.com/terraform/install"
  rm -rf "$folder"
}

# Points Terraform at the stand-in where there is one.
choose_provider() {
  unset TF_CLI_CONFIG_FILE
  mkdir -p "$tools"
  if [[ -f $shim/install.py ]]; then
    venv "$tools/shim" grpcio msgpack cryptography
    local schema
    schema=$(find "$shim" -name 'azurerm-*-schema.json.gz' | sort | tail -n 1)
    [[ $schema =~ azurerm-([0-9.]+)-schema ]] || fail "no azurerm-VERSION-schema.json.gz in $shim"
    TF_CLI_CONFIG_FILE=$("$tools/shim/bin/python" "$shim/install.py" "$schema" "${BASH_REMATCH[1]}" "$tools/mirror")
    export TF_CLI_CONFIG_FILE
    offline=yes
    say "azurerm ${BASH_REMATCH[1]}: offline stand-in in $shim"
  else
    mkdir -p "$tools/plugins"
    export TF_PLUGIN_CACHE_DIR=$tools/plugins
    offline=no
    say "azurerm: from the registry"
  fi
  export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
}

copy_tree() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/docs"
  cp docs/configuration.md "$work/docs/"
  tar -C "$root" --exclude .terraform --exclude .terraform.lock.hcl --exclude '*.tfstate*' -cf - infra | tar -C "$work" -xf -
}

init() {
  terraform -chdir="$work/$1" init -backend=false -input=false -no-color >"$work/init.log" 2>&1 || {
    cat "$work/init.log"
    fail "terraform init in $1"
  }
}

check() {
  say "fmt"
  terraform fmt -check -recursive -diff infra || fail "unformatted: run terraform fmt -recursive infra"
  local folder
  for folder in infra infra/bootstrap; do
    say "$folder: init, validate, test"
    init "$folder"
    terraform -chdir="$work/$folder" validate -no-color
    terraform -chdir="$work/$folder" test -no-color
  done
  say "checkov"
  venv "$tools/checkov" --requirement infra/checks/terraform/requirements.txt
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
  # A local backend in place of the remote one; nothing is kept.
  printf 'terraform {\n  backend "local" {}\n}\n' >"$work/infra/backend_override.tf"
  terraform -chdir="$work/infra" init -input=false -reconfigure -no-color >"$work/init.log" 2>&1 || {
    cat "$work/init.log"
    fail "terraform init for the plans"
  }
  local preset
  for preset in infra/presets/*.tfvars; do
    plan_one dev "presets/$(basename "$preset")"
  done
  plan_one production
}

# usage: plan_one ENVIRONMENT [PRESET]
plan_one() {
  local what="environments/$1.tfvars${2:+ with $2}"
  say "plan of $what"
  # The example's values come first, so that the environment's own win.
  terraform -chdir="$work/infra" plan -input=false -no-color -lock=false -out="$work/plan" \
    -var-file=tests/example.auto.tfvars -var-file="environments/$1.tfvars" ${2:+-var-file="$2"} >"$work/plan.log" 2>&1 || {
    cat "$work/plan.log"
    fail "terraform plan of $what"
  }
  terraform -chdir="$work/infra" show -json "$work/plan" >"$work/plan.json"
  python3 infra/checks/terraform/plan_summary.py <"$work/plan.json"
  if [[ -n ${SWITCHBACK_BINARY-} ]]; then
    python3 infra/checks/terraform/settings_check.py "$SWITCHBACK_BINARY" <"$work/plan.json" || fail "the program refuses the settings of $what"
  fi
}

# Debian packs virtual environments apart from Python.
python3 -c 'import ensurepip' 2>/dev/null ||
  { command -v apt-get >/dev/null && [[ $(id -u) -eq 0 ]] && apt-get update --quiet=2 && apt-get install --yes --quiet=2 python3-venv; } ||
  fail "python3 with virtual environments is missing; on Debian: apt-get install python3-venv"
get_terraform
choose_provider
copy_tree
case ${1:-check} in
check)
  check
  plan
  say "infra: all checks passed"
  ;;
plan) plan ;;
*)
  sed -n '2,10p' "$0" >&2
  exit 64
  ;;
esac
