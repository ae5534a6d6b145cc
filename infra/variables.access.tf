# Who may connect, and from where.

variable "allowed_cidrs" {
  description = "Public IPv4 ranges of callers: router and arms admit these and nobody else. Callers follow the router's redirect, so router and arms share the list. Whoever operates the system and calls it too stands on both lists."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.allowed_cidrs) > 0 && length(var.allowed_cidrs) <= 100
    error_message = "allowed_cidrs needs 1 to 100 ranges: with none, nobody could call."
  }

  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : can(regex("^[0-9.]+/[0-9]+$", cidr)) && can(cidrnetmask(cidr))])
    error_message = "allowed_cidrs must hold IPv4 ranges in CIDR notation, such as 203.0.113.0/24 or 203.0.113.7/32."
  }

  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : try(cidrhost(cidr, 0) == split("/", cidr)[0], true)])
    error_message = "allowed_cidrs: a range must begin at its network address, as in 203.0.113.0/24 (not 203.0.113.7/24)."
  }

  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : try(tonumber(split("/", cidr)[1]) >= 8, true)])
    error_message = "allowed_cidrs: a range wider than /8 is as good as open; list the networks of your callers."
  }

  validation {
    condition     = !anytrue([for cidr in var.allowed_cidrs : can(regex("^(10\\.|127\\.|169\\.254\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", cidr))])
    error_message = "allowed_cidrs: Azure sees public addresses; private, loopback and link-local ranges match nobody."
  }
}

variable "operator_cidrs" {
  description = "Public IPv4 ranges of operators: the SCM sites, the Key Vault and the cost exports admit these. None by default; a deployment lets itself in for as long as it takes."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.operator_cidrs) <= 100
    error_message = "operator_cidrs may hold 100 ranges at most."
  }

  validation {
    condition     = alltrue([for cidr in var.operator_cidrs : can(regex("^[0-9.]+/[0-9]+$", cidr)) && can(cidrnetmask(cidr))])
    error_message = "operator_cidrs must hold IPv4 ranges in CIDR notation, such as 203.0.113.0/24 or 203.0.113.7/32."
  }

  validation {
    condition     = alltrue([for cidr in var.operator_cidrs : try(cidrhost(cidr, 0) == split("/", cidr)[0], true)])
    error_message = "operator_cidrs: a range must begin at its network address, as in 203.0.113.0/24 (not 203.0.113.7/24)."
  }

  validation {
    condition     = alltrue([for cidr in var.operator_cidrs : try(tonumber(split("/", cidr)[1]) >= 16, true)])
    error_message = "operator_cidrs: a range wider than /16 is no group of operators; secrets and deployments are behind it."
  }

  validation {
    condition     = !anytrue([for cidr in var.operator_cidrs : can(regex("^(10\\.|127\\.|169\\.254\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", cidr))])
    error_message = "operator_cidrs: Azure sees public addresses; private, loopback and link-local ranges match nobody."
  }
}

variable "deployer_cidrs" {
  description = "Ranges a deployment runs from, such as the address of a build machine: admitted to the Key Vault and the database while it lasts. The SCM sites are no matter of it: a change of their rules restarts the apps."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.deployer_cidrs : can(cidrnetmask(cidr)) && try(cidrhost(cidr, 0) == split("/", cidr)[0], false) && try(tonumber(split("/", cidr)[1]) >= 16, false)])
    error_message = "deployer_cidrs must hold IPv4 ranges of /16 or narrower that begin at their network address, such as 203.0.113.7/32."
  }
}

variable "address_space" {
  description = "IPv4 range of the private network, /24 to /16; eight equal subnets are cut from it."
  type        = string
  default     = "10.64.0.0/23"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.address_space)) && try(tonumber(split("/", var.address_space)[1]) >= 16 && tonumber(split("/", var.address_space)[1]) <= 24, false)
    error_message = "address_space must be an IPv4 range from /16 to /24: Flex Consumption needs subnets of /27 or wider."
  }
}

variable "cors_origins" {
  description = "Origins browsers may call from, such as https://example.org; none by default."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https?://[^/*]+$", origin))])
    error_message = "cors_origins must hold origins without a path or wildcard, such as https://example.org."
  }
}

variable "open" {
  description = "What needs no API key: any of health, docs, dashboard."
  type        = list(string)
  default     = ["health", "docs"]
  nullable    = false

  validation {
    condition     = alltrue([for what in var.open : contains(["health", "docs", "dashboard"], what)])
    error_message = "open may hold health, docs and dashboard."
  }

  validation {
    condition     = contains(var.open, "health")
    error_message = "open must hold health: the platform and the router probe it without a key."
  }
}

variable "ticket_key_version" {
  description = "Raise by one to have a new key signed into the router's redirects."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.ticket_key_version >= 1 && floor(var.ticket_key_version) == var.ticket_key_version
    error_message = "ticket_key_version must be a whole number from 1."
  }
}

variable "vault_retention_days" {
  description = "Days a deleted vault or secret can be recovered, 7 to 90. It cannot be changed later, and nobody can purge earlier."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.vault_retention_days >= 7 && var.vault_retention_days <= 90
    error_message = "vault_retention_days must be 7 to 90."
  }
}
