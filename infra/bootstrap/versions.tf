terraform {
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }

  # Bootstrap makes the place where state is kept, so its own starts as a
  # local file; README.md says how to move it there afterwards.
}

provider "azurerm" {
  storage_use_azuread = true

  # Run once per subscription by somebody who may; the deployments may not.
  resource_provider_registrations = "core"
  resource_providers_to_register = [
    "Microsoft.App",
    "Microsoft.CostManagement",
    "Microsoft.CostManagementExports",
    "Microsoft.DBforPostgreSQL",
  ]

  features {}
}
