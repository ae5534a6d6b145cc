variable "name" {
  description = "The vault's name."
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
  description = "Entra tenant that authenticates to the vault."
  type        = string
}

variable "allowed_cidrs" {
  description = "Public IPv4 ranges that may reach the vault."
  type        = list(string)
}

variable "allowed_subnet_ids" {
  description = "Subnets the apps reach the vault from."
  type        = list(string)
}

variable "retention_days" {
  description = "Days a deleted vault or secret can be recovered."
  type        = number
}

variable "workspace_id" {
  description = "Log Analytics workspace that receives the access audit."
  type        = string
}

variable "ticket_key_version" {
  description = "Raise by one to replace the key that signs redirects."
  type        = number
}

variable "telemetry_connection_string" {
  description = "Application Insights connection string."
  type        = string
  sensitive   = true
}

variable "tags" {
  description = "Tags on everything."
  type        = map(string)
}
