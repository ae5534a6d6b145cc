# Alerts ask the workspace, so that Azure and a person in the portal run the
# very same query files. Thresholds are here, the questions are in the files.

locals {
  alerts = {
    arm-down = {
      description = "The router sends calls past an arm that is down."
      severity    = 1
      column      = "diverted_calls"
      aggregation = "Total"
      operator    = "GreaterThan"
      threshold   = 0
      dimension   = "scheduled_arm"
      periods     = 1
    }
    error-rate = {
      description = "An arm answers too many calls with 5xx."
      severity    = 2
      column      = "error_rate"
      aggregation = "Maximum"
      operator    = "GreaterThan"
      threshold   = var.thresholds.error_rate
      dimension   = "arm"
      periods     = 2
    }
    latency = {
      description = "An arm's 95th percentile of latency is too high."
      severity    = 3
      column      = "latency_p95_ms"
      aggregation = "Maximum"
      operator    = "GreaterThan"
      threshold   = var.thresholds.latency_p95_ms
      dimension   = "arm"
      periods     = 2
    }
    conformance = {
      description = "Redirects do not follow the schedule: the experiment is not valid."
      severity    = 1
      column      = "conformance"
      aggregation = "Minimum"
      operator    = "LessThan"
      threshold   = var.thresholds.conformance
      dimension   = null
      periods     = 1
    }
  }
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each = local.alerts

  name                = "alert-${each.key}-${var.base_name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  display_name            = "Switchback ${var.base_name}: ${each.key}"
  description             = each.value.description
  severity                = each.value.severity
  scopes                  = [azurerm_log_analytics_workspace.this.id]
  evaluation_frequency    = "PT5M"
  window_duration         = "PT5M"
  auto_mitigation_enabled = true

  # The tables exist once the first telemetry has arrived.
  skip_query_validation = true

  criteria {
    query                   = file("${var.queries_path}/alert-${each.key}.kql")
    metric_measure_column   = each.value.column
    time_aggregation_method = each.value.aggregation
    operator                = each.value.operator
    threshold               = each.value.threshold

    dynamic "dimension" {
      for_each = each.value.dimension == null ? [] : [each.value.dimension]
      content {
        name     = dimension.value
        operator = "Include"
        values   = ["*"]
      }
    }

    failing_periods {
      number_of_evaluation_periods             = each.value.periods
      minimum_failing_periods_to_trigger_alert = each.value.periods
    }
  }

  action {
    action_groups = [azurerm_monitor_action_group.this.id]
  }
}
