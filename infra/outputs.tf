output "url" {
  description = "The one URL."
  value       = module.router.app.url
}

output "arms" {
  description = "Per arm: its own URL, app, hosting, plan and SKU."
  value = {
    even = {
      url       = local.urls.even
      app       = local.apps["even"].app
      hosting   = var.arms.even.hosting
      plan      = local.plans.even
      plan_name = module.even.plan.name
      plan_sku  = module.even.plan.sku
    }
    odd = {
      url       = local.urls.odd
      app       = local.apps["odd"].app
      hosting   = var.arms.odd.hosting
      plan      = local.plans.odd
      plan_name = module.odd.plan.name
      plan_sku  = module.odd.plan.sku
    }
  }
}

output "router_app" {
  description = "The router's Function App."
  value       = local.apps["router"].app
}

output "function_apps" {
  description = "Function Apps that the package is deployed to."
  value = concat(
    [local.apps["router"].app],
    [for arm in ["even", "odd"] : local.apps[arm].app if var.arms[arm].hosting == "functions"],
  )
}

output "web_apps" {
  description = "Web Apps that run the container."
  value       = [for arm in ["even", "odd"] : local.apps[arm].app if var.arms[arm].hosting == "app_service"]
}

output "resource_group" {
  description = "Resource group of the environment."
  value       = local.group_name
}

output "registry" {
  description = "Container registry that images are pushed to."
  value       = local.registry.login_server
}

output "identities" {
  description = "Client ids of the identities that the apps act as."
  value = {
    even   = module.even.identity.client_id
    odd    = module.odd.identity.client_id
    router = module.router.identity.client_id
  }
}

output "vault" {
  description = "Key Vault that holds ticket-key, api-keys and telemetry-connection-string."
  value       = module.secrets.vault_name
}

output "database" {
  description = "Where the database is."
  value       = { host = module.database.host, name = module.database.database }
}

output "database_roles_sql" {
  description = "SQL that gives the apps their database roles; infra/pipeline.sh migrate runs it."
  value       = module.database.roles_sql
}

output "cost_exports" {
  description = "Storage account whose container focus receives the daily charges."
  value       = module.finops.storage_name
}

output "watch_app" {
  description = "App whose timer checks both arms every minute."
  value       = local.apps[local.watch_app].app
}
