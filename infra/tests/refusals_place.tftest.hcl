# Bad values are refused before anything is planned, each by its own variable:
# where it is, and what it is called. The messages are in the variables.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

# A run holds one bad value of each of several variables; every one must fail.

run "refused_one" {
  command = plan
  variables {
    # prefix with capitals
    prefix = "Switchback"
    # environment with hyphen
    environment = "pre-prod"
    # location by display name
    location = "West Europe"
    # tenant that is no uuid
    tenant_id = "contoso.onmicrosoft.com"
    # resource group by name
    resource_group_id = "rg-switchback-dev"
    # registry by login server
    registry_id = "acrswitchback.azurecr.io"
    # database without administrator
    database_administrators = {}
  }
  expect_failures = [var.prefix, var.environment, var.location, var.tenant_id, var.resource_group_id, var.registry_id, var.database_administrators]
}

run "refused_two" {
  command = plan
  variables {
    # prefix too long
    prefix = "switchbackswitchback"
    # database administrator of no type
    database_administrators = { "someone" = { object_id = "33333333-3333-4333-8333-333333333333", type = "Person" } }
  }
  expect_failures = [var.prefix, var.database_administrators]
}
