variable "arm" {
  description = "Hosting (app_service or functions), plan (S1, flex-512, ...) and scale of this arm."
  type = object({
    hosting        = string
    plan           = string
    min_instances  = number
    max_instances  = number
    zone_redundant = bool
  })
}

variable "registry" {
  description = "Container registry an App Service arm pulls its image from."
  type = object({
    id           = string
    login_server = string
  })
}

variable "image" {
  description = "Repository and tag or digest in that registry."
  type        = string
}

variable "functions" {
  description = "Functions that run in this arm where it is a Function App: api, and watch on one app."
  type        = set(string)
}

variable "names" {
  description = "Names of the app, its host, its plan, identity and storage account."
  type = object({
    app      = string
    host     = string
    plan     = string
    identity = string
    storage  = string
  })
}

variable "resource_group_name" {
  description = "Resource group of the environment."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "settings" {
  description = "App settings in clear: nothing in here may be a secret."
  type        = map(string)
}

variable "secret_settings" {
  description = "App settings whose value is a Key Vault reference: the reference, and the scope on which reading it is granted."
  type = map(object({
    reference = string
    scope     = string
  }))
}

variable "access" {
  description = "Who may connect: callers' public IPv4 ranges, subnets of the other apps by role, and the ranges that may deploy."
  type = object({
    cidrs      = list(string)
    subnet_ids = map(string)
    scm_cidrs  = list(string)
  })
}

variable "subnet_id" {
  description = "Subnet the app's outbound traffic comes from."
  type        = string
}

variable "cors_origins" {
  description = "Origins browsers may call from."
  type        = list(string)
}

variable "insights_id" {
  description = "Application Insights resource the app sends its telemetry to."
  type        = string
}

variable "workspace_id" {
  description = "Log Analytics workspace that receives the app's log lines."
  type        = string
}

variable "tags" {
  description = "Tags on everything."
  type        = map(string)
}
