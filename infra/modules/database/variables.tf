variable "name" {
  description = "The server's name."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group of the environment."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "tenant_id" {
  description = "Entra tenant whose tokens the server takes."
  type        = string
}

variable "server" {
  description = "Size, version, backups, zone and high availability of the server."
  type = object({
    sku                   = string
    version               = string
    storage_gb            = number
    backup_retention_days = number
    geo_redundant_backup  = bool
    cluster_size          = optional(number)
    high_availability     = string
    zone                  = string
  })
}

variable "administrators" {
  description = "Entra principals that administer the server: name to object id and type (User, Group, ServicePrincipal)."
  type = map(object({
    object_id = string
    type      = string
  }))
}

variable "app_identities" {
  description = "Identities the apps log in as, by role."
  type = map(object({
    name         = string
    principal_id = string
  }))
}

variable "private_endpoint" {
  description = "Whether the apps reach the server through a private endpoint."
  type        = bool
}

variable "public_access" {
  description = "Whether the server has a public address at all."
  type        = bool
}

variable "administrator_cidrs" {
  description = "Public IPv4 ranges administrators connect from."
  type        = list(string)
}

variable "virtual_network_id" {
  description = "Network in which the server's private name resolves."
  type        = string
}

variable "endpoint_subnet_id" {
  description = "Subnet of the private endpoint."
  type        = string
}

variable "tags" {
  description = "Tags on everything."
  type        = map(string)
}
