# PostgreSQL for both arms. Nobody logs in with a password: callers bring an
# Entra token, over TLS.

terraform {
  required_version = ">= 1.11"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}

resource "azurerm_postgresql_flexible_server" "this" {
  #checkov:skip=CKV_AZURE_136:geo-redundant backup is a variable; it cannot be added later and doubles the storage price, so development leaves it off
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  version           = var.server.version
  sku_name          = var.server.sku
  storage_mb        = var.server.storage_gb * 1024
  auto_grow_enabled = true
  zone              = var.server.zone

  backup_retention_days         = var.server.backup_retention_days
  geo_redundant_backup_enabled  = var.server.geo_redundant_backup
  public_network_access_enabled = var.public_access

  authentication {
    active_directory_auth_enabled = true
    password_auth_enabled         = false
    tenant_id                     = var.tenant_id
  }

  dynamic "high_availability" {
    for_each = var.server.high_availability == "Disabled" ? [] : [var.server.high_availability]
    content {
      mode = high_availability.value
    }
  }

  # A cluster is given its one database with the server; no other can be made on it.
  dynamic "cluster" {
    for_each = var.server.cluster_size == null ? [] : [var.server.cluster_size]
    content {
      size                  = cluster.value
      default_database_name = local.database
    }
  }

  # Sunday, 02:00 UTC.
  maintenance_window {
    day_of_week  = 0
    start_hour   = 2
    start_minute = 0
  }

  lifecycle {
    # Azure chooses the zones unless told, and swaps them at a failover.
    ignore_changes = [zone, high_availability[0].standby_availability_zone]
  }
}

# Sent by every new server as it is; stated so that nobody turns it off.
resource "azurerm_postgresql_flexible_server_configuration" "this" {
  for_each = {
    require_secure_transport = "on"
    ssl_min_protocol_version = "TLSv1.2"
    log_connections          = "on"
    log_disconnections       = "on"
    log_checkpoints          = "on"
  }

  server_id = azurerm_postgresql_flexible_server.this.id
  name      = each.key
  value     = each.value
}

# Made after the administrators: without one, the database belongs to azuresu, and nobody can grant anything on it. Which of
# the two comes first would else be chance (terraform-provider-azurerm#27895).
resource "azurerm_postgresql_flexible_server_database" "this" {
  count = var.server.cluster_size == null ? 1 : 0

  name      = local.database
  server_id = azurerm_postgresql_flexible_server.this.id
  charset   = "UTF8"
  collation = "en_US.utf8"

  depends_on = [azurerm_postgresql_flexible_server_active_directory_administrator.this]
}

# They migrate the schema and grant the apps their rights. The apps are not
# among them.
resource "azurerm_postgresql_flexible_server_active_directory_administrator" "this" {
  for_each = var.administrators

  server_name         = azurerm_postgresql_flexible_server.this.name
  resource_group_name = var.resource_group_name
  tenant_id           = var.tenant_id
  principal_name      = each.key
  object_id           = each.value.object_id
  principal_type      = each.value.type
}

locals {
  database = "switchback"

  # Run by an administrator after the migrations; infra/pipeline.sh does it.
  roles_sql = templatefile("${path.module}/roles.sql.tftpl", {
    database = local.database
    apps     = var.app_identities
  })
}
