terraform {
  # 1.11: write-only arguments, which keep secrets out of the state.
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }

  # Filled in by environments/NAME.backend.hcl; see README.md.
  backend "azurerm" {}
}

provider "azurerm" {
  # ARM_SUBSCRIPTION_ID, ARM_TENANT_ID and ARM_CLIENT_ID come from the
  # environment; so does the sign-in (Azure CLI, or OIDC in a pipeline).
  storage_use_azuread = true

  # The deploy identity has rights on its resource group alone, so bootstrap
  # registers the resource providers.
  resource_provider_registrations = "none"

  features {
    key_vault {
      purge_soft_delete_on_destroy    = false
      recover_soft_deleted_key_vaults = true
      recover_soft_deleted_secrets    = true
    }

    application_insights {
      # Azure would add an alert rule that Terraform did not make.
      disable_generated_rule = true
    }
  }
}
