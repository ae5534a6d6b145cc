# Stands in for a real deployment's values in the tests and in `make
# infra-plan`: documentation addresses, and ids that belong to nobody.
environment       = "dev"
location          = "westeurope"
tenant_id         = "11111111-1111-4111-8111-111111111111"
resource_group_id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev"
registry_id       = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback/providers/Microsoft.ContainerRegistry/registries/acrswitchback"
database_administrators = {
  "id-switchback-deploy-dev" = { object_id = "33333333-3333-4333-8333-333333333333", type = "ServicePrincipal" }
}
allowed_cidrs  = ["203.0.113.0/24", "198.51.100.7/32"]
operator_cidrs = ["198.51.100.64/26", "198.51.100.9/32"]
deployer_cidrs = ["192.0.2.10/32"]
alert_emails   = ["operations@example.org"]
image          = "switchback:1.0.0"
budget         = { monthly_amount = 150 }
