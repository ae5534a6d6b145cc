output "app" {
  description = "What a test or an operator wants to see of the app, as the resource holds it."
  value = {
    id        = azurerm_function_app_flex_consumption.this.id
    name      = azurerm_function_app_flex_consumption.this.name
    url       = "https://${var.names.host}"
    https     = azurerm_function_app_flex_consumption.this.https_only
    settings  = merge(azurerm_function_app_flex_consumption.this.app_settings, { APPLICATIONINSIGHTS_CONNECTION_STRING = nonsensitive(azurerm_function_app_flex_consumption.this.site_config[0].application_insights_connection_string) })
    public    = azurerm_function_app_flex_consumption.this.public_network_access_enabled
    tls       = [azurerm_function_app_flex_consumption.this.site_config[0].minimum_tls_version, azurerm_function_app_flex_consumption.this.site_config[0].scm_minimum_tls_version]
    health    = azurerm_function_app_flex_consumption.this.site_config[0].health_check_path
    subnet_id = azurerm_function_app_flex_consumption.this.virtual_network_subnet_id
    callers = {
      default_action = azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction_default_action
      cidrs          = sort([for rule in azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction : rule.ip_address if try(length(rule.ip_address) > 0, false)])
      subnet_ids     = sort([for rule in azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction : rule.virtual_network_subnet_id if try(length(rule.virtual_network_subnet_id) > 0, false)])
      actions        = distinct([for rule in azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction : rule.action])
    }
    scm = {
      default_action = azurerm_function_app_flex_consumption.this.site_config[0].scm_ip_restriction_default_action
      shares_rules   = azurerm_function_app_flex_consumption.this.site_config[0].scm_use_main_ip_restriction
      cidrs          = sort([for rule in azurerm_function_app_flex_consumption.this.site_config[0].scm_ip_restriction : rule.ip_address])
      basic_auth     = azurerm_function_app_flex_consumption.this.webdeploy_publish_basic_authentication_enabled
    }
    # Everything the app's identities may do in Azure.
    grants = sort([
      for grant in concat([azurerm_role_assignment.storage, azurerm_role_assignment.telemetry], values(azurerm_role_assignment.secret)) :
      "${grant.role_definition_name} on ${grant.scope}"
    ])
  }
}

output "plan" {
  description = "The plan the app runs on."
  value = {
    id   = azurerm_service_plan.this.id
    name = azurerm_service_plan.this.name
    sku  = azurerm_service_plan.this.sku_name
  }
}

output "identity" {
  description = "The identity the app acts as."
  value = {
    name         = azurerm_user_assigned_identity.this.name
    client_id    = azurerm_user_assigned_identity.this.client_id
    principal_id = azurerm_user_assigned_identity.this.principal_id
  }
}

output "scale" {
  description = "Instances kept warm, how many there may be, spread over zones or not."
  value = {
    workers       = try(azurerm_function_app_flex_consumption.this.always_ready[0].instance_count, 0)
    autoscaled_to = azurerm_function_app_flex_consumption.this.maximum_instance_count
    zones         = azurerm_service_plan.this.zone_balancing_enabled
  }
}
