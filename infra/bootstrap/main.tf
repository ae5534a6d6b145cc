# What must be there before the first deployment: where state is kept, where
# images go, and who may deploy. Run once per subscription by an owner.

module "naming" {
  source = "../modules/naming"

  prefix      = var.prefix
  environment = "core"
  seed        = join("/", [var.subscription_id, var.name_seed])
}

locals {
  tags = merge(var.tags, { application = "switchback" })
}

resource "azurerm_resource_group" "core" {
  name     = "rg-${var.prefix}-core"
  location = var.location
  tags     = local.tags
}

resource "azurerm_resource_group" "environment" {
  for_each = var.environments

  name     = "rg-${var.prefix}-${each.key}"
  location = var.location
  tags     = merge(local.tags, { environment = each.key })
}

resource "azurerm_storage_account" "state" {
  #checkov:skip=CKV_AZURE_59:GitHub's runners have no fixed addresses; keys are off and Entra decides every call, and allowed_cidrs closes it further
  #checkov:skip=CKV_AZURE_33:state is blobs; there is no queue to log
  #checkov:skip=CKV2_AZURE_33:GitHub's runners are in no network of ours; see CKV_AZURE_59
  #checkov:skip=CKV2_AZURE_1:no secret reaches the state (values are write-only), so Azure's own encryption key is enough
  name                = module.naming.storage.state
  resource_group_name = azurerm_resource_group.core.name
  location            = var.location
  tags                = local.tags

  account_tier                    = "Standard"
  account_replication_type        = "GRS"
  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false

  # A state file overwritten or deleted by mistake can be had back.
  blob_properties {
    versioning_enabled = true
    delete_retention_policy {
      days = 90
    }
    container_delete_retention_policy {
      days = 90
    }
  }

  dynamic "network_rules" {
    for_each = length(var.allowed_cidrs) > 0 ? [var.allowed_cidrs] : []
    content {
      default_action = "Deny"
      bypass         = ["AzureServices"]
      ip_rules       = network_rules.value
    }
  }
}

# One container an environment: who deploys one cannot read the other's state.
resource "azurerm_storage_container" "state" {
  #checkov:skip=CKV2_AZURE_21:before the first environment there is no workspace to log to; versioning keeps every state that was written
  for_each = var.environments

  name               = each.key
  storage_account_id = azurerm_storage_account.state.id
}

resource "azurerm_container_registry" "this" {
  #checkov:skip=CKV_AZURE_233:needs Premium, ten times the price; running apps keep their image when the registry is away
  #checkov:skip=CKV_AZURE_237:needs Premium
  #checkov:skip=CKV_AZURE_164:needs Premium; images are named by digest and carry GitHub's attestation
  #checkov:skip=CKV_AZURE_165:needs Premium; one region is served
  #checkov:skip=CKV_AZURE_166:needs Premium
  #checkov:skip=CKV_AZURE_139:needs Premium; pulls and pushes need an Entra identity, the admin password is off
  #checkov:skip=CKV_AZURE_167:needs Premium
  #checkov:skip=CKV_AZURE_163:the image is one static binary on scratch; cargo-deny checks what is in it on every push
  name                = module.naming.registry
  resource_group_name = azurerm_resource_group.core.name
  location            = var.location
  tags                = local.tags

  sku                    = "Basic"
  admin_enabled          = false
  anonymous_pull_enabled = false
}
