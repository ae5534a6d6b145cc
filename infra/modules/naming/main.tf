# Every name of one environment, from a prefix and a stable hash. The hash
# makes names unique in the whole of Azure and is the same at every plan;
# a changed seed gives new names when one is taken.

terraform {
  required_version = ">= 1.11"
}

variable "prefix" {
  description = "First part of every name: 3 to 12 lowercase letters and digits, beginning with a letter."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,11}$", var.prefix))
    error_message = "prefix must be 3 to 12 lowercase letters and digits and begin with a letter."
  }
}

variable "environment" {
  description = "Environment's name: 2 to 10 lowercase letters and digits, beginning with a letter."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment must be 2 to 10 lowercase letters and digits and begin with a letter."
  }
}

variable "seed" {
  description = "Anything stable and particular to this deployment, such as the subscription id; it is hashed into the names."
  type        = string
  nullable    = false
}

locals {
  base   = "${var.prefix}-${var.environment}"
  digest = sha256(join("/", [var.seed, var.prefix, var.environment]))
  hash   = substr(local.digest, 0, 6)

  # Storage accounts: 3 to 24 lowercase letters and digits. The role comes
  # first so that no truncation can make two of them equal.
  storage = {
    for role in ["state", "even", "odd", "router", "costs"] :
    role => join("", [
      substr("${role}${var.prefix}${var.environment}", 0, 16),
      substr(sha256("${local.digest}/${role}"), 0, 8),
    ])
  }

  # Sites are host names: at most 60 letters, digits and hyphens.
  apps = {
    for role in ["even", "odd", "router"] : role => {
      app      = "${local.base}-${role}-${local.hash}"
      host     = "${local.base}-${role}-${local.hash}.azurewebsites.net"
      plan     = "asp-${local.base}-${role}-${local.hash}"
      identity = "id-${local.base}-${role}-${local.hash}"
      storage  = local.storage[role]
    }
  }
}

output "apps" {
  description = "Per role (even, odd, router): names of the app, its plan, identity and storage account, and its host name."
  value       = local.apps
}

output "storage" {
  description = "Storage accounts that belong to no app: state, costs."
  value       = { state = local.storage["state"], costs = local.storage["costs"] }
}

output "registry" {
  description = "Container registry: 5 to 50 letters and digits."
  value       = "acr${var.prefix}${var.environment}${local.hash}"
}

output "vault" {
  description = "Key Vault: 3 to 24 letters, digits and single hyphens, beginning with a letter."
  value       = "kv-${substr(var.prefix, 0, 10)}-${substr(local.digest, 0, 8)}"
}

output "database" {
  description = "PostgreSQL server: 3 to 63 lowercase letters, digits and hyphens."
  value       = "psql-${local.base}-${local.hash}"
}

output "workbook" {
  description = "Workbooks are named by a UUID."
  value       = uuidv5("dns", "${local.digest}.workbook")
}

output "base" {
  description = "Prefix and environment, for names that need to be unique in their resource group only."
  value       = local.base
}

output "hash" {
  description = "The six hexadecimal digits that names end with."
  value       = local.hash
}
