# shellcheck shell=bash disable=SC2154  # names come from deploy-manual.sh
# The app itself: plan, web app, settings, restrictions, smoke test, logs. Sourced by deploy-manual.sh.

make_app() {
  heading "plan and web app"
  # Creating is also how the size of a plan that is there already changes.
  change appservice plan create --name "$plan" --resource-group "$resource_group" --location "$location" \
    --is-linux --sku "${sku^^}" --tags "$tag"
  if exists webapp show --name "$name" --resource-group "$resource_group"; then
    change webapp config container set --name "$name" --resource-group "$resource_group" \
      --container-image-name "$image"
  else
    change webapp create --name "$name" --resource-group "$resource_group" --plan "$plan" \
      --container-image-name "$image" --assign-identity "$identity_id" --acr-use-identity \
      --acr-identity "$identity_id" --https-only true --basic-auth Disabled --min-tls-version 1.2 --tags "$tag"
  fi
}

configure_app() {
  heading "settings"
  local plan_id app_id
  plan_id=$(value "/subscriptions/$subscription_id/resourceGroups/$resource_group/providers/Microsoft.Web/serverfarms/$plan" \
    appservice plan show --name "$plan" --resource-group "$resource_group" --query id)
  app_id=$(value "/subscriptions/$subscription_id/resourceGroups/$resource_group/providers/Microsoft.Web/sites/$name" \
    webapp show --name "$name" --resource-group "$resource_group" --query id)
  local always_on=true
  # The free plan has no such thing: it unloads an idle app and stops after 60 CPU minutes a day.
  [[ $sku == F1 ]] && always_on=false

  # Key Vault references are read with the app's own identity.
  change webapp update --name "$name" --resource-group "$resource_group" \
    --set "keyVaultReferenceIdentity=$identity_id"
  change webapp config set --name "$name" --resource-group "$resource_group" --always-on "$always_on" \
    --http20-enabled true --min-tls-version 1.2 --ftps-state Disabled --acr-use-identity true \
    --acr-identity "$identity_id" --generic-configurations '{"healthCheckPath": "/api/health/ready"}'
  change webapp config appsettings set --name "$name" --resource-group "$resource_group" --settings \
    SWITCHBACK_ROLE=api \
    "SWITCHBACK_ARM=$arm" \
    "SWITCHBACK_${arm^^}_PLAN=app-service/$sku" \
    "SWITCHBACK_${arm^^}_RESOURCE_IDS=$plan_id,$app_id" \
    "SWITCHBACK_REGION=$location" \
    "SWITCHBACK_API_KEYS=@Microsoft.KeyVault(SecretUri=https://$vault.vault.azure.net/secrets/api-keys)" \
    "DATABASE_URL=$database_url" \
    SWITCHBACK_DATABASE_AUTH=entra \
    SWITCHBACK_POOL_SIZE=5 \
    "AZURE_CLIENT_ID=$identity_client_id" \
    PORT=8080 \
    WEBSITES_PORT=8080 \
    WEBSITES_CONTAINER_STOP_TIME_LIMIT=30
  change webapp log config --name "$name" --resource-group "$resource_group" \
    --docker-container-logging filesystem --level information
}

restrict_app() {
  heading "who may call"
  if [[ ${#allowed[@]} -eq 0 ]]; then
    say "no --allow: every address may call; API keys still decide who is answered"
  else
    # Denied by default first, so that no moment is open while rules are replaced.
    change webapp config access-restriction set --name "$name" --resource-group "$resource_group" \
      --default-action Deny --scm-default-action Deny
    local range index=0
    for range in "${allowed[@]}"; do
      index=$((index + 1))
      allow_range "$range" "allow-$index" $((100 + index)) false
      allow_range "$range" "allow-$index" $((100 + index)) true
    done
    # What an earlier run with a longer list left behind.
    while index=$((index + 1)) && remove_range "allow-$index" false; do
      remove_range "allow-$index" true || true
    done
  fi
  change webapp restart --name "$name" --resource-group "$resource_group"
}

# usage: allow_range CIDR RULE PRIORITY SCM
allow_range() {
  # Adding a rule twice is an error, so an older one of this name goes first.
  remove_range "$2" "$4" || true
  change webapp config access-restriction add --name "$name" --resource-group "$resource_group" \
    --rule-name "$2" --action Allow --ip-address "$1" --priority "$3" --scm-site "$4"
}

# Fails where there is no such rule, which is what a dry run assumes.
remove_range() {
  change webapp config access-restriction remove --name "$name" --resource-group "$resource_group" \
    --rule-name "$1" --scm-site "$2" 2>/dev/null && [[ $dry_run != true ]]
}

# The app answers, it is the arm it should be, the database is there, a stranger gets 401 and the operator an answer.
smoke_test() {
  heading "smoke test"
  local host url key
  host=$(value "$name.azurewebsites.net" \
    webapp show --name "$name" --resource-group "$resource_group" --query defaultHostName)
  url=https://$host
  key=$(value 'the operator key' keyvault secret show --vault-name "$vault" --name operator-key --query value)
  expect_status 200 "$url/api/health/ready"
  expect_status 401 "$url/api/costs"
  expect_status 200 "$url/api/costs" "$key"
  expect_status 200 "$url/api/instance" "$key"
  say "serving: $url (API key: az keyvault secret show --vault-name $vault --name operator-key --query value --output tsv)"
}

# usage: expect_status STATUS URL [KEY] (a first start pulls the image and may take minutes)
expect_status() {
  local expected=$1 url=$2 key=${3:-} status='' tries
  say "expect $expected from GET $url${key:+ with the API key}"
  [[ $dry_run == true ]] && return
  for ((tries = 0; tries < 30; tries++)); do
    # The key goes in through a file descriptor, not through the arguments.
    status=$(curl --silent --output /dev/null --max-time 20 --write-out '%{http_code}' \
      --config <([[ -z $key ]] || printf 'header = "x-api-key: %s"\n' "$key") "$url" || true)
    [[ $status == "$expected" ]] && return
    sleep 10
  done
  fail "$url answered ${status:-nothing}, expected $expected; read the log: az webapp log tail --name $name --resource-group $resource_group"
}

show_logs() {
  heading "logs"
  if [[ $follow_logs == true ]]; then
    hand_over webapp log tail --name "$name" --resource-group "$resource_group"
  else
    say "follow them with: az webapp log tail --name $name --resource-group $resource_group"
  fi
}
