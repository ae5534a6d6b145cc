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

  validation {
    condition = !anytrue([
      for value in values(var.settings) :
      can(regex("(?i)(password|AccountKey|SharedAccessKey|SharedAccessSignature|InstrumentationKey|sig)=|://[^/@]*:[^/@]*@", value))
    ])
    error_message = "settings holds a credential in clear; hand it over in secret_settings, as a Key Vault reference."
  }
}

variable "secret_settings" {
  description = "App settings whose value is a Key Vault reference: the reference, and the scope on which reading it is granted."
  type = map(object({
    reference = string
    scope     = string
  }))

  validation {
    condition     = alltrue([for secret in values(var.secret_settings) : startswith(secret.reference, "@Microsoft.KeyVault(SecretUri=https://")])
    error_message = "every secret setting must be a Key Vault reference: @Microsoft.KeyVault(SecretUri=https://...)."
  }
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

variable "health_check_path" {
  description = "Path the platform probes; an instance that fails it is taken out."
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

variable "sku" {
  description = "App Service plan's SKU, such as S1."
  type        = string
}

variable "scale" {
  description = "Workers at least and at most, and whether they spread over zones."
  type = object({
    min_instances  = number
    max_instances  = number
    zone_redundant = bool
  })
}

variable "registry" {
  description = "Container registry the image is pulled from."
  type = object({
    id           = string
    login_server = string
  })
}

variable "image" {
  description = "Repository and tag or digest in that registry, as in switchback:1.2.3."
  type        = string
}
