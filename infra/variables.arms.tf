# The experiment: two arms, each on its own plan.

variable "arms" {
  description = <<-EOT
    The two arms. hosting: app_service (a container that runs all the time) or functions (Flex Consumption).
    plan: B1, S1, P0v3 or P1v3 on app_service; flex-512, flex-2048 or flex-4096 (MB an instance) on functions.
    min_instances: workers that always run, 1 or more on app_service; instances kept warm on functions, 0 to scale to zero.
    max_instances: the bound of scaling; more than min_instances needs a plan that scales (not B1).
    zone_redundant: spread over availability zones; P0v3, P1v3 and functions, with min_instances of 2 or more.
  EOT
  type = object({
    even = object({
      hosting        = string
      plan           = string
      min_instances  = optional(number, 1)
      max_instances  = optional(number, 1)
      zone_redundant = optional(bool, false)
    })
    odd = object({
      hosting        = string
      plan           = string
      min_instances  = optional(number, 1)
      max_instances  = optional(number, 1)
      zone_redundant = optional(bool, false)
    })
  })
  nullable = false

  # The persistent variant beside the serverless one.
  default = {
    even = { hosting = "app_service", plan = "S1" }
    odd  = { hosting = "functions", plan = "flex-512", min_instances = 0, max_instances = 4 }
  }

  validation {
    condition     = alltrue([for arm in values(var.arms) : contains(["app_service", "functions"], arm.hosting)])
    error_message = "arms: hosting must be app_service or functions."
  }

  validation {
    condition = alltrue([
      for arm in values(var.arms) :
      contains(arm.hosting == "functions" ? ["flex-512", "flex-2048", "flex-4096"] : ["B1", "S1", "P0v3", "P1v3"], arm.plan)
    ])
    error_message = "arms: plan must be B1, S1, P0v3 or P1v3 on app_service, and flex-512, flex-2048 or flex-4096 on functions. F1 and Y1 cannot join the private network; infra/deploy-manual.sh serves F1."
  }

  validation {
    condition     = var.same_plan_allowed || "${var.arms.even.hosting}/${var.arms.even.plan}" != "${var.arms.odd.hosting}/${var.arms.odd.plan}"
    error_message = "arms: both arms have one plan, so there is nothing to compare; for a deliberate A/A run set same_plan_allowed = true."
  }

  validation {
    condition     = alltrue([for arm in values(var.arms) : arm.min_instances >= (arm.hosting == "functions" ? 0 : 1) && arm.max_instances >= max(1, arm.min_instances)])
    error_message = "arms: min_instances must be 0 or more on functions, 1 or more on app_service, and max_instances no less than min_instances and 1."
  }

  validation {
    condition     = alltrue([for arm in values(var.arms) : arm.max_instances <= lookup({ B1 = 3, S1 = 10, P0v3 = 30, P1v3 = 30 }, arm.plan, 1000)])
    error_message = "arms: max_instances is past what the plan allows: B1 3, S1 10, P0v3 and P1v3 30, functions 1000."
  }

  validation {
    condition     = alltrue([for arm in values(var.arms) : arm.plan != "B1" || arm.min_instances == arm.max_instances])
    error_message = "arms: B1 cannot scale by itself; set min_instances and max_instances to one number."
  }

  validation {
    # Azure itself keeps two always-ready instances of a Flex Consumption app that spreads over zones, and bills them.
    condition     = alltrue([for arm in values(var.arms) : !arm.zone_redundant || ((arm.hosting == "functions" || startswith(arm.plan, "P")) && arm.min_instances >= 2)])
    error_message = "arms: zone_redundant needs functions, P0v3 or P1v3, and min_instances of 2 or more: fewer cannot spread, and on functions Azure would keep and bill two all the same."
  }
}

variable "same_plan_allowed" {
  description = "Lets both arms have one plan: an A/A run, whose difference must cover 0."
  type        = bool
  default     = false
  nullable    = false
}

variable "router" {
  description = "The router's Function App: MB an instance (512, 2048, 4096), instances kept warm (0 scales to zero), instances at most, spread over zones."
  type = object({
    memory_mb      = optional(number, 512)
    min_instances  = optional(number, 1)
    max_instances  = optional(number, 4)
    zone_redundant = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([512, 2048, 4096], var.router.memory_mb)
    error_message = "router: memory_mb must be 512, 2048 or 4096."
  }

  validation {
    condition     = var.router.min_instances >= 0 && var.router.max_instances >= max(1, var.router.min_instances) && var.router.max_instances <= 1000
    error_message = "router: min_instances must be 0 or more, max_instances no less than that, and 1 to 1000."
  }

  validation {
    condition     = !var.router.zone_redundant || var.router.min_instances >= 2
    error_message = "router: zone_redundant needs min_instances of 2 or more; Azure would keep and bill two all the same."
  }
}

variable "image" {
  description = "Repository and tag or digest in the registry, for arms on App Service: switchback:1.2.3 or switchback@sha256:...; latest is refused, since a rollback needs a name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._/-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image must be repository:tag or repository@sha256:digest, without the registry's name; the tag latest is refused."
  }
}

variable "watch_app" {
  description = "App that runs the timer: even, odd or router. By default an arm that is a Function App, odd before even, else the router."
  type        = string
  default     = null

  validation {
    condition     = var.watch_app == null || contains(["even", "odd", "router"], coalesce(var.watch_app, "router"))
    error_message = "watch_app must be even, odd or router."
  }

  validation {
    condition     = !contains(["even", "odd"], coalesce(var.watch_app, "router")) || try(var.arms[var.watch_app].hosting == "functions", false)
    error_message = "watch_app: that arm is on App Service, which runs no timer; choose a Function App."
  }
}

variable "schedule" {
  description = "parity (UTC minute % 2) or mirrored ((minute + hour) % 2)."
  type        = string
  default     = "parity"
  nullable    = false

  validation {
    condition     = contains(["parity", "mirrored"], var.schedule)
    error_message = "schedule must be parity or mirrored."
  }
}

variable "failover" {
  description = "Whether the other arm takes the calls of one that is down; false keeps strict parity."
  type        = bool
  default     = true
  nullable    = false
}

variable "margins" {
  description = "Declared before the run: how much the mean latency, p95 and p99 (as in 50ms) and the share of calls that fail (0 to 1) may rise for the cheaper arm to be recommended."
  type = object({
    mean          = optional(string, "20ms")
    p95           = optional(string, "50ms")
    p99           = optional(string, "200ms")
    failure_share = optional(number, 0.001)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for margin in [var.margins.mean, var.margins.p95, var.margins.p99] : can(regex("^([0-9]+(ms|s|m)|off)$", margin))
    ]) && var.margins.failure_share >= 0 && var.margins.failure_share <= 1
    error_message = "margins: mean, p95 and p99 are durations such as 50ms, or off; failure_share is a share from 0 to 1."
  }
}
