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

  # Run by somebody who may register resource providers; the deployments may not. Every namespace that infra/ uses stands
  # here, none of the provider's own sets holds them all, and infra/checks/terraform/namespaces.py compares.
  resource_provider_registrations = "none"
  resource_providers_to_register = [
    "Microsoft.App",
    "Microsoft.Authorization",
    "Microsoft.Consumption",
    "Microsoft.ContainerRegistry",
    "Microsoft.CostManagement",
    "Microsoft.CostManagementExports",
    "Microsoft.DBforPostgreSQL",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Resources",
    "Microsoft.Storage",
    "Microsoft.Web",
    "microsoft.insights",
  ]

  features {}
}
