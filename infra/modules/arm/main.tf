# One arm of the experiment: the same program, on the hosting and plan its
# variables name.

terraform {
  required_version = ">= 1.11"
}

locals {
  on_app_service = var.arm.hosting == "app_service"

  # SWITCHBACK's name of a Flex plan holds the size of an instance in MB.
  flex_memory_mb = { flex-512 = 512, flex-2048 = 2048, flex-4096 = 4096 }

  scale = {
    min_instances  = var.arm.min_instances
    max_instances  = var.arm.max_instances
    zone_redundant = var.arm.zone_redundant
  }

  health_check_path = "/api/health/ready"

  # Exactly one of the two exists.
  instance = one(concat(module.web_app, module.function_app))
}

module "web_app" {
  source = "../web_app"
  count  = local.on_app_service ? 1 : 0

  names               = var.names
  resource_group_name = var.resource_group_name
  location            = var.location
  sku                 = var.arm.plan
  scale               = local.scale
  registry            = var.registry
  image               = var.image
  settings            = var.settings
  secret_settings     = var.secret_settings
  access              = var.access
  subnet_id           = var.subnet_id
  health_check_path   = local.health_check_path
  cors_origins        = var.cors_origins
  workspace_id        = var.workspace_id
  insights_id         = var.insights_id
  tags                = var.tags
}

module "function_app" {
  source = "../function_app"
  count  = local.on_app_service ? 0 : 1

  names               = var.names
  resource_group_name = var.resource_group_name
  location            = var.location
  functions           = var.functions
  memory_mb           = local.flex_memory_mb[var.arm.plan]
  scale               = local.scale
  settings            = var.settings
  secret_settings     = var.secret_settings
  access              = var.access
  subnet_id           = var.subnet_id
  health_check_path   = local.health_check_path
  cors_origins        = var.cors_origins
  workspace_id        = var.workspace_id
  insights_id         = var.insights_id
  tags                = var.tags
}
