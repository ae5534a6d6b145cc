#!/bin/sh
# Makes or removes the FOCUS cost export of one resource group.
# usage: EXPORT_URL=... EXPORT_SCOPE=... [EXPORT_BODY=...] focus-export.sh create|delete
# @TOMORROW@ in the body becomes tomorrow, UTC: Azure refuses a schedule that begins in the past.
# Needs the Azure CLI, signed in as whoever runs Terraform.
set -eu

role='Storage Blob Data Contributor'

principal() {
  az rest --method get --url "$EXPORT_URL" --query identity.principalId --output tsv
}

# GNU's date has the one, BSD's and macOS's the other.
tomorrow() {
  date -u -d '1 day' +%Y-%m-%dT00:00:00Z 2>/dev/null || date -u -v+1d +%Y-%m-%dT00:00:00Z
}

case "${1-}" in
create)
  body=$(printf '%s' "$EXPORT_BODY" | sed "s/@TOMORROW@/$(tomorrow)/")
  az rest --method put --url "$EXPORT_URL" --body "$body" --output none
  # The export writes as its own identity: that container's account, no other.
  az role assignment create --role "$role" --scope "$EXPORT_SCOPE" \
    --assignee-object-id "$(principal)" --assignee-principal-type ServicePrincipal --output none
  ;;
delete)
  # Already gone is as good as deleted.
  if id=$(principal 2>/dev/null) && [ -n "$id" ]; then
    az role assignment delete --role "$role" --scope "$EXPORT_SCOPE" --assignee "$id" --output none
  fi
  az rest --method delete --url "$EXPORT_URL" --output none || echo "focus-export: no export to delete" >&2
  ;;
*)
  echo "usage: focus-export.sh create|delete" >&2
  exit 64
  ;;
esac
