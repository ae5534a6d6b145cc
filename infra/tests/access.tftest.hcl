# Nobody gets in who is not on the list: apps, their SCM sites, the vault, the
# database. The whole sets are compared, so that neither a rule too many nor
# one too few goes unseen.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

variables {
  cost_export_enabled = false
}

# Subnets told apart, so that a rule for the wrong one shows.
override_resource {
  target = module.network.azurerm_subnet.app["even"]
  values = { id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Network/virtualNetworks/vnet/subnets/even" }
}
override_resource {
  target = module.network.azurerm_subnet.app["odd"]
  values = { id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Network/virtualNetworks/vnet/subnets/odd" }
}
override_resource {
  target = module.network.azurerm_subnet.app["router"]
  values = { id = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-switchback-dev/providers/Microsoft.Network/virtualNetworks/vnet/subnets/router" }
}

run "apps" {
  assert {
    condition     = alltrue([for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : app.callers.default_action == "Deny"])
    error_message = "an app admits callers that no rule names"
  }

  assert {
    condition     = alltrue([for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : toset(app.callers.cidrs) == toset(var.allowed_cidrs)])
    error_message = "callers follow the redirect, so router and arms must admit the very same ranges: allowed_cidrs"
  }

  assert {
    condition     = alltrue([for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : app.callers.actions == tolist(["Allow"])])
    error_message = "rules allow; everything else is denied by default"
  }

  assert {
    condition     = module.arm["even"].app.callers.subnet_ids == sort([module.network.app_subnet_ids["odd"], module.network.app_subnet_ids["router"]])
    error_message = "the arm even must admit the router, which probes it, and odd, which runs the timer"
  }

  assert {
    condition     = module.arm["odd"].app.callers.subnet_ids == tolist([module.network.app_subnet_ids["router"]])
    error_message = "the arm odd must admit the router, which probes it, and no other app"
  }

  assert {
    condition     = module.router.app.callers.subnet_ids == tolist([module.network.app_subnet_ids["odd"]])
    error_message = "the router must admit the app that runs the timer, and no other"
  }

  assert {
    condition     = module.arm["even"].app.subnet_id == module.network.app_subnet_ids["even"] && module.arm["odd"].app.subnet_id == module.network.app_subnet_ids["odd"] && module.router.app.subnet_id == module.network.app_subnet_ids["router"]
    error_message = "each app must call from its own subnet"
  }
}

run "scm" {
  assert {
    condition     = alltrue([for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : app.scm.default_action == "Deny" && !app.scm.shares_rules])
    error_message = "an SCM site admits addresses that no rule names"
  }

  assert {
    condition     = alltrue([for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : toset(app.scm.cidrs) == toset(var.operator_cidrs)])
    error_message = "SCM sites must admit operator_cidrs alone: no caller, and no deployment's address, a change of which restarts the apps"
  }

  assert {
    condition     = !anytrue([for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : app.scm.basic_auth])
    error_message = "nobody may deploy with a publishing password"
  }
}

run "vault" {
  assert {
    condition     = module.secrets.access.default_action == "Deny"
    error_message = "the vault admits addresses that no rule names"
  }

  assert {
    condition     = toset(module.secrets.access.cidrs) == toset(concat(var.operator_cidrs, var.deployer_cidrs))
    error_message = "the vault must admit operator_cidrs and deployer_cidrs alone"
  }

  assert {
    condition     = toset(module.secrets.access.subnet_ids) == toset(values(module.network.app_subnet_ids))
    error_message = "the vault must admit the apps' subnets and no other"
  }
}

run "transport" {
  assert {
    condition     = alltrue([for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : app.https == true])
    error_message = "an app answers plain HTTP"
  }

  assert {
    condition     = alltrue(flatten([for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : [for version in app.tls : contains(["1.2", "1.3"], version)]]))
    error_message = "an app or its SCM site takes TLS older than 1.2"
  }
}

run "database" {
  assert {
    condition     = module.database.guard.password_login == false && module.database.guard.entra_login == true
    error_message = "the database must take Entra tokens and no password"
  }

  assert {
    condition     = module.database.guard.tls == "on"
    error_message = "the database must refuse plain connections"
  }

  assert {
    condition     = tolist(module.database.guard.firewall) == tolist(["192.0.2.10-192.0.2.10"])
    error_message = "with a private endpoint the database's firewall admits deployer_cidrs alone"
  }

  assert {
    condition     = module.database.guard.administrators == sort(keys(var.database_administrators))
    error_message = "the apps must not administer the database"
  }
}

run "nobody_deploying" {
  variables {
    deployer_cidrs = []
  }

  assert {
    condition     = length(module.database.guard.firewall) == 0 && toset(module.secrets.access.cidrs) == toset(var.operator_cidrs)
    error_message = "with deployer_cidrs empty the deployment's way in must be shut"
  }
}

run "without_private_endpoint" {
  variables {
    database_private_endpoint = false
  }

  assert {
    condition     = contains(module.database.guard.firewall, "0.0.0.0-0.0.0.0")
    error_message = "without a private endpoint the apps have no other way in than Azure's own range"
  }
}

run "fully_private" {
  variables {
    database_public_access = false
  }

  assert {
    condition     = module.database.guard.public_access == false && length(module.database.guard.firewall) == 0
    error_message = "a private database has no public address"
  }
}
