# Well-formed values for what Azure would answer, so that the tests run on the
# real provider as on the offline one. Values that tests compare are distinct
# in overrides of their own.

mock_resource "azurerm_virtual_network" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Network/virtualNetworks/vnet-mock"
  }
}

mock_resource "azurerm_subnet" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Network/virtualNetworks/vnet-mock/subnets/snet-mock"
  }
}

mock_resource "azurerm_private_dns_zone" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Network/privateDnsZones/privatelink.postgres.database.azure.com"
  }
}

mock_resource "azurerm_private_dns_zone_virtual_network_link" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Network/privateDnsZones/privatelink.postgres.database.azure.com/virtualNetworkLinks/mock"
  }
}

mock_resource "azurerm_private_endpoint" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Network/privateEndpoints/pe-mock"
  }
}

mock_resource "azurerm_service_plan" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Web/serverFarms/asp-mock"
  }
}

mock_resource "azurerm_storage_container" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Storage/storageAccounts/stmock/blobServices/default/containers/mock"
  }
}

mock_resource "azurerm_monitor_action_group" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Insights/actionGroups/ag-mock"
  }
}

mock_resource "azurerm_monitor_scheduled_query_rules_alert_v2" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Insights/scheduledQueryRules/mock"
  }
}

mock_resource "azurerm_log_analytics_workspace" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.OperationalInsights/workspaces/log-mock"
  }
}

mock_resource "azurerm_monitor_autoscale_setting" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Insights/autoScaleSettings/mock"
  }
}

mock_resource "azurerm_postgresql_flexible_server_database" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.DBforPostgreSQL/flexibleServers/psql-mock/databases/switchback"
  }
}

mock_resource "azurerm_user_assigned_identity" {
  defaults = {
    id           = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-mock"
    client_id    = "44444444-4444-4444-8444-444444444444"
    principal_id = "55555555-5555-4555-8555-555555555555"
    tenant_id    = "11111111-1111-4111-8111-111111111111"
  }
}

mock_resource "azurerm_storage_account" {
  defaults = {
    id                    = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Storage/storageAccounts/stmock"
    primary_blob_endpoint = "https://stmock.blob.core.windows.net/"
  }
}

mock_resource "azurerm_key_vault" {
  defaults = {
    id        = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.KeyVault/vaults/kv-mock"
    vault_uri = "https://kv-mock.vault.azure.net/"
  }
}

mock_resource "azurerm_key_vault_secret" {
  defaults = {
    id                      = "https://kv-mock.vault.azure.net/secrets/mock/0123456789abcdef0123456789abcdef"
    resource_versionless_id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.KeyVault/vaults/kv-mock/secrets/mock"
    versionless_id          = "https://kv-mock.vault.azure.net/secrets/mock"
  }
}

mock_resource "azurerm_application_insights" {
  defaults = {
    id                = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Insights/components/appi-mock"
    connection_string = "InstrumentationKey=66666666-6666-4666-8666-666666666666;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/"
  }
}

mock_resource "azurerm_linux_web_app" {
  defaults = {
    id               = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Web/sites/web-mock"
    default_hostname = "web-mock.azurewebsites.net"
  }
}

mock_resource "azurerm_function_app_flex_consumption" {
  defaults = {
    id               = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Web/sites/func-mock"
    default_hostname = "func-mock.azurewebsites.net"
    # Only what Azure decides; type and ids come from the configuration.
    identity = {
      principal_id = "77777777-7777-4777-8777-777777777777"
      tenant_id    = "11111111-1111-4111-8111-111111111111"
    }
  }
}

mock_resource "azurerm_postgresql_flexible_server" {
  defaults = {
    id   = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.DBforPostgreSQL/flexibleServers/psql-mock"
    fqdn = "psql-mock.postgres.database.azure.com"
  }
}

mock_resource "azurerm_role_assignment" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Authorization/roleAssignments/88888888-8888-4888-8888-888888888888"
  }
}

mock_resource "azurerm_container_registry" {
  defaults = {
    id           = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.ContainerRegistry/registries/acrmock"
    login_server = "acrmock.azurecr.io"
  }
}

mock_resource "azurerm_resource_group" {
  defaults = {
    id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-mock"
  }
}

mock_data "azurerm_client_config" {
  defaults = {
    tenant_id       = "11111111-1111-4111-8111-111111111111"
    subscription_id = "22222222-2222-4222-8222-222222222222"
    object_id       = "99999999-9999-4999-8999-999999999999"
    client_id       = "99999999-9999-4999-8999-999999999999"
  }
}
