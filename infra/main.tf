# One environment: the router, the two arms, and what they share.

locals {
  # /subscriptions/ID/resourceGroups/NAME
  resource_group  = split("/", var.resource_group_id)
  subscription_id = local.resource_group[2]
  group_name      = local.resource_group[4]

  registry = {
    id           = var.registry_id
    login_server = "${reverse(split("/", var.registry_id))[0]}.azurecr.io"
  }

  tags = merge(var.tags, {
    application = "switchback"
    environment = var.environment
  })

  # What `for_each` takes: a map, where the variable is an object.
  arms = { even = var.arms.even, odd = var.arms.odd }

  # Terraform writes the vault's secrets from where it runs.
  vault_cidrs = distinct(concat(var.operator_cidrs, var.deployer_cidrs))
}

module "naming" {
  source = "./modules/naming"

  prefix      = var.prefix
  environment = var.environment
  seed        = join("/", [local.subscription_id, var.name_seed])
}

module "network" {
  source = "./modules/network"

  base_name           = module.naming.base
  resource_group_name = local.group_name
  location            = var.location
  address_space       = var.address_space
  hosting             = merge({ for name, arm in local.arms : name => arm.hosting }, { router = "functions" })
  tags                = local.tags
}

module "telemetry" {
  source = "./modules/telemetry"

  base_name           = module.naming.base
  workbook_name       = module.naming.workbook
  resource_group_name = local.group_name
  location            = var.location
  queries_path        = "${path.module}/queries"
  retention_days      = var.telemetry.retention_days
  daily_quota_gb      = var.telemetry.daily_quota_gb
  alert_emails        = var.alert_emails
  thresholds          = var.alert_thresholds
  tags                = local.tags
}

module "secrets" {
  source = "./modules/secrets"

  name                        = module.naming.vault
  resource_group_name         = local.group_name
  location                    = var.location
  tenant_id                   = var.tenant_id
  allowed_cidrs               = local.vault_cidrs
  allowed_subnet_ids          = values(module.network.app_subnet_ids)
  retention_days              = var.vault_retention_days
  workspace_id                = module.telemetry.workspace_id
  ticket_key_version          = var.ticket_key_version
  telemetry_connection_string = module.telemetry.connection_string
  tags                        = local.tags
}

module "database" {
  source = "./modules/database"

  name                = module.naming.database
  resource_group_name = local.group_name
  location            = var.location
  tenant_id           = var.tenant_id
  server              = var.database
  administrators      = var.database_administrators
  app_identities      = merge({ for name, arm in module.arm : name => arm.identity }, { router = module.router.identity })
  private_endpoint    = var.database_private_endpoint
  public_access       = var.database_public_access
  administrator_cidrs = var.deployer_cidrs
  virtual_network_id  = module.network.virtual_network_id
  endpoint_subnet_id  = module.network.endpoint_subnet_id
  tags                = local.tags
}

module "arm" {
  source   = "./modules/arm"
  for_each = local.arms

  arm                 = each.value
  names               = module.naming.apps[each.key]
  functions           = local.functions[each.key]
  settings            = local.settings[each.key]
  secret_settings     = local.secret_settings[each.key]
  access              = local.access[each.key]
  subnet_id           = module.network.app_subnet_ids[each.key]
  resource_group_name = local.group_name
  location            = var.location
  registry            = local.registry
  image               = var.image
  cors_origins        = var.cors_origins
  workspace_id        = module.telemetry.workspace_id
  insights_id         = module.telemetry.insights_id
  tags                = merge(local.tags, { arm = each.key })
}

module "router" {
  source = "./modules/router"

  names               = module.naming.apps["router"]
  functions           = local.functions.router
  memory_mb           = var.router.memory_mb
  scale               = var.router
  settings            = local.settings.router
  secret_settings     = local.secret_settings.router
  access              = local.access.router
  subnet_id           = module.network.app_subnet_ids["router"]
  resource_group_name = local.group_name
  location            = var.location
  cors_origins        = var.cors_origins
  workspace_id        = module.telemetry.workspace_id
  insights_id         = module.telemetry.insights_id
  tags                = merge(local.tags, { arm = "router" })
}

module "finops" {
  source = "./modules/finops"

  base_name           = module.naming.base
  storage_name        = module.naming.storage.costs
  resource_group_name = local.group_name
  resource_group_id   = var.resource_group_id
  location            = var.location
  budget              = var.budget
  alert_emails        = tolist(var.alert_emails)
  action_group_id     = module.telemetry.action_group_id
  allowed_cidrs       = var.operator_cidrs
  export_enabled      = var.cost_export_enabled
  export_until        = var.cost_export_until
  tags                = local.tags
}
