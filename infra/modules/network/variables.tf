variable "base_name" {
  description = "Prefix and environment, as in switchback-dev."
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

variable "address_space" {
  description = "IPv4 range of the network; eight equal subnets are cut from it."
  type        = string
}

variable "hosting" {
  description = "What each role runs on, app_service or functions: it decides the subnet's delegation."
  type        = map(string)
}

variable "tags" {
  description = "Tags on everything."
  type        = map(string)
}
