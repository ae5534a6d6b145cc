output "virtual_network_id" {
  description = "The network's id."
  value       = azurerm_virtual_network.this.id
}

output "app_subnet_ids" {
  description = "Per role, the subnet its outbound traffic comes from."
  value       = { for role, subnet in azurerm_subnet.app : role => subnet.id }
}

output "endpoint_subnet_id" {
  description = "Subnet of private endpoints."
  value       = azurerm_subnet.endpoints.id
}
