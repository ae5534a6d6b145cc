# Who GitHub's workflows act as. No secret is stored there: each job presents
# a token that says which repository, branch or environment it runs for, and
# the subject decides which identity it may become.
#
#   plan    pull requests             reads; cannot change anything
#   build   the branch main           pushes images; touches nothing else
#   deploy  one per environment       changes that environment's group alone

locals {
  issuer     = "https://token.actions.githubusercontent.com"
  audience   = "api://AzureADTokenExchange"
  repository = "repo:${trimprefix(var.github_repository, "repo:")}"

  # Roles the deploy identity may hand to the apps it makes, and no others.
  roles = {
    acr_pull              = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    blob_data_contributor = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    blob_data_owner       = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
    metrics_publisher     = "3913510d-42f4-4e42-8a64-420c390055eb"
    secrets_user          = "4633458b-17de-408a-b874-0445c86b69e6"
  }

  # Azure's condition language: writing or deleting an assignment is allowed
  # only for these roles, and only for service principals.
  delegation_condition = {
    for name, granted in {
      group    = ["blob_data_contributor", "blob_data_owner", "metrics_publisher", "secrets_user"]
      registry = ["acr_pull"]
    } :
    name => join(" AND ", [
      for action, side in { write = "@Request", delete = "@Resource" } : join("", [
        "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/${action}'})) OR (",
        "${side}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${join(", ", [for role in granted : local.roles[role]])}}",
        " AND ",
        "${side}[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'}",
        "))",
      ])
    ])
  }
}

resource "azurerm_user_assigned_identity" "plan" {
  name                = "id-${var.prefix}-plan"
  resource_group_name = azurerm_resource_group.core.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_user_assigned_identity" "build" {
  name                = "id-${var.prefix}-build"
  resource_group_name = azurerm_resource_group.core.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_user_assigned_identity" "deploy" {
  for_each = var.environments

  name                = "id-${var.prefix}-deploy-${each.key}"
  resource_group_name = azurerm_resource_group.core.name
  location            = var.location
  tags                = merge(local.tags, { environment = each.key })
}

resource "azurerm_federated_identity_credential" "plan" {
  name                      = "github-pull-request"
  user_assigned_identity_id = azurerm_user_assigned_identity.plan.id
  issuer                    = local.issuer
  audience                  = [local.audience]
  subject                   = "${local.repository}:pull_request"
}

resource "azurerm_federated_identity_credential" "build" {
  name                      = "github-main"
  user_assigned_identity_id = azurerm_user_assigned_identity.build.id
  issuer                    = local.issuer
  audience                  = [local.audience]
  subject                   = "${local.repository}:ref:refs/heads/main"
}

resource "azurerm_federated_identity_credential" "deploy" {
  for_each = var.environments

  name                      = "github-environment-${each.key}"
  user_assigned_identity_id = azurerm_user_assigned_identity.deploy[each.key].id
  issuer                    = local.issuer
  audience                  = [local.audience]
  subject                   = "${local.repository}:environment:${each.key}"
}

locals {
  # Every right of every identity, one line each.
  grants = merge(
    {
      build-push = {
        who = azurerm_user_assigned_identity.build.principal_id, role = "AcrPush"
        on  = azurerm_container_registry.this.id, condition = null
      }
    },
    [for name in var.environments : {
      "plan-${name}-read" = {
        who = azurerm_user_assigned_identity.plan.principal_id, role = "Reader"
        on  = azurerm_resource_group.environment[name].id, condition = null
      }
      "plan-${name}-state" = {
        who = azurerm_user_assigned_identity.plan.principal_id, role = "Storage Blob Data Reader"
        on  = azurerm_storage_container.state[name].id, condition = null
      }
      "deploy-${name}-resources" = {
        who = azurerm_user_assigned_identity.deploy[name].principal_id, role = "Contributor"
        on  = azurerm_resource_group.environment[name].id, condition = null
      }
      "deploy-${name}-secrets" = {
        who = azurerm_user_assigned_identity.deploy[name].principal_id, role = "Key Vault Secrets Officer"
        on  = azurerm_resource_group.environment[name].id, condition = null
      }
      "deploy-${name}-state" = {
        who = azurerm_user_assigned_identity.deploy[name].principal_id, role = "Storage Blob Data Contributor"
        on  = azurerm_storage_container.state[name].id, condition = null
      }
      "deploy-${name}-grant" = {
        who = azurerm_user_assigned_identity.deploy[name].principal_id, role = "Role Based Access Control Administrator"
        on  = azurerm_resource_group.environment[name].id, condition = local.delegation_condition.group
      }
      "deploy-${name}-grant-pull" = {
        who = azurerm_user_assigned_identity.deploy[name].principal_id, role = "Role Based Access Control Administrator"
        on  = azurerm_container_registry.this.id, condition = local.delegation_condition.registry
      }
    }]...
  )
}

resource "azurerm_role_assignment" "this" {
  for_each = local.grants

  scope                = each.value.on
  role_definition_name = each.value.role
  principal_id         = each.value.who
  principal_type       = "ServicePrincipal"
  condition            = each.value.condition
  condition_version    = each.value.condition == null ? null : "2.0"
}
