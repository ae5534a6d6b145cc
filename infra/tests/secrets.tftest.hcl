# No secret in clear, and no app that could read another's.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

variables {
  cost_export_enabled = false
}

# Secrets told apart, so that a grant on the wrong one shows.
override_resource {
  target = module.secrets.azurerm_key_vault_secret.ticket_key
  values = { resource_versionless_id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.KeyVault/vaults/kv-mock/secrets/ticket-key" }
}
override_resource {
  target = module.secrets.azurerm_key_vault_secret.api_keys
  values = { resource_versionless_id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.KeyVault/vaults/kv-mock/secrets/api-keys" }
}
override_resource {
  target = module.secrets.azurerm_key_vault_secret.telemetry
  values = { resource_versionless_id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.KeyVault/vaults/kv-mock/secrets/telemetry" }
}

run "settings" {
  assert {
    condition = alltrue(flatten([
      for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : [
        for name, value in app.settings : startswith(value, "@Microsoft.KeyVault(SecretUri=https://${module.secrets.vault_name}.vault.azure.net/secrets/")
        if contains(["SWITCHBACK_TICKET_KEY", "SWITCHBACK_API_KEYS", "APPLICATIONINSIGHTS_CONNECTION_STRING"], name)
      ]
    ]))
    error_message = "a setting that bears a secret is not a reference to the vault"
  }

  assert {
    condition = alltrue([
      for app in [module.arm["even"].app, module.arm["odd"].app] :
      length(setsubtract(["SWITCHBACK_TICKET_KEY", "SWITCHBACK_API_KEYS", "APPLICATIONINSIGHTS_CONNECTION_STRING"], keys(app.settings))) == 0
    ])
    error_message = "an arm lacks its ticket key, its API keys or its telemetry"
  }

  assert {
    condition     = contains(keys(module.router.app.settings), "SWITCHBACK_TICKET_KEY") && contains(keys(module.router.app.settings), "APPLICATIONINSIGHTS_CONNECTION_STRING")
    error_message = "the router lacks its ticket key or its telemetry"
  }

  assert {
    condition     = !contains(keys(module.router.app.settings), "SWITCHBACK_API_KEYS")
    error_message = "the router authenticates nobody and must not see the API keys"
  }

  # Anything that looks like a credential, whatever it is called.
  assert {
    condition = !anytrue(flatten([
      for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : [
        for value in values(app.settings) :
        can(regex("(?i)(password|pwd|AccountKey|SharedAccessKey|SharedAccessSignature|InstrumentationKey|client_?secret|sig)=", value))
        || can(regex("://[^/@]*:[^/@]*@", value))
        || can(regex("^[A-Za-z0-9+/]{43,}={0,2}$", value))
      ]
    ]))
    error_message = "a plain setting holds what looks like a credential"
  }

  # By name: whatever is called a key or a secret must be a reference.
  assert {
    condition = alltrue(flatten([
      for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : [
        for name, value in app.settings : startswith(value, "@Microsoft.KeyVault(")
        if can(regex("(?i)(KEY|SECRET|PASSWORD|TOKEN|CONNECTION_?STRING)", name))
      ]
    ]))
    error_message = "a setting named like a secret is in clear"
  }
}

run "database_without_password" {
  assert {
    condition     = alltrue([for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : app.settings.SWITCHBACK_DATABASE_AUTH == "entra"])
    error_message = "the apps must log in with an Entra token"
  }

  assert {
    condition = alltrue([
      for role, app in { even = module.arm["even"], odd = module.arm["odd"], router = module.router } :
      app.app.settings.DATABASE_URL == "postgresql://${app.identity.name}@${module.database.host}:5432/${module.database.database}?sslmode=verify-full"
    ])
    error_message = "an app must log in as its own identity, without a password, checking the certificate and the name"
  }

  assert {
    condition = alltrue([
      for app in [module.arm["even"], module.arm["odd"], module.router] : app.app.settings.AZURE_CLIENT_ID == app.identity.client_id
    ])
    error_message = "an app must ask for tokens as its own identity"
  }
}

run "telemetry_by_identity" {
  assert {
    condition     = module.telemetry.guard.local_authentication == false
    error_message = "whoever knows the connection string must not be able to send telemetry"
  }

  assert {
    condition = alltrue([
      for app in [module.arm["even"], module.arm["odd"], module.router] :
      app.app.settings.APPLICATIONINSIGHTS_AUTHENTICATION_STRING == "Authorization=AAD;ClientId=${app.identity.client_id}"
    ])
    error_message = "an app must send its telemetry as its own identity"
  }
}

run "host_storage_without_key" {
  assert {
    condition = alltrue([
      for app in [module.arm["odd"].app, module.router.app] :
      !contains(keys(app.settings), "AzureWebJobsStorage") && app.settings.AzureWebJobsStorage__credential == "managedidentity"
    ])
    error_message = "the Functions host must reach its storage as the identity, without a connection string"
  }
}

run "minimal_roles" {
  assert {
    condition = module.arm["even"].app.grants == sort([
      "AcrPull on ${var.registry_id}",
      "Key Vault Secrets User on ${module.secrets.vault_id}/secrets/api-keys",
      "Key Vault Secrets User on ${module.secrets.vault_id}/secrets/telemetry",
      "Key Vault Secrets User on ${module.secrets.vault_id}/secrets/ticket-key",
      "Monitoring Metrics Publisher on ${module.telemetry.insights_id}",
    ])
    error_message = "an arm on App Service may pull its image, read its three secrets and send telemetry, nothing else"
  }

  assert {
    condition = module.arm["odd"].app.grants == sort([
      "Key Vault Secrets User on ${module.secrets.vault_id}/secrets/api-keys",
      "Key Vault Secrets User on ${module.secrets.vault_id}/secrets/telemetry",
      "Key Vault Secrets User on ${module.secrets.vault_id}/secrets/ticket-key",
      "Monitoring Metrics Publisher on ${module.telemetry.insights_id}",
      "Storage Blob Data Owner on /subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Storage/storageAccounts/stmock",
    ])
    error_message = "an arm on Functions may read its three secrets, send telemetry and use its own storage, nothing else"
  }

  assert {
    condition = module.router.app.grants == sort([
      "Key Vault Secrets User on ${module.secrets.vault_id}/secrets/telemetry",
      "Key Vault Secrets User on ${module.secrets.vault_id}/secrets/ticket-key",
      "Monitoring Metrics Publisher on ${module.telemetry.insights_id}",
      "Storage Blob Data Owner on /subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Storage/storageAccounts/stmock",
    ])
    error_message = "the router may read its two secrets, send telemetry and use its own storage, nothing else"
  }
}

run "database_roles" {
  assert {
    condition = alltrue([
      for app in [module.arm["even"], module.arm["odd"], module.router] :
      strcontains(output.database_roles_sql, "pgaadauth_create_principal_with_oid('${app.identity.name}', '${app.identity.principal_id}', 'service', false, false)")
    ])
    error_message = "every app's identity needs a database role that administers nothing"
  }

  assert {
    condition     = !can(regex("(?i)superuser|azure_pg_admin|grant all|createdb|createrole", output.database_roles_sql))
    error_message = "the apps' roles may read and write rows, no more"
  }
}

run "vault_itself" {
  command = plan
  module {
    source = "./modules/secrets"
  }
  variables {
    name                        = "kv-switchback-12345678"
    resource_group_name         = "rg-switchback-dev"
    allowed_subnet_ids          = []
    retention_days              = 7
    workspace_id                = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log"
    ticket_key_version          = 1
    telemetry_connection_string = "InstrumentationKey=66666666-6666-4666-8666-666666666666"
    tags                        = {}
  }

  assert {
    condition     = azurerm_key_vault.this.purge_protection_enabled && azurerm_key_vault.this.rbac_authorization_enabled
    error_message = "the vault must refuse purging, and be governed by roles"
  }

  assert {
    condition     = one(azurerm_monitor_diagnostic_setting.audit.enabled_log).category_group == "audit"
    error_message = "access to the vault must be audited"
  }

  assert {
    condition     = alltrue([for secret in [azurerm_key_vault_secret.ticket_key, azurerm_key_vault_secret.api_keys, azurerm_key_vault_secret.telemetry] : secret.value_wo == null && secret.value_wo_version >= 1])
    error_message = "a secret's value must never be kept: write-only arguments alone"
  }
}
