# What the environment may cost, and the record of what it did cost: a budget
# that warns, and a daily export of the charges in FOCUS, the format that
# Switchback imports.

terraform {
  required_version = ">= 1.11"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}

resource "azurerm_consumption_budget_resource_group" "this" {
  name              = "budget-${var.base_name}"
  resource_group_id = var.resource_group_id
  amount            = var.budget.monthly_amount
  time_grain        = "Monthly"

  # Azure takes no month that is over, and lets nobody change it afterwards: the month in which the budget is made.
  time_period {
    start_date = formatdate("YYYY-MM-01'T'00:00:00Z", plantimestamp())
  }

  lifecycle {
    ignore_changes = [time_period[0].start_date]
  }

  dynamic "notification" {
    for_each = {
      half     = { threshold = 50, type = "Actual" }
      most     = { threshold = 80, type = "Actual" }
      spent    = { threshold = 100, type = "Actual" }
      forecast = { threshold = 100, type = "Forecasted" }
    }
    content {
      operator       = "GreaterThanOrEqualTo"
      threshold      = notification.value.threshold
      threshold_type = notification.value.type
      contact_emails = var.alert_emails
      contact_groups = [var.action_group_id]
    }
  }
}

locals {
  # Storage firewalls take ranges up to /30, and single addresses.
  allowed_addresses = flatten([
    for cidr in var.allowed_cidrs :
    endswith(cidr, "/32") ? [cidrhost(cidr, 0)] :
    endswith(cidr, "/31") ? [cidrhost(cidr, 0), cidrhost(cidr, 1)] : [cidr]
  ])
}

resource "azurerm_storage_account" "costs" {
  #checkov:skip=CKV_AZURE_59:operators fetch exports from the listed addresses; network_rules denies every other
  #checkov:skip=CKV_AZURE_206:exports can be had again from Cost Management
  #checkov:skip=CKV_AZURE_33:exports are blobs; there is no queue to log
  #checkov:skip=CKV2_AZURE_33:Cost Management writes from outside any network of ours
  #checkov:skip=CKV2_AZURE_1:charges of one resource group; Azure's own encryption key is enough
  name                = var.storage_name
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false

  # Cost Management writes as a trusted Azure service; people read from the
  # listed addresses.
  network_rules {
    default_action = "Deny"
    bypass         = ["AzureServices"]
    ip_rules       = local.allowed_addresses
  }

  blob_properties {
    versioning_enabled = true
    delete_retention_policy {
      days = 30
    }
    container_delete_retention_policy {
      days = 30
    }
  }
}

resource "azurerm_storage_container" "costs" {
  #checkov:skip=CKV2_AZURE_21:reads are an operator fetching the month's file
  name               = "focus"
  storage_account_id = azurerm_storage_account.costs.id
}
