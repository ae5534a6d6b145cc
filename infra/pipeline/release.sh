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
  upload "packages/$(release_field package)" "$(package_file)"
}

keep_release() {
  upload "$good" "$record"
}

migrate_database() {
  init_terraform
  local administrator=${DATABASE_ADMINISTRATOR:-id-switchback-deploy-$environment} token binary=$dist/switchback host name
  if ! deployed; then
    say "there is no database yet: migrate again after the first apply"
    return
  fi
  unzip -q -o "$(package_file)" switchback -d "$dist" || fail "the package holds no program"
  # A token instead of a password: it is good for an hour, and goes in through the environment, not the arguments.
  token=$(value token account get-access-token --resource-type oss-rdbms --query accessToken)
  host=$(jq --raw-output .host <<<"$(output database)")
  name=$(jq --raw-output .name <<<"$(output database)")
  DATABASE_URL="postgresql://$administrator:$token@$host:5432/$name?sslmode=verify-full" \
    SWITCHBACK_ROLE=api SWITCHBACK_ARM=even run "$binary" migrate
  # What the apps' identities may do with it: rows, not tables.
  PGHOST=$host PGDATABASE=$name PGUSER=$administrator PGPASSWORD=$token PGSSLMODE=verify-full PGSSLROOTCERT=system \
    run psql --no-psqlrc --quiet --file=<(text_output database_roles_sql)
}

apply_release() {
  init_terraform
  local address
  address=$(deployer_address)
  if deployed; then
    apply_image "$(release_field image)" "[\"$address\"]"
  else
    # A vault that was made a moment ago may not know its rules yet, and refuse the first secret.
    retry 2 60 apply_image "$(release_field image)" "[\"$address\"]"
  fi
}

deploy_functions() {
  init_terraform
  local group app package
  group=$(text_output resource_group)
  package=$(package_file)
  [[ -f $package ]] || fail "$package is missing"
  while read -r app; do
    change functionapp deployment source config-zip --name "$app" --resource-group "$group" --src "$package" \
      --timeout 600
  done < <(jq --raw-output '.[]' <<<"$(output function_apps)")
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
