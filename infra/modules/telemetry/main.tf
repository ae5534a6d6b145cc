# Where everything is written down: the workspace, Application Insights on top
# of it, and the workbook that shows the arms side by side.

terraform {
  required_version = ">= 1.11"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}

resource "azurerm_log_analytics_workspace" "this" {
  name                = "log-${var.base_name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  sku               = "PerGB2018"
  retention_in_days = var.retention_days
  daily_quota_gb    = var.daily_quota_gb

  # Diagnostic settings write as Azure itself; nobody needs the shared keys.
  local_authentication_enabled = false
}

resource "azurerm_application_insights" "this" {
  name                = "appi-${var.base_name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  workspace_id         = azurerm_log_analytics_workspace.this.id
  application_type     = "other"
  retention_in_days    = var.retention_days
  daily_data_cap_in_gb = var.daily_quota_gb

  # The program samples before it sends; sampling again here would lose errors.
  sampling_percentage = 100

  # Who sends proves its identity; the connection string alone opens nothing.
  local_authentication_enabled = false
}

# Who hears of alerts and of the budget.
resource "azurerm_monitor_action_group" "this" {
  name                = "ag-${var.base_name}"
  resource_group_name = var.resource_group_name
  short_name          = "switchback"
  tags                = var.tags

  dynamic "email_receiver" {
    for_each = var.alert_emails
    content {
      name                    = email_receiver.value
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

locals {
  # Every workbook-*.kql is a panel, in the order of the file names; its first
  # line, a comment, is the panel's title.
  panels = {
    for file in sort(fileset(var.queries_path, "workbook-*.kql")) :
    trimsuffix(file, ".kql") => file("${var.queries_path}/${file}")
  }

  workbook = {
    version             = "Notebook/1.0"
    fallbackResourceIds = [azurerm_log_analytics_workspace.this.id]
    items = concat(
      [{
        type    = 1
        name    = "introduction"
        content = { json = "## Switchback, ${var.base_name}\nEven UTC minutes belong to the arm even, odd ones to the arm odd." }
      }],
      [for name, query in local.panels : {
        type = 3
        name = name
        content = {
          version       = "KqlItem/1.0"
          title         = trimspace(trimprefix(split("\n", query)[0], "//"))
          query         = query
          queryType     = 0
          resourceType  = "microsoft.operationalinsights/workspaces"
          size          = 0
          timeContext   = { durationMs = 3600000 }
          visualization = strcontains(query, "render timechart") ? "linechart" : "table"
        }
      }],
    )
  }
}

resource "azurerm_application_insights_workbook" "this" {
  name                = var.workbook_name
  resource_group_name = var.resource_group_name
  location            = var.location
  display_name        = "Switchback: arms per minute (${var.base_name})"
  source_id           = lower(azurerm_log_analytics_workspace.this.id)
  data_json           = jsonencode(local.workbook)
  tags                = var.tags
}
