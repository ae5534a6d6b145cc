# Development: small, cheap, quickly thrown away. Give allowed_cidrs and
# alert_emails in a file of your own (README.md); bootstrap writes the rest.
environment = "dev"
location    = "westeurope"

router = { min_instances = 0, max_instances = 2 }

database                  = { backup_retention_days = 7 }
database_private_endpoint = true
vault_retention_days      = 7

budget = { monthly_amount = 150 }
