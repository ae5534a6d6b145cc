# How the server is reached. With a private endpoint the apps come in through
# the network and the firewall admits the listed addresses alone. Without one
# the apps have no fixed address, and the firewall must let Azure in.

resource "azurerm_private_dns_zone" "this" {
  count = var.private_endpoint ? 1 : 0

  name                = "privatelink.postgres.database.azure.com"
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  count = var.private_endpoint ? 1 : 0

  name                 = "database"
  private_dns_zone_id  = azurerm_private_dns_zone.this[0].id
  virtual_network_id   = var.virtual_network_id
  registration_enabled = false
  tags                 = var.tags
}

resource "azurerm_private_endpoint" "this" {
  count = var.private_endpoint ? 1 : 0

  name                = "pe-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  subnet_id           = var.endpoint_subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "database"
    private_connection_resource_id = azurerm_postgresql_flexible_server.this.id
    subresource_names              = ["postgresqlServer"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "database"
    private_dns_zone_ids = [azurerm_private_dns_zone.this[0].id]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.this]
}

resource "azurerm_postgresql_flexible_server_firewall_rule" "administrator" {
  for_each = var.public_access ? toset(var.administrator_cidrs) : toset([])

  name             = "administrator-${replace(replace(each.value, ".", "-"), "/", "-")}"
  server_id        = azurerm_postgresql_flexible_server.this.id
  start_ip_address = cidrhost(each.value, 0)
  end_ip_address   = cidrhost(each.value, -1)
}

# 0.0.0.0 is Azure's name for 'any address inside Azure'.
resource "azurerm_postgresql_flexible_server_firewall_rule" "azure" {
  #checkov:skip=CKV2_AZURE_26:only where the private endpoint is switched off, which the variable's description warns of; Entra still decides who logs in
  count = var.public_access && !var.private_endpoint ? 1 : 0

  name             = "any-address-inside-azure"
  server_id        = azurerm_postgresql_flexible_server.this.id
  start_ip_address = "0.0.0.0"
  end_ip_address   = "0.0.0.0"
}
