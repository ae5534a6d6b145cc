# The database keeps backups, somebody hears of failures, and of the money.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

run "watched_and_paid" {
  # Plans alone: applying would call the Azure CLI for the export.
  command = plan

  assert {
    condition     = keys(module.telemetry.alerts) == ["arm-down", "conformance", "error-rate", "latency"]
    error_message = "an arm down, its error rate, its latency and the conformance must each raise an alert"
  }

  assert {
    condition     = alltrue([for name, alert in module.telemetry.alerts : alert.query == file("queries/alert-${name}.kql") && strcontains(alert.query, "AppRequests")])
    error_message = "an alert must ask what its query file asks"
  }

  assert {
    condition     = module.telemetry.alerts["conformance"].threshold == 1 && module.telemetry.alerts["error-rate"].threshold == 0.05
    error_message = "alerts must fire past the declared thresholds"
  }

  assert {
    condition     = module.finops.budget.amount == 150 && module.finops.budget.thresholds == tolist(["Actual 100", "Actual 50", "Actual 80", "Forecasted 100"])
    error_message = "the budget must warn at 50, 80 and 100 % and when the forecast passes it"
  }

  assert {
    condition     = module.finops.export.type == "FocusCost" && module.finops.export.schedule == "Daily"
    error_message = "charges must be exported daily, in FOCUS"
  }

  assert {
    condition     = module.finops.export.from == "@TOMORROW@"
    error_message = "a day in the export's body is past when it is made, and another one each day"
  }

  assert {
    condition     = module.database.guard.backup_days >= 7
    error_message = "the database must keep backups for a week or more"
  }
}

run "workbook" {
  variables {
    cost_export_enabled = false
  }

  assert {
    condition     = length(module.telemetry.panels) == length(fileset("queries", "workbook-*.kql")) && !contains(module.telemetry.panels, "")
    error_message = "every workbook-*.kql must be a panel with a title"
  }

  assert {
    condition     = anytrue([for title in module.telemetry.panels : strcontains(title, "per arm and minute")])
    error_message = "the workbook must show the arms minute by minute"
  }
}

run "cost_exports" {
  command = plan
  module {
    source = "./modules/finops"
  }
  variables {
    base_name           = "switchback-dev"
    storage_name        = "costsmock"
    resource_group_name = "rg-switchback-dev"
    action_group_id     = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg/providers/Microsoft.Insights/actionGroups/ag"
    allowed_cidrs       = ["203.0.113.0/24", "198.51.100.7/32", "198.51.100.8/31"]
    export_enabled      = true
    export_until        = "2036-01-01T00:00:00Z"
    tags                = {}
  }

  assert {
    condition     = azurerm_storage_account.costs.network_rules[0].default_action == "Deny" && azurerm_storage_account.costs.shared_access_key_enabled == false
    error_message = "cost exports must be shut to unlisted addresses and to shared keys"
  }

  assert {
    condition     = azurerm_consumption_budget_resource_group.this.time_period[0].start_date == formatdate("YYYY-MM-01'T'00:00:00Z", plantimestamp())
    error_message = "a budget must count from the month in which it is made: Azure refuses an earlier one"
  }

  assert {
    condition     = azurerm_storage_account.costs.network_rules[0].ip_rules == toset(["203.0.113.0/24", "198.51.100.7", "198.51.100.8", "198.51.100.9"])
    error_message = "storage firewalls take no /31 and /32: these must become addresses"
  }
}

run "scale" {
  variables {
    cost_export_enabled = false
    arms = {
      even = { hosting = "app_service", plan = "P0v3", min_instances = 2, max_instances = 4, zone_redundant = true }
      odd  = { hosting = "app_service", plan = "B1", min_instances = 2, max_instances = 2 }
    }
  }

  assert {
    condition     = module.arm["even"].scale == { workers = 2, autoscaled_to = 4, zones = true }
    error_message = "a plan that scales must have an autoscale setting up to max_instances"
  }

  assert {
    condition     = module.arm["odd"].scale == { workers = 2, autoscaled_to = 2, zones = false }
    error_message = "a plan that does not scale must have min_instances workers and no autoscale setting"
  }
}

run "one_server" {
  command = plan

  assert {
    condition     = !module.database.cluster
    error_message = "a ledger of some million charges needs one server, and no cluster"
  }
}

run "elastic_cluster" {
  command = plan
  variables {
    database = { sku = "GP_Standard_D4ds_v5", cluster_size = 2 }
  }

  assert {
    condition     = module.database.cluster && output.database.cluster
    error_message = "cluster_size must make a cluster, and the pipeline must hear of it: it spreads the ledger"
  }

  assert {
    condition     = module.database.databases == 0
    error_message = "a cluster comes with its one database; a second one is refused"
  }
}
