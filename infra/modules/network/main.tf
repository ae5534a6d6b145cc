# One small network: a subnet for the outbound traffic of each app, so that
# the vault, the database and the other apps can tell who calls, and one for
# private endpoints.

terraform {
  required_version = ">= 1.11"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}

locals {
  roles = ["even", "odd", "router"]

  # What Azure asks of a subnet that apps of this hosting send traffic from.
  delegation = {
    app_service = {
      name    = "Microsoft.Web/serverFarms"
      actions = ["Microsoft.Network/virtualNetworks/subnets/action"]
    }
    functions = {
      name    = "Microsoft.App/environments"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_virtual_network" "this" {
  name                = "vnet-${var.base_name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  address_space       = [var.address_space]
  tags                = var.tags
}

resource "azurerm_subnet" "app" {
  #checkov:skip=CKV2_AZURE_31:delegated subnets carry the apps' outbound traffic only; nothing can connect into them, so a security group would hold no rule
  for_each = var.hosting

  name                 = "snet-${each.key}"
  resource_group_name  = var.resource_group_name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [cidrsubnet(var.address_space, 3, index(local.roles, each.key))]

  # Microsoft.Web lets another app's access restrictions name this subnet.
  service_endpoint {
    service = "Microsoft.KeyVault"
  }
  service_endpoint {
    service = "Microsoft.Web"
  }

  delegation {
    name = each.value
    service_delegation {
      name    = local.delegation[each.value].name
      actions = local.delegation[each.value].actions
    }
  }
}

resource "azurerm_subnet" "endpoints" {
  #checkov:skip=CKV2_AZURE_31:holds the database's private endpoint alone; who may log in is decided by Entra and by the server
  name                 = "snet-endpoints"
  resource_group_name  = var.resource_group_name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [cidrsubnet(var.address_space, 3, length(local.roles))]
}
