output "workspace_id" {
  description = "The Log Analytics workspace."
  value       = azurerm_log_analytics_workspace.this.id
}

output "insights_id" {
  description = "Where items are sent; who sends needs a role on it."
  value       = azurerm_application_insights.this.id
}

output "guard" {
  description = "Whether items are taken from whoever knows the connection string."
  value       = { local_authentication = azurerm_application_insights.this.local_authentication_enabled }
}

output "connection_string" {
  description = "Application Insights connection string."
  value       = azurerm_application_insights.this.connection_string
  sensitive   = true
}

output "action_group_id" {
  description = "Who hears of alerts."
  value       = azurerm_monitor_action_group.this.id
}

output "shared_ids" {
  description = "Resources whose cost both arms share."
  value       = [azurerm_log_analytics_workspace.this.id, azurerm_application_insights.this.id]
}

output "alerts" {
  description = "Per alert: its query, threshold and who is told."
  value = {
    for name, alert in azurerm_monitor_scheduled_query_rules_alert_v2.this : name => {
      query     = alert.criteria[0].query
      threshold = alert.criteria[0].threshold
      told      = alert.action[0].action_groups
    }
  }
}

output "panels" {
  description = "Titles of the workbook's panels."
  value       = [for item in jsondecode(azurerm_application_insights_workbook.this.data_json).items : item.content.title if item.type == 3]
}
