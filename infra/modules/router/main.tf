# The one URL: a Function App that answers every call with the arm whose
# minute it is.

terraform {
  required_version = ">= 1.11"
}

module "function_app" {
  source = "../function_app"

  names               = var.names
  resource_group_name = var.resource_group_name
  location            = var.location
  functions           = var.functions
  memory_mb           = var.memory_mb
  scale               = var.scale
  settings            = var.settings
  secret_settings     = var.secret_settings
  access              = var.access
  subnet_id           = var.subnet_id
  health_check_path   = "/_switchback/health"
  cors_origins        = var.cors_origins
  workspace_id        = var.workspace_id
  insights_id         = var.insights_id
  tags                = var.tags
}
