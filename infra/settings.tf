# What each app is told: docs/configuration.md names every setting. Host names
# and ids are worked out from names, not read from resources, so that router
# and arms can know one another without a circle.

locals {
  apps = module.naming.apps
  urls = { for role, names in local.apps : role => "https://${names.host}" }

  # As in app-service/S1 and functions/flex-512: derived from the variable
  # that chooses the plan, so that the report prices what really runs. Flex
  # Consumption has other prices for instances that are kept warm.
  plans = {
    for arm, choice in local.arms :
    arm => choice.hosting == "app_service" ? "app-service/${choice.plan}" : "functions/${choice.plan}${choice.min_instances > 0 ? "-always-ready" : ""}"
  }

  # The timer runs in one app: where the caller says, else on an arm that is a
  # Function App (odd before even), else beside the router.
  watch_app = coalesce(
    var.watch_app,
    var.arms.odd.hosting == "functions" ? "odd" : null,
    var.arms.even.hosting == "functions" ? "even" : null,
    "router",
  )
  functions = {
    for role in keys(local.apps) : role => setunion(
      role == "router" ? ["route"] : ["api"],
      role == local.watch_app ? ["watch"] : [],
    )
  }

  # The router probes the arms, and the timer calls them and the router.
  # Everybody else must come from the listed addresses.
  access = {
    for role in keys(local.apps) : role => {
      cidrs     = var.allowed_cidrs
      scm_cidrs = var.operator_cidrs
      subnet_ids = {
        for caller in distinct(["router", local.watch_app]) :
        caller => module.network.app_subnet_ids[caller] if caller != role
      }
    }
  }

  # Ids as the charges name them. A dedicated plan's cost sits on the plan, a
  # serverless one's on the site; a Function App's storage is its own too.
  provider_path = "${var.resource_group_id}/providers"
  app_resource_ids = {
    for role, names in local.apps : role => concat(
      [
        "${local.provider_path}/Microsoft.Web/serverFarms/${names.plan}",
        "${local.provider_path}/Microsoft.Web/sites/${names.app}",
      ],
      try(var.arms[role].hosting, "functions") == "functions" ? ["${local.provider_path}/Microsoft.Storage/storageAccounts/${names.storage}"] : [],
    )
  }
  shared_resource_ids = concat(
    [
      "${local.provider_path}/Microsoft.DBforPostgreSQL/flexibleServers/${module.naming.database}",
      "${local.provider_path}/Microsoft.KeyVault/vaults/${module.naming.vault}",
      "${local.provider_path}/Microsoft.OperationalInsights/workspaces/log-${module.naming.base}",
      "${local.provider_path}/Microsoft.Insights/components/appi-${module.naming.base}",
      "${local.provider_path}/Microsoft.Storage/storageAccounts/${module.naming.storage.costs}",
      var.registry_id,
    ],
    var.database_private_endpoint ? ["${local.provider_path}/Microsoft.Network/privateEndpoints/pe-${module.naming.database}"] : [],
    local.app_resource_ids["router"],
  )

  common_settings = {
    for role in keys(local.apps) : role => {
      SWITCHBACK_SCHEDULE           = var.schedule
      SWITCHBACK_DATABASE_AUTH      = "entra"
      SWITCHBACK_POOL_SIZE          = tostring(var.pool_size)
      SWITCHBACK_TELEMETRY_SAMPLING = tostring(var.telemetry.sampling)
      SWITCHBACK_LOG                = var.telemetry.log
      SWITCHBACK_LOG_FORMAT         = "json"
      SWITCHBACK_URL                = local.urls.router

      # The identity's name is the database role; there is no password.
      DATABASE_URL = "postgresql://${local.apps[role].identity}@${module.naming.database}.postgres.database.azure.com:5432/switchback?sslmode=verify-full"
    }
  }

  cors_settings = length(var.cors_origins) == 0 ? {} : { SWITCHBACK_CORS_ORIGINS = join(",", var.cors_origins) }

  arm_settings = {
    for arm in keys(local.arms) : arm => {
      SWITCHBACK_ROLE                 = "api"
      SWITCHBACK_ARM                  = arm
      SWITCHBACK_EVEN_PLAN            = local.plans.even
      SWITCHBACK_ODD_PLAN             = local.plans.odd
      SWITCHBACK_EVEN_INSTANCES       = "${local.arms.even.min_instances}-${local.arms.even.max_instances}"
      SWITCHBACK_ODD_INSTANCES        = "${local.arms.odd.min_instances}-${local.arms.odd.max_instances}"
      SWITCHBACK_REGION               = var.location
      SWITCHBACK_EVEN_RESOURCE_IDS    = join(",", local.app_resource_ids["even"])
      SWITCHBACK_ODD_RESOURCE_IDS     = join(",", local.app_resource_ids["odd"])
      SWITCHBACK_SHARED_RESOURCE_IDS  = join(",", local.shared_resource_ids)
      SWITCHBACK_MARGIN_MEAN          = var.margins.mean
      SWITCHBACK_MARGIN_P95           = var.margins.p95
      SWITCHBACK_MARGIN_P99           = var.margins.p99
      SWITCHBACK_MARGIN_FAILURE_SHARE = tostring(var.margins.failure_share)
      SWITCHBACK_OPEN                 = join(",", var.open)
    }
  }

  router_settings = {
    SWITCHBACK_ROLE     = "router"
    SWITCHBACK_EVEN_URL = local.urls.even
    SWITCHBACK_ODD_URL  = local.urls.odd
    SWITCHBACK_FAILOVER = var.failover ? "on" : "off"
  }

  role_settings = merge(local.arm_settings, { router = local.router_settings })
  settings      = { for role, common in local.common_settings : role => merge(common, local.cors_settings, local.role_settings[role]) }

  # Read from the vault by each app's identity. The router sees no API key.
  router_secrets = {
    SWITCHBACK_TICKET_KEY                 = module.secrets.secrets["ticket_key"]
    APPLICATIONINSIGHTS_CONNECTION_STRING = module.secrets.secrets["telemetry"]
  }
  arm_secrets = merge(local.router_secrets, {
    SWITCHBACK_API_KEYS = module.secrets.secrets["api_keys"]
  })
  secret_settings = merge({ for arm in keys(local.arms) : arm => local.arm_secrets }, { router = local.router_secrets })
}
