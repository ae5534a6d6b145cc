# shellcheck shell=bash disable=SC2154  # names come from pipeline.sh
# What a deployment does to the database: migrations, roles, and a note in the run of the minutes it disturbed. Sourced by
# pipeline.sh.

# Who signs in to the database: DATABASE_ADMINISTRATOR, else the person who is signed in to Azure, else the one service
# principal among the administrators, which is the deploy identity.
database_administrator() {
  if [[ -n ${DATABASE_ADMINISTRATOR:-} ]]; then
    printf '%s\n' "$DATABASE_ADMINISTRATOR"
    return
  fi
  local kind name administrators
  administrators=$(output database_administrators)
  kind=$(value user account show --query user.type)
  if [[ $kind == user ]]; then
    name=$(value me account show --query user.name)
    jq --exit-status --arg name "$name" 'has($name)' <<<"$administrators" >/dev/null ||
      fail "$name is no administrator of the database: add it to database_administrators and apply, or name a group of yours that is one in DATABASE_ADMINISTRATOR"
  else
    name=$(jq --raw-output 'to_entries | map(select(.value == "ServicePrincipal").key) | if length == 1 then .[0] else "" end' <<<"$administrators")
    [[ -n $name ]] || fail "the database's administrators are $administrators: say in DATABASE_ADMINISTRATOR which of them this is"
  fi
  printf '%s\n' "$name"
}

# Sets administrator, token, host, database and distribute, and unpacks the program that goes with the release.
reach_database() {
  binary=$dist/switchback
  unzip -q -o "$(package_file)" switchback -d "$dist" || fail "the package holds no program"
  administrator=$(database_administrator)
  # A token instead of a password: it is good for an hour, and goes in through the environment, not the arguments.
  token=$(value token account get-access-token --resource-type oss-rdbms --query accessToken)
  host=$(jq --raw-output .host <<<"$(output database)")
  database=$(jq --raw-output .name <<<"$(output database)")
  # Environments from before clusters have no such output.
  distribute=$(jq --raw-output 'if .cluster then "on" else "off" end' <<<"$(output database)")
}

# In a URL a person's name needs its @ encoded, and nowhere else.
encoded() { jq --null-input --raw-output --arg text "$1" '$text | @uri'; }

# Runs the program as an arm that may administer the database. usage: with_database ARGUMENTS…
with_database() {
  DATABASE_URL="postgresql://$(encoded "$administrator"):$(encoded "$token")@$host:5432/$database?sslmode=verify-full" \
    SWITCHBACK_ROLE=api SWITCHBACK_ARM=even SWITCHBACK_DISTRIBUTE=$distribute run "$binary" "$@"
}

migrate_database() {
  init_terraform
  if ! deployed; then
    say "there is no database yet: migrate again after the first apply"
    return
  fi
  local binary administrator token host database distribute
  reach_database
  with_database migrate
  # What the apps' identities may do with it: rows, not tables.
  PGHOST=$host PGDATABASE=$database PGUSER=$administrator PGPASSWORD=$token PGSSLMODE=verify-full PGSSLROOTCERT=system \
    run psql --no-psqlrc --quiet --file=<(text_output database_roles_sql)
}

# When the apply began, for the note afterwards.
readonly began=$dist/apply-began

utc() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# An apply may restart one arm and not the other: its minutes say nothing about plans. Says so in the run, where the program
# knows how.
exclude_minutes() {
  init_terraform
  if ! deployed || [[ ! -f $began ]]; then
    say "nothing was applied: no minutes to exclude"
    return
  fi
  local binary administrator token host database distribute
  reach_database
  if ! "$binary" run exclude --help >/dev/null 2>&1; then
    say "this release keeps no runs: leave $(cat "$began") to $(utc) out of the report's range"
    return
  fi
  # A deployment is no worse for it.
  with_database run exclude --from "$(cat "$began")" --to "$(utc)" --reason "deployment $(release_field release)" ||
    complain "the minutes from $(cat "$began") to $(utc) are not excluded from a run; if one is open, exclude them by hand"
  rm -f "$began"
}
