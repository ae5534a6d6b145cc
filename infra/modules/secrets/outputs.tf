locals {
  secrets = {
    ticket_key = azurerm_key_vault_secret.ticket_key
    api_keys   = azurerm_key_vault_secret.api_keys
    telemetry  = azurerm_key_vault_secret.telemetry
  }
}

output "secrets" {
  description = "Per secret: the reference an app setting holds, and the scope on which reading it is granted. References name no version, so a new one is picked up without a deployment."
  value = {
    for key, secret in local.secrets : key => {
      reference = "@Microsoft.KeyVault(SecretUri=https://${var.name}.vault.azure.net/secrets/${secret.name})"
      scope     = secret.resource_versionless_id
    }
  }
}

output "vault_id" {
  description = "The vault's id."
  value       = azurerm_key_vault.this.id
}

output "vault_name" {
  description = "The vault's name."
  value       = azurerm_key_vault.this.name
}

output "access" {
  description = "Who can reach the vault at all."
  value = {
    default_action = azurerm_key_vault.this.network_acls[0].default_action
    cidrs          = azurerm_key_vault.this.network_acls[0].ip_rules
    subnet_ids     = azurerm_key_vault.this.network_acls[0].virtual_network_subnet_ids
  }
}
