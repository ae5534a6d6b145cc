# shellcheck shell=bash disable=SC2154  # names come from pipeline.sh
# A release is an image and a package of one commit. Each environment keeps its packages, and the record of its last
# good release, beside its state: the deploy identity may write there and nowhere else. Sourced by pipeline.sh.

readonly record=$dist/release.json
readonly good=last-good-release.json

# usage: release_field release|image|package
release_field() {
  [[ -f $record ]] || fail "$record is missing (infra/pipeline/push.sh writes it)"
  jq --raw-output --exit-status --arg field "$1" '.[$field]' "$record" || fail "$record names no $1"
}

package_file() { printf '%s/%s\n' "$dist" "$(release_field package)"; }

upload() {
  change storage blob upload --auth-mode login --account-name "$STATE_STORAGE_ACCOUNT" \
    --container-name "$environment" --name "$1" --file "$2" --overwrite true --no-progress
}

download() {
  change storage blob download --auth-mode login --account-name "$STATE_STORAGE_ACCOUNT" \
    --container-name "$environment" --name "$1" --file "$2" --overwrite true --no-progress
}

stage_package() {
  rm -f "$began" # of a deployment before this one
  upload "packages/$(release_field package)" "$(package_file)"
}

keep_release() {
  upload "$good" "$record"
}

apply_release() {
  init_terraform
  local address
  address=$(deployer_address)
  # A rollback applies too, and the minutes since the first of the two are disturbed.
  [[ -f $began ]] || utc >"$began"
  if deployed; then
    apply_image "$(release_field image)" "[\"$address\"]"
  else
    # A vault that was made a moment ago may not know its rules yet, and refuse the first secret.
    retry 2 60 apply_image "$(release_field image)" "[\"$address\"]"
  fi
}

deploy_functions() {
  init_terraform
  local group app package cidr
  group=$(text_output resource_group)
  cidr=$(deployer_address)
  package=$(package_file)
  [[ -f $package ]] || fail "$package is missing"
  while read -r app; do
    open_app functionapp "$app" "$cidr" "$group" true
    # A new rule of a deployment site takes a moment to be known.
    retry 5 20 deploy_package "$app" "$group" "$package" || fail "$app did not take the package"
  done < <(jq --raw-output '.[]' <<<"$(output function_apps)")
}

deploy_package() {
  change functionapp deployment source config-zip --name "$1" --resource-group "$2" --src "$3" --timeout 600
}

# The schema stays: migrations only ever add, so the release before runs on it.
roll_back() {
  local failed
  failed=$(release_field release)
  download "$good" "$record" || fail "there is no last good release to go back to"
  say "going back from $failed to $(release_field release)"
  download "packages/$(release_field package)" "$(package_file)"
  apply_release
  deploy_functions
  smoke_test
}
