#!/bin/sh
# Removes the connection strings that the provider writes into the settings of a Flex Consumption app whatever its
# identity is for: they hold no key, and the host would use them before the identity.
# usage: APP=… GROUP=… host-storage.sh
# Needs the Azure CLI, signed in as whoever runs Terraform.
set -eu

injected=$(az functionapp config appsettings list --name "$APP" --resource-group "$GROUP" --output tsv \
  --query "[?name=='AzureWebJobsStorage' || name=='DEPLOYMENT_STORAGE_CONNECTION_STRING'].name")
# Writing settings restarts the app, so nothing is written where nothing is wrong.
[ -n "$injected" ] || exit 0
# shellcheck disable=SC2086 # one word a name
az functionapp config appsettings delete --name "$APP" --resource-group "$GROUP" --output none --setting-names $injected
