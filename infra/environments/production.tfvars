# Production: warm router, a database that survives the loss of a zone, longer
# memory. Give allowed_cidrs and alert_emails in a file of your own (README.md).
environment = "production"
location    = "westeurope"

arms = {
  even = { hosting = "app_service", plan = "S1", min_instances = 1, max_instances = 3 }
  odd  = { hosting = "functions", plan = "flex-512", min_instances = 0, max_instances = 40 }
}

router = { min_instances = 1, max_instances = 10 }

database = {
  sku                   = "GP_Standard_D2ds_v5"
  storage_gb            = 128
  backup_retention_days = 30
  geo_redundant_backup  = true
  high_availability     = "ZoneRedundant"
}
pool_size = 5

telemetry            = { retention_days = 90, daily_quota_gb = 5 }
vault_retention_days = 90

budget = { monthly_amount = 900 }
