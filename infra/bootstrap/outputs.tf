output "state" {
  description = "Storage account of the state: terraform init -backend-config=storage_account_name=THIS."
  value       = azurerm_storage_account.state.name
}

output "registry" {
  description = "Container registry's login server."
  value       = azurerm_container_registry.this.login_server
}

output "github" {
  description = "Variables (no secret among them) of the GitHub repository, and of each of its environments."
  value = {
    repository = {
      AZURE_TENANT_ID       = azurerm_user_assigned_identity.plan.tenant_id
      AZURE_SUBSCRIPTION_ID = var.subscription_id
      AZURE_PLAN_CLIENT_ID  = azurerm_user_assigned_identity.plan.client_id
      AZURE_BUILD_CLIENT_ID = azurerm_user_assigned_identity.build.client_id
      REGISTRY              = azurerm_container_registry.this.login_server
      STATE_STORAGE_ACCOUNT = azurerm_storage_account.state.name
    }
    environments = {
      for name, identity in azurerm_user_assigned_identity.deploy :
      name => { AZURE_CLIENT_ID = identity.client_id }
    }
  }
}

output "environments" {
  description = "Per environment, the variables of infra/ that bootstrap decides; written to environments/NAME.bootstrap.tfvars.json."
  value = {
    for name, identity in azurerm_user_assigned_identity.deploy : name => {
      tenant_id         = identity.tenant_id
      resource_group_id = azurerm_resource_group.environment[name].id
      registry_id       = azurerm_container_registry.this.id
      database_administrators = {
        (identity.name) = { object_id = identity.principal_id, type = "ServicePrincipal" }
      }
    }
  }
}

output "grants" {
  description = "Per right: role, and the condition on it where there is one."
  value = {
    for key, grant in azurerm_role_assignment.this :
    key => { role = grant.role_definition_name, scope = grant.scope, condition = grant.condition }
  }
}
