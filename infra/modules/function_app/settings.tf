locals {
  telemetry_setting = "APPLICATIONINSIGHTS_CONNECTION_STRING"
  telemetry         = var.secret_settings[local.telemetry_setting].reference

  # One package serves every app; these settings choose what runs in this one.
  disabled = {
    for name in ["api", "route", "watch"] :
    "AzureWebJobs.${name}.Disabled" => contains(var.functions, name) ? "false" : "true"
  }

  # The host reaches its storage as the identity. AzureWebJobsStorage itself stands for a connection string and is left
  # out: see host_storage.tf.
  host_storage = {
    AzureWebJobsStorage__accountName = azurerm_storage_account.this.name
    AzureWebJobsStorage__credential  = "managedidentity"
    AzureWebJobsStorage__clientId    = azurerm_user_assigned_identity.this.client_id
  }

  app_settings = merge(
    {
      AZURE_CLIENT_ID = azurerm_user_assigned_identity.this.client_id

      # The host's own items go the same way as the program's.
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "Authorization=AAD;ClientId=${azurerm_user_assigned_identity.this.client_id}"
    },
    local.host_storage,
    local.disabled,
    var.settings,
    { for name, secret in var.secret_settings : name => secret.reference if name != local.telemetry_setting },
  )

  # Callers by address, then the other apps by the subnet they call from.
  callers = concat(
    [for i, cidr in var.access.cidrs : { name = "caller-${i}", cidr = cidr, subnet_id = null }],
    [for role in sort(keys(var.access.subnet_ids)) : { name = role, cidr = null, subnet_id = var.access.subnet_ids[role] }],
  )
}
