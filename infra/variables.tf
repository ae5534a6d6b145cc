# Where the environment is and what it is called.

variable "prefix" {
  description = "First part of every name: 3 to 12 lowercase letters and digits, beginning with a letter."
  type        = string
  default     = "switchback"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,11}$", var.prefix))
    error_message = "prefix must be 3 to 12 lowercase letters and digits and begin with a letter."
  }
}

variable "environment" {
  description = "Environment's name, such as dev or production: 2 to 10 lowercase letters and digits."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment must be 2 to 10 lowercase letters and digits and begin with a letter."
  }
}

variable "name_seed" {
  description = "Changes the hash in every name; set it when one of the names is taken."
  type        = string
  default     = ""
  nullable    = false
}

variable "location" {
  description = "Azure region of everything, as in westeurope. It needs Flex Consumption."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+[a-z0-9]*$", var.location))
    error_message = "location must be a region's short name, such as westeurope."
  }
}

variable "tags" {
  description = "Tags on everything, beside application, environment and arm."
  type        = map(string)
  default     = {}
  nullable    = false
}

# Made by bootstrap, whose output `environments` holds these values.

variable "tenant_id" {
  description = "Entra tenant."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.tenant_id))
    error_message = "tenant_id must be a UUID in lowercase."
  }
}

variable "resource_group_id" {
  description = "Id of the resource group everything is made in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+$", var.resource_group_id))
    error_message = "resource_group_id must look like /subscriptions/ID/resourceGroups/NAME."
  }
}

variable "registry_id" {
  description = "Id of the container registry the arms pull from."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft.ContainerRegistry/registries/[A-Za-z0-9]{5,50}$", var.registry_id))
    error_message = "registry_id must be the id of a container registry: /subscriptions/ID/resourceGroups/NAME/providers/Microsoft.ContainerRegistry/registries/NAME."
  }
}

variable "database_administrators" {
  description = "Entra principals that administer the database, name to object id and type (User, Group or ServicePrincipal): the deploy identity, and people who may need to look."
  type = map(object({
    object_id = string
    type      = string
  }))
  nullable = false

  validation {
    condition     = length(var.database_administrators) > 0
    error_message = "database_administrators needs at least one principal: without a password login nobody else can migrate the schema."
  }

  validation {
    condition     = alltrue([for who in values(var.database_administrators) : contains(["User", "Group", "ServicePrincipal"], who.type)])
    error_message = "database_administrators: type must be User, Group or ServicePrincipal."
  }
}
