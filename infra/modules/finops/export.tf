# The provider's export resource knows no FOCUS (its types are ActualCost,
# AmortizedCost and Usage), so the export is made by its REST call, with the
# Azure CLI the deployment is signed in to. Gone with `terraform destroy`.

locals {
  # A change of the body makes the export anew. When the schedule begins is no part of it: the script fills in tomorrow,
  # since Azure refuses a day that has passed, and another day is no reason for another export.
  export_url = "https://management.azure.com${var.resource_group_id}/providers/Microsoft.CostManagement/exports/focus-${var.base_name}?api-version=2025-03-01"

  export_body = {
    location = var.location
    identity = { type = "SystemAssigned" }
    properties = {
      format                = "Csv"
      compressionMode       = "gzip"
      partitionData         = true
      dataOverwriteBehavior = "OverwritePreviousReport"
      definition = {
        type      = "FocusCost"
        timeframe = "MonthToDate"
        dataSet = {
          granularity   = "Daily"
          configuration = { dataVersion = "1.2-preview" }
        }
      }
      schedule = {
        status     = "Active"
        recurrence = "Daily"
        recurrencePeriod = {
          from = "@TOMORROW@"
          to   = var.export_until
        }
      }
      deliveryInfo = {
        destination = {
          type           = "AzureBlob"
          resourceId     = azurerm_storage_account.costs.id
          container      = azurerm_storage_container.costs.name
          rootFolderPath = var.base_name
        }
      }
    }
  }
}

resource "terraform_data" "focus_export" {
  count = var.export_enabled ? 1 : 0

  input = {
    url    = local.export_url
    body   = jsonencode(local.export_body)
    scope  = azurerm_storage_account.costs.id
    script = "${path.module}/focus-export.sh"
  }
  triggers_replace = [local.export_url, local.export_body]

  provisioner "local-exec" {
    command = "sh '${self.input.script}' create"
    environment = {
      EXPORT_URL   = self.input.url
      EXPORT_BODY  = self.input.body
      EXPORT_SCOPE = self.input.scope
    }
  }

  provisioner "local-exec" {
    when    = destroy
    command = "sh '${self.input.script}' delete"
    environment = {
      EXPORT_URL   = self.input.url
      EXPORT_SCOPE = self.input.scope
    }
  }
}
