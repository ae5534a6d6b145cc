output "app" {
  description = "The arm's app, as the resource holds it."
  value       = local.instance.app
}

output "plan" {
  description = "The arm's plan."
  value       = local.instance.plan
}

output "identity" {
  description = "The identity the arm acts as."
  value       = local.instance.identity
}

output "scale" {
  description = "Instances at least and at most, spread over zones or not."
  value       = local.instance.scale
}
