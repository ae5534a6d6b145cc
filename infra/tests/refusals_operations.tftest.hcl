# Bad values are refused before anything is planned, each by its own variable:
# database, telemetry and money. The messages are in the variables.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

# A run holds one bad value of each of several variables; every one must fail.

run "refused_one" {
  command = plan
  variables {
    # unknown database size
    database = { sku = "Standard_D2" }
    # database nobody reaches
    database_private_endpoint = false
    database_public_access    = false
    # retention in between
    telemetry = { retention_days = 45 }
    # nobody to tell
    alert_emails = []
    # threshold in percent
    alert_thresholds = { error_rate = 5 }
    # budget of nothing
    budget = { monthly_amount = 0 }
  }
  expect_failures = [var.database, var.database_private_endpoint, var.telemetry, var.alert_emails, var.alert_thresholds, var.budget]
}

run "refused_two" {
  command = plan
  variables {
    # old postgresql
    database = { version = "11" }
    # sampling in percent
    telemetry = { sampling = 5 }
    # no address
    alert_emails = ["operations"]
  }
  expect_failures = [var.database, var.telemetry, var.alert_emails]
}

run "odd_storage" {
  command = plan
  variables {
    # odd storage
    database = { storage_gb = 40 }
  }
  expect_failures = [var.database]
}

run "backups_too_short" {
  command = plan
  variables {
    # backups too short
    database = { backup_retention_days = 1 }
  }
  expect_failures = [var.database]
}

run "zone_redundancy_on_burstable" {
  command = plan
  variables {
    # zone redundancy on burstable
    database = { high_availability = "ZoneRedundant" }
  }
  expect_failures = [var.database]
}

run "zone_four" {
  command = plan
  variables {
    # zone four
    database = { zone = "4" }
  }
  expect_failures = [var.database]
}

# These two are asked against other variables, which must be valid themselves.
run "asked_against_others" {
  command = plan
  variables {
    # more connections than the database has
    pool_size = 20
    # export that ends before it begins
    cost_export_until = "2020-01-01T00:00:00Z"
  }
  expect_failures = [var.pool_size, var.cost_export_until]
}

run "cluster_of_nothing" {
  command = plan
  variables {
    database = { sku = "GP_Standard_D4ds_v5", cluster_size = 0 }
  }
  expect_failures = [var.database]
}

run "cluster_of_burstable_servers" {
  command = plan
  variables {
    database = { cluster_size = 2 }
  }
  expect_failures = [var.database]
}
