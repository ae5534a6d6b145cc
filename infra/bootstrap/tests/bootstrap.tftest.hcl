# What bootstrap promises: state that cannot be lost or read with a key, and
# workflows that can do no more than their job.

mock_provider "azurerm" {
  source = "../tests/mocks"
}

variables {
  subscription_id   = "22222222-2222-4222-8222-222222222222"
  location          = "westeurope"
  github_repository = "example/switchback"
}

run "state" {
  assert {
    condition     = azurerm_storage_account.state.shared_access_key_enabled == false && azurerm_storage_account.state.allow_nested_items_to_be_public == false
    error_message = "the state account must take no shared key and no anonymous reader"
  }

  assert {
    condition     = azurerm_storage_account.state.blob_properties[0].versioning_enabled && azurerm_storage_account.state.blob_properties[0].delete_retention_policy[0].days >= 30
    error_message = "state must be versioned and recoverable after deletion"
  }

  assert {
    condition     = azurerm_storage_account.state.min_tls_version == "TLS1_2" && azurerm_storage_account.state.https_traffic_only_enabled
    error_message = "state must travel over TLS 1.2 alone"
  }

  assert {
    condition     = toset(keys(azurerm_storage_container.state)) == toset(["dev", "production"])
    error_message = "each environment needs a state container of its own"
  }

  assert {
    condition     = !azurerm_container_registry.this.admin_enabled && !azurerm_container_registry.this.anonymous_pull_enabled
    error_message = "the registry must have no admin password and no anonymous pull"
  }
}

run "workflows_sign_in_by_subject" {
  assert {
    condition     = azurerm_federated_identity_credential.plan.subject == "repo:example/switchback:pull_request"
    error_message = "pull requests must sign in as the plan identity, which only reads"
  }

  assert {
    condition     = azurerm_federated_identity_credential.build.subject == "repo:example/switchback:ref:refs/heads/main"
    error_message = "only the branch main may push images"
  }

  assert {
    condition     = { for name, credential in azurerm_federated_identity_credential.deploy : name => credential.subject } == { dev = "repo:example/switchback:environment:dev", production = "repo:example/switchback:environment:production" }
    error_message = "a deploy identity must serve the GitHub environment of its name and no other"
  }

  assert {
    condition = alltrue([
      for credential in concat([azurerm_federated_identity_credential.plan, azurerm_federated_identity_credential.build], values(azurerm_federated_identity_credential.deploy)) :
      credential.issuer == "https://token.actions.githubusercontent.com" && one(credential.audience) == "api://AzureADTokenExchange"
    ])
    error_message = "credentials must trust GitHub's issuer, for Azure's audience"
  }
}

# What a repository made since mid-2026 is called in its tokens, as GitHub's API gives it.
run "workflows_sign_in_by_subject_with_ids" {
  variables {
    github_repository = "repo:example@123456/switchback@456789"
  }

  assert {
    condition     = azurerm_federated_identity_credential.plan.subject == "repo:example@123456/switchback@456789:pull_request"
    error_message = "the subject must hold the ids, or Entra refuses the token (AADSTS700213)"
  }

  assert {
    condition     = azurerm_federated_identity_credential.build.subject == "repo:example@123456/switchback@456789:ref:refs/heads/main"
    error_message = "only the branch main may push images"
  }

  assert {
    condition     = { for name, credential in azurerm_federated_identity_credential.deploy : name => credential.subject } == { dev = "repo:example@123456/switchback@456789:environment:dev", production = "repo:example@123456/switchback@456789:environment:production" }
    error_message = "a deploy identity must serve the GitHub environment of its name and no other"
  }
}

run "least_privilege" {
  # The whole list: a right that is added or widened has to be added here.
  assert {
    condition = { for key, grant in output.grants : key => grant.role } == {
      build-push                   = "AcrPush"
      plan-dev-read                = "Reader"
      plan-dev-state               = "Storage Blob Data Reader"
      plan-production-read         = "Reader"
      plan-production-state        = "Storage Blob Data Reader"
      deploy-dev-resources         = "Contributor"
      deploy-dev-secrets           = "Key Vault Secrets Officer"
      deploy-dev-state             = "Storage Blob Data Contributor"
      deploy-dev-grant             = "Role Based Access Control Administrator"
      deploy-dev-grant-pull        = "Role Based Access Control Administrator"
      deploy-production-resources  = "Contributor"
      deploy-production-secrets    = "Key Vault Secrets Officer"
      deploy-production-state      = "Storage Blob Data Contributor"
      deploy-production-grant      = "Role Based Access Control Administrator"
      deploy-production-grant-pull = "Role Based Access Control Administrator"
    }
    error_message = "the identities' rights are not the list this test holds"
  }

  assert {
    condition = alltrue([
      for grant in values(output.grants) :
      (grant.role == "Role Based Access Control Administrator") == (grant.condition != null)
    ])
    error_message = "whoever may grant roles must be bound by a condition"
  }

  assert {
    condition = alltrue([
      for grant in values(output.grants) : alltrue([
        for action in ["write", "delete"] :
        strcontains(grant.condition, "ActionMatches{'Microsoft.Authorization/roleAssignments/${action}'}")
      ]) && strcontains(grant.condition, "StringEqualsIgnoreCase {'ServicePrincipal'}") if grant.condition != null
    ])
    error_message = "the condition must bind writing and deleting, and admit service principals alone"
  }

  # 8e3af657... is Owner, b24988ac... Contributor, 18d7d88d... User Access Administrator.
  assert {
    condition = !anytrue([
      for grant in values(output.grants) : anytrue([
        for role in ["8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "b24988ac-6180-42a0-ab88-20f7382dd24c", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"] :
        strcontains(coalesce(grant.condition, "none"), role)
      ])
    ])
    error_message = "no deploy identity may hand out Owner, Contributor or User Access Administrator"
  }

  assert {
    condition     = alltrue([for grant in values(output.grants) : !endswith(grant.scope, var.subscription_id)])
    error_message = "no right may reach over the whole subscription"
  }
}

run "closed_state_account" {
  variables {
    allowed_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition     = azurerm_storage_account.state.network_rules[0].default_action == "Deny" && azurerm_storage_account.state.network_rules[0].ip_rules == toset(["203.0.113.0/24"])
    error_message = "allowed_cidrs must shut the state account to every other address"
  }
}

run "bad_repository_is_refused" {
  command = plan
  variables {
    github_repository = "https://github.com/example/switchback"
  }
  expect_failures = [var.github_repository]
}

run "half_of_the_ids_is_refused" {
  command = plan
  variables {
    github_repository = "example@123456/switchback"
  }
  expect_failures = [var.github_repository]
}

run "a_whole_subject_is_refused" {
  command = plan
  variables {
    github_repository = "repo:example/switchback:ref:refs/heads/main"
  }
  expect_failures = [var.github_repository]
}

run "bad_environment_is_refused" {
  command = plan
  variables {
    environments = ["Dev"]
  }
  expect_failures = [var.environments]
}

run "no_environment_is_refused" {
  command = plan
  variables {
    environments = []
  }
  expect_failures = [var.environments]
}

run "bad_subscription_is_refused" {
  command = plan
  variables {
    subscription_id = "my subscription"
  }
  expect_failures = [var.subscription_id]
}

run "single_addresses_are_refused_for_state" {
  command = plan
  variables {
    allowed_cidrs = ["203.0.113.7/32"]
  }
  expect_failures = [var.allowed_cidrs]
}
