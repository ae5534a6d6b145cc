output "app" {
  description = "What a test or an operator wants to see of the app, as the resource holds it."
  value = {
    id        = azurerm_linux_web_app.this.id
    name      = azurerm_linux_web_app.this.name
    url       = "https://${var.names.host}"
    https     = azurerm_linux_web_app.this.https_only
    settings  = azurerm_linux_web_app.this.app_settings
    public    = azurerm_linux_web_app.this.public_network_access_enabled
    tls       = [azurerm_linux_web_app.this.site_config[0].minimum_tls_version, azurerm_linux_web_app.this.site_config[0].scm_minimum_tls_version]
    health    = azurerm_linux_web_app.this.site_config[0].health_check_path
    subnet_id = azurerm_linux_web_app.this.virtual_network_subnet_id
    callers = {
      default_action = azurerm_linux_web_app.this.site_config[0].ip_restriction_default_action
      cidrs          = sort([for rule in azurerm_linux_web_app.this.site_config[0].ip_restriction : rule.ip_address if try(length(rule.ip_address) > 0, false)])
      subnet_ids     = sort([for rule in azurerm_linux_web_app.this.site_config[0].ip_restriction : rule.virtual_network_subnet_id if try(length(rule.virtual_network_subnet_id) > 0, false)])
      actions        = distinct([for rule in azurerm_linux_web_app.this.site_config[0].ip_restriction : rule.action])
    }
    scm = {
      default_action = azurerm_linux_web_app.this.site_config[0].scm_ip_restriction_default_action
      shares_rules   = azurerm_linux_web_app.this.site_config[0].scm_use_main_ip_restriction
      cidrs          = sort([for rule in azurerm_linux_web_app.this.site_config[0].scm_ip_restriction : rule.ip_address])
      basic_auth     = azurerm_linux_web_app.this.webdeploy_publish_basic_authentication_enabled
    }
    # Everything the app's identities may do in Azure.
    grants = sort([
      for grant in concat([azurerm_role_assignment.pull, azurerm_role_assignment.telemetry], values(azurerm_role_assignment.secret)) :
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
  description = "Workers the plan starts with, how many autoscale may make of them, spread over zones or not."
  value = {
    workers       = azurerm_service_plan.this.worker_count
    autoscaled_to = try(azurerm_monitor_autoscale_setting.this[0].profile[0].capacity[0].maximum, azurerm_service_plan.this.worker_count)
    zones         = azurerm_service_plan.this.zone_balancing_enabled
  }
}
