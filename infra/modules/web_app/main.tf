# One app on App Service: its plan, its identity and the container it runs.

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

# All that the app may do in Azure: pull its image, read its own secrets and
# send telemetry.
resource "azurerm_role_assignment" "pull" {
  scope                = var.registry.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.this.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "secret" {
  for_each = var.secret_settings

  scope                = each.value.scope
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.this.principal_id
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
  #checkov:skip=CKV_AZURE_212:how many workers is the experiment's choice; the other arm takes over when this one is down
  #checkov:skip=CKV_AZURE_225:zone redundancy is a variable; the default plans (S1, B1) do not offer it
  name                   = var.names.plan
  resource_group_name    = var.resource_group_name
  location               = var.location
  os_type                = "Linux"
  sku_name               = var.sku
  worker_count           = local.autoscaled && !var.scale.zone_redundant ? null : var.scale.min_instances
  zone_balancing_enabled = var.scale.zone_redundant
  tags                   = var.tags
}

resource "azurerm_linux_web_app" "this" {
  #checkov:skip=CKV_AZURE_13:callers are programs with API keys, checked by the app itself on every arm alike
  #checkov:skip=CKV_AZURE_17:callers are programs with API keys; a client certificate would not survive the redirect from the router
  #checkov:skip=CKV_AZURE_88:the container keeps no files; state is in PostgreSQL
  #checkov:skip=CKV_AZURE_222:callers follow the router's redirect from their own addresses; the access restrictions below deny everyone else
  name                = var.names.app
  resource_group_name = var.resource_group_name
  location            = var.location
  service_plan_id     = azurerm_service_plan.this.id
  tags                = var.tags

  https_only                      = true
  client_affinity_enabled         = false
  virtual_network_subnet_id       = var.subnet_id
  key_vault_reference_identity_id = azurerm_user_assigned_identity.this.id
  app_settings                    = local.app_settings

  ftp_publish_basic_authentication_enabled       = false
  webdeploy_publish_basic_authentication_enabled = false

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.this.id]
  }

  site_config {
    always_on              = true
    http2_enabled          = true
    minimum_tls_version    = "1.2"
    ftps_state             = "Disabled"
    vnet_route_all_enabled = true

    scm_minimum_tls_version     = "1.2"
    scm_use_main_ip_restriction = false

    health_check_path                 = var.health_check_path
    health_check_eviction_time_in_min = 2

    container_registry_use_managed_identity       = true
    container_registry_managed_identity_client_id = azurerm_user_assigned_identity.this.client_id

    application_stack {
      docker_registry_url = "https://${var.registry.login_server}"
      docker_image_name   = var.image
    }

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

  # What `az webapp log tail` shows.
  logs {
    detailed_error_messages = true
    failed_request_tracing  = true

    http_logs {
      file_system {
        retention_in_days = 7
        retention_in_mb   = 35
      }
    }
  }

  # The first start already needs the image and the secrets.
  depends_on = [azurerm_role_assignment.pull, azurerm_role_assignment.secret, azurerm_role_assignment.telemetry]
}

# The container's log lines, for as long as the workspace keeps them.
resource "azurerm_monitor_diagnostic_setting" "console" {
  name                       = "console"
  target_resource_id         = azurerm_linux_web_app.this.id
  log_analytics_workspace_id = var.workspace_id

  enabled_log {
    category = "AppServiceConsoleLogs"
  }
}
