# shellcheck shell=bash disable=SC2154  # names come from deploy-manual.sh
# What the app stands on: group, registry and image, identity, vault, database. Sourced by deploy-manual.sh.

readonly tag=application=switchback

make_resource_group() {
  heading "resource group"
  if exists group show --name "$resource_group"; then
    own_resource_group || fail "resource group $resource_group was not made by this script; choose another --resource-group"
  else
    change group create --name "$resource_group" --location "$location" --tags "$tag"
  fi
}

own_resource_group() {
  [[ $(value switchback group show --name "$resource_group" --query tags.application) == switchback ]]
}

make_registry() {
  heading "registry"
  exists acr show --name "$registry" --resource-group "$resource_group" ||
    change acr create --name "$registry" --resource-group "$resource_group" --location "$location" \
      --sku Basic --admin-enabled false --tags "$tag"
  registry_id=$(value "/subscriptions/$subscription_id/resourceGroups/$resource_group/providers/Microsoft.ContainerRegistry/registries/$registry" \
    acr show --name "$registry" --resource-group "$resource_group" --query id)
  login_server=$(value "$registry.azurecr.io" \
    acr show --name "$registry" --resource-group "$resource_group" --query loginServer)
}

# Builds in the registry itself: nothing but the Azure CLI is needed on this machine.
build_image() {
  heading "image"
  if [[ -n $image ]]; then
    say "deploying $image"
    return
  fi
  local revision
  revision=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || date -u +%Y%m%d%H%M%S)
  # Changes that are not committed get a tag of their own, so that a commit's tag always means that commit.
  [[ -z $(git -C "$root" status --porcelain 2>/dev/null) ]] || revision+=-$(date -u +%Y%m%d%H%M%S)
  image=$login_server/switchback:$revision
  change acr build --registry "$registry" --resource-group "$resource_group" --image "switchback:$revision" \
    --file "$root/infra/container/Dockerfile" --target api --build-arg "REVISION=$revision" --platform linux/amd64 \
    --timeout 3600 "$root"
}

make_identity() {
  heading "identity of the app"
  exists identity show --name "$identity" --resource-group "$resource_group" ||
    change identity create --name "$identity" --resource-group "$resource_group" --location "$location" --tags "$tag"
  identity_id=$(value "/subscriptions/$subscription_id/resourceGroups/$resource_group/providers/Microsoft.ManagedIdentity/userAssignedIdentities/$identity" \
    identity show --name "$identity" --resource-group "$resource_group" --query id)
  identity_client_id=$(value 00000000-0000-0000-0000-000000000001 \
    identity show --name "$identity" --resource-group "$resource_group" --query clientId)
  identity_principal_id=$(value 00000000-0000-0000-0000-000000000002 \
    identity show --name "$identity" --resource-group "$resource_group" --query principalId)
  # A new identity is not known to every directory replica at once.
  retry 12 10 assign_role "$identity_principal_id" ServicePrincipal AcrPull "$registry_id" ||
    fail "the identity was not allowed to pull from the registry"
}

# usage: assign_role PRINCIPAL_ID PRINCIPAL_TYPE ROLE SCOPE (assigning a role twice changes nothing)
assign_role() {
  change role assignment create --assignee-object-id "$1" --assignee-principal-type "$2" --role "$3" --scope "$4"
}

make_vault() {
  heading "vault"
  exists keyvault show --name "$vault" --resource-group "$resource_group" ||
    change keyvault create --name "$vault" --resource-group "$resource_group" --location "$location" \
      --enable-rbac-authorization true --retention-days 7 --tags "$tag"
  local operator_id
  vault_id=$(value "/subscriptions/$subscription_id/resourceGroups/$resource_group/providers/Microsoft.KeyVault/vaults/$vault" \
    keyvault show --name "$vault" --resource-group "$resource_group" --query id)
  operator_id=$(value 00000000-0000-0000-0000-000000000003 ad signed-in-user show --query id) ||
    fail "only a signed-in user can be made the vault's operator: az login as one"
  retry 3 10 assign_role "$operator_id" User 'Key Vault Secrets Officer' "$vault_id" ||
    fail "you may not assign roles on the vault: the role Owner or User Access Administrator is needed"
  retry 3 10 assign_role "$identity_principal_id" ServicePrincipal 'Key Vault Secrets User' "$vault_id" ||
    fail "the identity was not allowed to read the vault"
}

# Who read which secret, and when. The workspace takes what the vault writes, and nothing else.
make_audit() {
  heading "audit of the vault"
  exists monitor log-analytics workspace show --workspace-name "$workspace" --resource-group "$resource_group" ||
    change monitor log-analytics workspace create --workspace-name "$workspace" --resource-group "$resource_group" \
      --location "$location" --retention-time 30 --tags "$tag"
  local workspace_id
  workspace_id=$(value "/subscriptions/$subscription_id/resourceGroups/$resource_group/providers/Microsoft.OperationalInsights/workspaces/$workspace" \
    monitor log-analytics workspace show --workspace-name "$workspace" --resource-group "$resource_group" --query id)
  # Making it twice changes nothing.
  change monitor diagnostic-settings create --name audit --resource "$vault_id" --workspace "$workspace_id" \
    --logs '[{"categoryGroup": "audit", "enabled": true}]'
}

# One key for the operator: the vault keeps the key itself, and, for the app, its digest. The app never sees the key.
make_secrets() {
  heading "secrets"
  if exists keyvault secret show --vault-name "$vault" --name api-keys; then
    say "the API key is kept; to replace it, see docs/operations.md"
    return
  fi
  local private key digest
  private=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder's name is settled now
  trap "rm -rf '$private'" EXIT
  key=not-made-in-a-dry-run
  [[ $dry_run == true ]] || key=$(openssl rand -hex 32)
  digest=$(printf '%s' "$key" | sha256sum | cut -d ' ' -f 1)
  # Through files that only this user can read: a value among the arguments could be read by anyone on this machine.
  (umask 077 && printf '%s' "$key" >"$private/operator-key" && printf 'operator:write:%s' "$digest" >"$private/api-keys")
  retry 18 10 put_secret operator-key "$private/operator-key" || fail "the vault took no secret"
  retry 3 10 put_secret api-keys "$private/api-keys" || fail "the vault took no secret"
  rm -rf "$private"
  trap - EXIT
}

put_secret() {
  change keyvault secret set --vault-name "$vault" --name "$1" --file "$2" --encoding utf-8
}

# No password exists: the app signs in with its identity's own token, over TLS.
make_database() {
  heading "database"
  if ! exists postgres flexible-server show --name "$database_server" --resource-group "$resource_group"; then
    # 0.0.0.0 is Azure's word for 'from within Azure only'; sign-in still needs a token of the one administrator.
    change postgres flexible-server create --name "$database_server" --resource-group "$resource_group" \
      --location "$location" --version 16 --tier Burstable --sku-name Standard_B1ms --storage-size 32 \
      --backup-retention 7 --microsoft-entra-auth Enabled --password-auth Disabled \
      --admin-object-id "$identity_principal_id" --admin-display-name "$identity" --admin-type ServicePrincipal \
      --public-access 0.0.0.0 --tags "$tag" --yes
  fi
  database_host=$(value "$database_server.postgres.database.azure.com" \
    postgres flexible-server show --name "$database_server" --resource-group "$resource_group" \
    --query fullyQualifiedDomainName)
  exists postgres flexible-server db show --server-name "$database_server" --resource-group "$resource_group" \
    --name switchback ||
    change postgres flexible-server db create --server-name "$database_server" --resource-group "$resource_group" \
      --name switchback
  database_url="postgresql://$identity@$database_host:5432/switchback?sslmode=verify-full"
}

# The migration runs inside Azure as the app's identity: this machine needs neither a toolchain nor a way to the database.
migrate_database() {
  heading "database schema"
  local container=migrate-$name state=Waiting tries
  exists container show --name "$container" --resource-group "$resource_group" &&
    change container delete --name "$container" --resource-group "$resource_group" --yes
  change container create --name "$container" --resource-group "$resource_group" --location "$location" \
    --image "$image" --os-type Linux --cpu 0.5 --memory 0.5 --restart-policy Never \
    --assign-identity "$identity_id" --acr-identity "$identity_id" --command-line '/switchback migrate' \
    --environment-variables SWITCHBACK_ROLE=api "SWITCHBACK_ARM=$arm" SWITCHBACK_DATABASE_AUTH=entra \
    "AZURE_CLIENT_ID=$identity_client_id" "DATABASE_URL=$database_url" \
    IDENTITY_ENDPOINT=http://169.254.169.254/metadata/identity/oauth2/token
  for ((tries = 0; tries < 60; tries++)); do
    state=$(value Succeeded container show --name "$container" --resource-group "$resource_group" \
      --query instanceView.state)
    [[ $state == Succeeded || $state == Failed ]] && break
    sleep 5
  done
  show container logs --name "$container" --resource-group "$resource_group"
  [[ $state == Succeeded ]] || fail "the migration ended as $state; its log is above"
  change container delete --name "$container" --resource-group "$resource_group" --yes
}

destroy_everything() {
  heading "destroy"
  if ! exists group show --name "$resource_group"; then
    [[ $dry_run == true ]] || { say "resource group $resource_group is not there"; return; }
  fi
  own_resource_group || fail "resource group $resource_group was not made by this script; delete it yourself"
  if [[ $assume_yes != true && $dry_run != true ]]; then
    local answer
    read -r -p "delete $resource_group and all that is in it, its database too? Type its name: " answer
    [[ $answer == "$resource_group" ]] || fail "nothing was deleted"
  fi
  change group delete --name "$resource_group" --yes
  # A deleted vault keeps its name for the retention time unless it is purged.
  if exists keyvault show-deleted --name "$vault" || [[ $dry_run == true ]]; then
    change keyvault purge --name "$vault" --location "$location"
  fi
}
