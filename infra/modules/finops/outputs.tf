output "storage_name" {
  description = "Storage account that holds the exports, in the container focus."
  value       = azurerm_storage_account.costs.name
}

output "storage_id" {
  description = "The same account's id."
  value       = azurerm_storage_account.costs.id
}

output "budget" {
  description = "The budget and at what share of it who is warned."
  value = {
    amount     = azurerm_consumption_budget_resource_group.this.amount
    thresholds = sort([for notice in azurerm_consumption_budget_resource_group.this.notification : format("%s %d", notice.threshold_type, notice.threshold)])
  }
}

output "export" {
  description = "What is exported, how often, and from when; null when exports are off."
  value = var.export_enabled ? {
    type     = local.export_body.properties.definition.type
    schedule = local.export_body.properties.schedule.recurrence
    from     = local.export_body.properties.schedule.recurrencePeriod.from
  } : null
}
