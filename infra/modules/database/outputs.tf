output "id" {
  description = "The server's id."
  value       = azurerm_postgresql_flexible_server.this.id
}

output "host" {
  description = "Name the apps connect to; it resolves to the private endpoint where there is one."
  value       = "${var.name}.postgres.database.azure.com"
}

output "database" {
  description = "The database's name."
  value       = local.database
}

output "cluster" {
  description = "Whether the server is an elastic cluster, over which the ledger is spread."
  value       = length(azurerm_postgresql_flexible_server.this.cluster) > 0
}

output "databases" {
  description = "Databases made beside the server: a cluster comes with its own."
  value       = length(azurerm_postgresql_flexible_server_database.this)
}

output "roles_sql" {
  description = "SQL that gives the apps' identities their roles."
  value       = local.roles_sql
}

output "guard" {
  description = "How the server is guarded, as the resources hold it."
  value = {
    password_login = azurerm_postgresql_flexible_server.this.authentication[0].password_auth_enabled
    entra_login    = azurerm_postgresql_flexible_server.this.authentication[0].active_directory_auth_enabled
    tls            = azurerm_postgresql_flexible_server_configuration.this["require_secure_transport"].value
    public_access  = azurerm_postgresql_flexible_server.this.public_network_access_enabled
    firewall = concat(
      [for rule in azurerm_postgresql_flexible_server_firewall_rule.administrator : "${rule.start_ip_address}-${rule.end_ip_address}"],
      [for rule in azurerm_postgresql_flexible_server_firewall_rule.azure : "${rule.start_ip_address}-${rule.end_ip_address}"],
    )
    administrators = sort(keys(azurerm_postgresql_flexible_server_active_directory_administrator.this))
    backup_days    = azurerm_postgresql_flexible_server.this.backup_retention_days
  }
}
