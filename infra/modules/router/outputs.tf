output "app" {
  description = "The router's app, as the resource holds it."
  value       = module.function_app.app
}

output "plan" {
  description = "The router's plan."
  value       = module.function_app.plan
}

output "identity" {
  description = "The identity the router acts as."
  value       = module.function_app.identity
}
