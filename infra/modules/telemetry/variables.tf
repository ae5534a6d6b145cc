variable "base_name" {
  description = "Prefix and environment, as in switchback-dev."
  type        = string
}

variable "workbook_name" {
  description = "The workbook's name, a UUID."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group of the environment."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "queries_path" {
  description = "Folder of the KQL files."
  type        = string
}

variable "retention_days" {
  description = "Days telemetry is kept."
  type        = number
}

variable "daily_quota_gb" {
  description = "GB a day past which Azure stops taking telemetry, so that a flood cannot cost more."
  type        = number
}

variable "alert_emails" {
  description = "Addresses that alerts are sent to."
  type        = set(string)
}

variable "thresholds" {
  description = "Past what an alert fires: error rate (0 to 1), p95 latency in ms, and conformance (0 to 1) below which."
  type = object({
    error_rate     = number
    latency_p95_ms = number
    conformance    = number
  })
}

variable "tags" {
  description = "Tags on everything."
  type        = map(string)
}
