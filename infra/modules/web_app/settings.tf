locals {
  # Port the container listens on; App Service sends it all traffic.
  port = "8080"

  app_settings = merge(
    {
      PORT            = local.port
      WEBSITES_PORT   = local.port
      AZURE_CLIENT_ID = azurerm_user_assigned_identity.this.client_id

      APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "Authorization=AAD;ClientId=${azurerm_user_assigned_identity.this.client_id}"

      # The file share would only slow the start down; SIGTERM, then this
      # many seconds to finish the calls in flight.
      WEBSITES_ENABLE_APP_SERVICE_STORAGE = "false"
      WEBSITES_CONTAINER_STOP_TIME_LIMIT  = "10"
    },
    var.settings,
    { for name, secret in var.secret_settings : name => secret.reference },
  )

  # Callers by address, then the other apps by the subnet they call from.
  callers = concat(
    [for i, cidr in var.access.cidrs : { name = "caller-${i}", cidr = cidr, subnet_id = null }],
    [for role in sort(keys(var.access.subnet_ids)) : { name = role, cidr = null, subnet_id = var.access.subnet_ids[role] }],
  )
}
