# Dedicated plans scale by processor load. Basic plans cannot scale by
# themselves; max_instances equal to min_instances leaves this out.

locals {
  # Then autoscale owns the number of workers, and the plan names none (but
  # for zones, which Azure wants filled from the start).
  autoscaled = var.scale.max_instances > var.scale.min_instances
}

resource "azurerm_monitor_autoscale_setting" "this" {
  count = local.autoscaled ? 1 : 0

  name                = "autoscale-${var.names.app}"
  resource_group_name = var.resource_group_name
  location            = var.location
  target_resource_id  = azurerm_service_plan.this.id
  tags                = var.tags

  profile {
    name = "processor load"

    capacity {
      minimum = var.scale.min_instances
      maximum = var.scale.max_instances
      default = var.scale.min_instances
    }

    dynamic "rule" {
      for_each = {
        Increase = { operator = "GreaterThan", threshold = 70, cooldown = "PT5M" }
        Decrease = { operator = "LessThan", threshold = 30, cooldown = "PT10M" }
      }
      content {
        metric_trigger {
          metric_name        = "CpuPercentage"
          metric_resource_id = azurerm_service_plan.this.id
          operator           = rule.value.operator
          threshold          = rule.value.threshold
          statistic          = "Average"
          time_aggregation   = "Average"
          time_grain         = "PT1M"
          time_window        = "PT5M"
        }
        scale_action {
          direction = rule.key
          type      = "ChangeCount"
          value     = 1
          cooldown  = rule.value.cooldown
        }
      }
    }
  }
}
