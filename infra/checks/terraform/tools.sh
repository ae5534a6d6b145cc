# shellcheck shell=bash disable=SC2034  # names are used where this is sourced
# What the checks run with: Terraform, the provider, and a copy of infra/ to work in. Sourced, never run.
#
# Sets root, tools, offline (yes where the provider is the stand-in) and work, a temporary folder that ends with the
# script. The lock file and the backend of a real deployment stay untouched.

readonly TERRAFORM_VERSION=1.11.4
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
here=$root/infra/checks/terraform
shim=${TERRAFORM_SHIM_DIR:-$root/../shared/terraform}
tools=$root/.venv-infra

say() { printf '\n== %s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# A virtual environment of its own for each thing, made once. The stamp says which packages are in it.
# usage: venv FOLDER PACKAGE… | venv FOLDER --requirement FILE
venv() {
  local folder=$1 wanted
  shift
  wanted=$*
  [[ $1 != --requirement ]] || wanted=$(cat "$2")
  if [[ $(cat "$folder/.installed" 2>/dev/null) != "$wanted" ]]; then
    python3 -m venv "$folder" || fail "python3 could not make a virtual environment"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" || fail "pip could not install $*"
    printf '%s\n' "$wanted" >"$folder/.installed"
  fi
}

# Debian packs virtual environments apart from Python.
need_python() {
  python3 -c 'import ensurepip' 2>/dev/null || "$root/infra/scripts/need.sh" python3 || true
  python3 -c 'import ensurepip' 2>/dev/null ||
    { command -v apt-get >/dev/null && [[ $(id -u) -eq 0 ]] && apt-get update --quiet=2 && apt-get install --yes --quiet=2 python3-venv; } ||
    fail "python3 with virtual environments is missing; on Debian: apt-get install python3-venv"
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

make_work() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/docs"
  cp "$root/docs/configuration.md" "$work/docs/"
  copy_infra
}

# A fresh copy of infra/, without what Terraform left beside it.
copy_infra() {
  rm -rf "$work/infra"
  tar -C "$root" --exclude .terraform --exclude .terraform.lock.hcl --exclude '*.tfstate*' -cf - infra | tar -C "$work" -xf -
}

# usage: init FOLDER
init() {
  terraform -chdir="$work/$1" init -backend=false -input=false -no-color >"$work/init.log" 2>&1 || {
    cat "$work/init.log"
    fail "terraform init in $1"
  }
}

# Plans keep their state in $work/terraform.tfstate instead of in Azure.
use_local_backend() {
  printf 'terraform {\n  backend "local" {\n    path = "%s/terraform.tfstate"\n  }\n}\n' "$work" >"$work/infra/backend_override.tf"
  terraform -chdir="$work/infra" init -input=false -reconfigure -no-color >"$work/init.log" 2>&1 || {
    cat "$work/init.log"
    fail "terraform init for the plans"
  }
}
