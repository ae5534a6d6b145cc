variable "base_name" {
  description = "Prefix and environment, as in switchback-dev."
  type        = string
}

variable "storage_name" {
  description = "Storage account that receives the exports."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group of the environment."
  type        = string
}

variable "resource_group_id" {
  description = "The same group's id, the scope of the budget and of the export."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "budget" {
  description = "Amount a month, in the billing currency."
  type = object({
    monthly_amount = number
  })
}

variable "alert_emails" {
  description = "Addresses the budget warns."
  type        = list(string)
}

variable "action_group_id" {
  description = "Action group the budget warns."
  type        = string
}

variable "allowed_cidrs" {
  description = "Public IPv4 ranges that may read the exports."
  type        = list(string)
}

variable "export_enabled" {
  description = "Whether charges are exported every day."
  type        = bool
}

variable "export_until" {
  description = "Last day of the export's schedule, RFC 3339."
  type        = string
}

variable "tags" {
  description = "Tags on everything."
  type        = map(string)
}
