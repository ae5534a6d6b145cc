# One Function App on Flex Consumption: its plan, its identities and the
# storage the Functions host needs. The package is deployed by the pipeline.

terraform {
  required_version = ">= 1.11"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}

resource "azurerm_user_assigned_identity" "this" {
  name                = var.names.identity
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_storage_account" "this" {
  #checkov:skip=CKV_AZURE_59:deployments reach the account through the platform, from no subnet of ours; keys are off, so Entra decides every call
  #checkov:skip=CKV_AZURE_33:the host uses blobs only; there is no queue to log
  #checkov:skip=CKV_AZURE_206:holds the package and timer leases, both remade by a deployment
  #checkov:skip=CKV2_AZURE_1:a key of our own would guard the public package and timer leases
  #checkov:skip=CKV2_AZURE_33:see CKV_AZURE_59
  name                = var.names.storage
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false

  blob_properties {
    delete_retention_policy {
      days = 7
    }
    container_delete_retention_policy {
      days = 7
    }
  }
}

resource "azurerm_storage_container" "package" {
  #checkov:skip=CKV2_AZURE_21:reads are the host fetching its own package
  name               = "package"
  storage_account_id = azurerm_storage_account.this.id
}

# What the host needs of its own account: packages, keys and timer leases are
# blobs. No other account is in reach.
resource "azurerm_role_assignment" "storage" {
  scope                = azurerm_storage_account.this.id
  role_definition_name = "Storage Blob Data Owner"
  principal_id         = azurerm_user_assigned_identity.this.principal_id
  principal_type       = "ServicePrincipal"
}

# On this plan the provider cannot say which identity resolves Key Vault
# references, so Azure uses the system-assigned one; it may do nothing else.
resource "azurerm_role_assignment" "secret" {
  for_each = var.secret_settings

  scope                = each.value.scope
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_function_app_flex_consumption.this.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

# Sending telemetry: the role's name says metrics, items of every kind count.
resource "azurerm_role_assignment" "telemetry" {
  scope                = var.insights_id
  role_definition_name = "Monitoring Metrics Publisher"
  principal_id         = azurerm_user_assigned_identity.this.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_service_plan" "this" {
  #checkov:skip=CKV_AZURE_212:Flex Consumption has no worker count; it scales by itself, from zero
  #checkov:skip=CKV_AZURE_225:zone redundancy is a variable; regions without zones refuse it
  name                   = var.names.plan
  resource_group_name    = var.resource_group_name
  location               = var.location
  os_type                = "Linux"
  sku_name               = "FC1"
  zone_balancing_enabled = var.scale.zone_redundant
  tags                   = var.tags
}

resource "azurerm_function_app_flex_consumption" "this" {
  name                = var.names.app
  resource_group_name = var.resource_group_name
  location            = var.location
  service_plan_id     = azurerm_service_plan.this.id
  tags                = var.tags

  runtime_name           = "custom"
  runtime_version        = "1.0"
  instance_memory_in_mb  = var.memory_mb
  maximum_instance_count = var.scale.max_instances

  storage_container_type            = "blobContainer"
  storage_container_endpoint        = "${azurerm_storage_account.this.primary_blob_endpoint}${azurerm_storage_container.package.name}"
  storage_authentication_type       = "UserAssignedIdentity"
  storage_user_assigned_identity_id = azurerm_user_assigned_identity.this.id

  https_only                                     = true
  public_network_access_enabled                  = true
  webdeploy_publish_basic_authentication_enabled = false
  virtual_network_subnet_id                      = var.subnet_id
  app_settings                                   = local.app_settings

  dynamic "always_ready" {
    for_each = var.scale.min_instances > 0 ? ["http"] : []
    content {
      name           = always_ready.value
      instance_count = var.scale.min_instances
    }
  }

  identity {
    type         = "SystemAssigned, UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.this.id]
  }

  site_config {
    http2_enabled           = true
    minimum_tls_version     = "1.2"
    scm_minimum_tls_version = "1.2"

    health_check_path                 = var.health_check_path
    health_check_eviction_time_in_min = 2

    # The provider keeps this one app setting here; its value is a reference.
    application_insights_connection_string = local.telemetry

    ip_restriction_default_action = "Deny"
    dynamic "ip_restriction" {
      for_each = local.callers
      content {
        name                      = ip_restriction.value.name
        action                    = "Allow"
        priority                  = 100 + ip_restriction.key
        ip_address                = ip_restriction.value.cidr
        virtual_network_subnet_id = ip_restriction.value.subnet_id
      }
    }

    scm_use_main_ip_restriction       = false
    scm_ip_restriction_default_action = "Deny"
    dynamic "scm_ip_restriction" {
      for_each = var.access.scm_cidrs
      content {
        name       = "deployer-${scm_ip_restriction.key}"
        action     = "Allow"
        priority   = 100 + scm_ip_restriction.key
        ip_address = scm_ip_restriction.value
      }
    }

    dynamic "cors" {
      for_each = length(var.cors_origins) > 0 ? [var.cors_origins] : []
      content {
        allowed_origins = cors.value
      }
    }
  }

  # The first start already reads the package.
  depends_on = [azurerm_role_assignment.storage, azurerm_role_assignment.telemetry]
}

# The host's and the handler's log lines.
resource "azurerm_monitor_diagnostic_setting" "console" {
  name                       = "console"
  target_resource_id         = azurerm_function_app_flex_consumption.this.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category = "FunctionAppLogs"
  }
}
