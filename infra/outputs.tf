output "url" {
  description = "The one URL."
  value       = module.router.app.url
}

output "arms" {
  description = "Per arm: its own URL, app, hosting, plan and SKU."
  value = {
    for name, arm in local.arms : name => {
      url       = local.urls[name]
      app       = local.apps[name].app
      hosting   = arm.hosting
      plan      = local.plans[name]
      plan_name = module.arm[name].plan.name
      plan_sku  = module.arm[name].plan.sku
    }
  }
}

output "router_app" {
  description = "The router's Function App."
  value       = local.apps["router"].app
}

output "odd_app" {
  description = "The app of the arm odd."
  value       = local.apps["odd"].app
}

output "function_apps" {
  description = "Function Apps that the package is deployed to."
  value = concat(
    [local.apps["router"].app],
    [for name, arm in local.arms : local.apps[name].app if arm.hosting == "functions"],
  )
}

output "web_apps" {
  description = "Web Apps that run the container."
  value       = [for name, arm in local.arms : local.apps[name].app if arm.hosting == "app_service"]
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
  value = merge(
    { for name, arm in module.arm : name => arm.identity.client_id },
    { router = module.router.identity.client_id },
  )
}

output "vault" {
  description = "Key Vault that holds ticket-key, api-keys and telemetry-connection-string."
  value       = module.secrets.vault_name
}

output "database" {
  description = "Where the database is."
  value       = { host = module.database.host, name = module.database.database, cluster = module.database.cluster }
}

output "database_administrators" {
  description = "Who administers the database, name to type; one of them migrates."
  value       = { for name, who in var.database_administrators : name => who.type }
}

output "deployer_cidrs" {
  description = "Where the last deployment ran, so that a plan from elsewhere shows no door being shut."
  value       = var.deployer_cidrs
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
