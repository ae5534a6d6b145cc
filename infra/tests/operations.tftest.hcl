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

run "autoscale" {
  variables {
    cost_export_enabled = false
    arms = {
      even = { hosting = "app_service", plan = "P0v3", min_instances = 2, max_instances = 4, zone_redundant = true }
      odd  = { hosting = "functions", plan = "flex-512", min_instances = 0, max_instances = 2 }
    }
  }

  assert {
    condition     = module.even.plan.sku == "P0v3"
    error_message = "scale settings must not change the plan"
  }
}
