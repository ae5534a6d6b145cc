# The database, telemetry and money.

variable "database" {
  description = <<-EOT
    PostgreSQL server: sku (B_Standard_B1ms, GP_Standard_D2ds_v5, ...), major version, storage in GB, days of backups (7 to 35),
    geo-redundant backup (cannot be changed later), cluster_size (nodes of an elastic cluster, 1 to 10, or null for a single server; cannot
    be changed to or from null later, needs version 16 up and a GP or MO sku), high_availability (Disabled, SameZone or ZoneRedundant) and availability zone (1, 2, 3, or null for Azure's choice).
  EOT
  type = object({
    sku                   = optional(string, "B_Standard_B1ms")
    version               = optional(string, "17")
    storage_gb            = optional(number, 32)
    backup_retention_days = optional(number, 7)
    geo_redundant_backup  = optional(bool, false)
    cluster_size          = optional(number)
    high_availability     = optional(string, "Disabled")
    zone                  = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^(B|GP|MO)_Standard_[A-Z][A-Za-z0-9]+(_v[0-9])?$", var.database.sku))
    error_message = "database: sku looks like B_Standard_B1ms or GP_Standard_D2ds_v5."
  }

  validation {
    condition     = contains(["15", "16", "17"], var.database.version)
    error_message = "database: version must be 15, 16 or 17."
  }

  validation {
    condition     = contains([32, 64, 128, 256, 512, 1024, 2048, 4096], var.database.storage_gb)
    error_message = "database: storage_gb must be 32, 64, 128, 256, 512, 1024, 2048 or 4096."
  }

  validation {
    condition     = var.database.backup_retention_days >= 7 && var.database.backup_retention_days <= 35
    error_message = "database: backup_retention_days must be 7 to 35."
  }

  validation {
    condition     = contains(["Disabled", "SameZone", "ZoneRedundant"], var.database.high_availability)
    error_message = "database: high_availability must be Disabled, SameZone or ZoneRedundant."
  }

  validation {
    condition     = var.database.high_availability == "Disabled" || !startswith(var.database.sku, "B_")
    error_message = "database: high availability needs a GP or MO sku; burstable (B) servers have none."
  }

  validation {
    condition     = var.database.cluster_size == null || try(var.database.cluster_size >= 1 && var.database.cluster_size <= 10 && floor(var.database.cluster_size) == var.database.cluster_size, false)
    error_message = "database: cluster_size must be 1 to 10 nodes, or left out for a single server."
  }

  validation {
    condition     = var.database.cluster_size == null || (var.database.version != "15" && !startswith(var.database.sku, "B_"))
    error_message = "database: an elastic cluster needs version 16 or 17 and a GP or MO sku."
  }

  validation {
    condition     = var.database.zone == null || contains(["1", "2", "3"], coalesce(var.database.zone, "1"))
    error_message = "database: zone must be 1, 2 or 3, or left out."
  }
}

variable "database_private_endpoint" {
  description = "Whether the apps reach the database through a private endpoint (about 7 USD a month). Without one the firewall has to admit any address inside Azure, and Entra alone keeps strangers out."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = var.database_private_endpoint || var.database_public_access
    error_message = "database_private_endpoint and database_public_access are both false: nothing could reach the database."
  }
}

variable "database_public_access" {
  description = "Whether the database has a public address, open to deployer_cidrs alone; false needs migrations to run inside the private network."
  type        = bool
  default     = true
  nullable    = false
}

variable "pool_size" {
  description = "Database connections of one instance, 1 to 200. Pool size times instances of router and arms must fit the server (B_Standard_B1ms: 35)."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.pool_size >= 1 && var.pool_size <= 200 && floor(var.pool_size) == var.pool_size
    error_message = "pool_size must be a whole number from 1 to 200."
  }

  # Connections users can open, by SKU: max_connections less the reserved 15.
  validation {
    condition = (
      var.pool_size * (var.arms.even.max_instances + var.arms.odd.max_instances + var.router.max_instances)
      <= lookup({ B_Standard_B1ms = 35, B_Standard_B2s = 414 }, var.database.sku, 844)
    )
    error_message = "pool_size times the instances of router and arms is more than the database admits (B_Standard_B1ms 35, B_Standard_B2s 414, two processors and up 844): lower pool_size or max_instances, or choose a larger database."
  }
}

variable "telemetry" {
  description = "Days kept (30, 60, 90, 120, 180, 270, 365), GB a day at most, share of calls traced (0 to 1; errors always are), log level or filter directives."
  type = object({
    retention_days = optional(number, 30)
    daily_quota_gb = optional(number, 1)
    sampling       = optional(number, 0.05)
    log            = optional(string, "info")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([30, 60, 90, 120, 180, 270, 365], var.telemetry.retention_days)
    error_message = "telemetry: retention_days must be 30, 60, 90, 120, 180, 270 or 365."
  }

  validation {
    condition     = var.telemetry.sampling >= 0 && var.telemetry.sampling <= 1
    error_message = "telemetry: sampling must be 0 to 1."
  }

  validation {
    condition     = var.telemetry.daily_quota_gb > 0
    error_message = "telemetry: daily_quota_gb must be more than 0."
  }
}

variable "alert_emails" {
  description = "Addresses that alerts and budget warnings are sent to."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alert_emails needs at least one e-mail address."
  }
}

variable "alert_thresholds" {
  description = "Past what an alert fires: error rate (0 to 1), p95 latency in ms, conformance (0 to 1) below which."
  type = object({
    error_rate     = optional(number, 0.05)
    latency_p95_ms = optional(number, 1000)
    conformance    = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition = (
      var.alert_thresholds.error_rate > 0 && var.alert_thresholds.error_rate <= 1 &&
      var.alert_thresholds.conformance > 0 && var.alert_thresholds.conformance <= 1 &&
      var.alert_thresholds.latency_p95_ms > 0
    )
    error_message = "alert_thresholds: error_rate and conformance lie in (0, 1], latency_p95_ms is more than 0."
  }
}

variable "budget" {
  description = "Amount a month in the billing currency, counted from the month in which the budget is made."
  type = object({
    monthly_amount = number
  })
  nullable = false

  validation {
    condition     = var.budget.monthly_amount >= 1
    error_message = "budget: monthly_amount must be 1 or more."
  }
}

variable "cost_export_enabled" {
  description = "Whether the charges of the resource group are exported every day in FOCUS. Needs the Azure CLI where Terraform runs."
  type        = bool
  default     = true
  nullable    = false
}

variable "cost_export_until" {
  description = "Last day of the export's schedule."
  type        = string
  default     = "2036-01-01T00:00:00Z"
  nullable    = false

  validation {
    condition     = try(timecmp(var.cost_export_until, plantimestamp()) > 0, false)
    error_message = "cost_export_until must be a time to come, such as 2036-01-01T00:00:00Z."
  }
}
