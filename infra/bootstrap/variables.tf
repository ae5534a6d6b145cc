variable "prefix" {
  description = "First part of every name: 3 to 12 lowercase letters and digits, beginning with a letter. The same as the environments'."
  type        = string
  default     = "switchback"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,11}$", var.prefix))
    error_message = "prefix must be 3 to 12 lowercase letters and digits and begin with a letter."
  }
}

variable "name_seed" {
  description = "Changes the hash in every name; set it when one of the names is taken."
  type        = string
  default     = ""
  nullable    = false
}

variable "subscription_id" {
  description = "Subscription everything is made in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id))
    error_message = "subscription_id must be a UUID in lowercase."
  }
}

variable "location" {
  description = "Azure region of state, registry and identities, as in westeurope."
  type        = string
  nullable    = false
}

variable "environments" {
  description = "Environments to prepare, each with a resource group, a state container and a deploy identity of its own."
  type        = set(string)
  default     = ["dev", "production"]
  nullable    = false

  validation {
    condition     = length(var.environments) > 0 && alltrue([for name in var.environments : can(regex("^[a-z][a-z0-9]{1,9}$", name))])
    error_message = "environments: each name is 2 to 10 lowercase letters and digits and begins with a letter."
  }
}

variable "github_repository" {
  description = "Repository whose workflows may sign in, as its tokens name it: OWNER@ID/NAME@ID for one made, renamed or moved since 15 July 2026, else OWNER/NAME. GitHub says which (docs/deploying.md); `repo:` may stand before it. Entra compares letter by letter, capitals too."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(repo:)?([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+|[A-Za-z0-9_.-]+@[0-9]+/[A-Za-z0-9_.-]+@[0-9]+)$", var.github_repository))
    error_message = "github_repository must be OWNER/NAME or, with both ids, OWNER@ID/NAME@ID: what GitHub puts at the beginning of the subject of its tokens."
  }
}

variable "allowed_cidrs" {
  description = "Public IPv4 ranges that may read and write state; empty leaves the account open to the addresses of GitHub's runners, guarded by Entra alone."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) <= 30, false)])
    error_message = "allowed_cidrs must hold IPv4 ranges of /30 or wider, as storage firewalls take."
  }
}

variable "tags" {
  description = "Tags on everything."
  type        = map(string)
  default     = {}
  nullable    = false
}
