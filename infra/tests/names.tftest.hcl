# Names are valid by each resource's rules for the shortest and the longest
# prefix, differ where they must, and stay the same from plan to plan.

run "shortest" {
  command = plan
  module {
    source = "./modules/naming"
  }
  variables {
    prefix      = "abc"
    environment = "qa"
    seed        = "x"
  }

  assert {
    condition     = alltrue([for app in values(output.apps) : can(regex("^[a-z0-9]([a-z0-9-]{0,58})[a-z0-9]$", app.app))])
    error_message = "an app's name must be 2 to 60 letters, digits and hyphens, no hyphen at either end"
  }

  assert {
    condition     = alltrue([for name in concat([for app in values(output.apps) : app.storage], values(output.storage)) : can(regex("^[a-z0-9]{3,24}$", name))])
    error_message = "a storage account's name must be 3 to 24 lowercase letters and digits"
  }

  assert {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){2,23}$", output.vault)) && length(output.vault) <= 24
    error_message = "a vault's name must be 3 to 24 letters, digits and single hyphens"
  }
}

run "longest" {
  command = plan
  module {
    source = "./modules/naming"
  }
  variables {
    prefix      = "abcdefghijkl"
    environment = "production"
    seed        = "22222222-2222-4222-8222-222222222222/again"
  }

  assert {
    condition     = alltrue([for app in values(output.apps) : length(app.app) <= 60 && length(app.plan) <= 60 && length(app.identity) <= 128])
    error_message = "apps and plans take 60 characters, identities 128"
  }

  assert {
    condition     = alltrue([for name in concat([for app in values(output.apps) : app.storage], values(output.storage)) : can(regex("^[a-z0-9]{3,24}$", name))])
    error_message = "a storage account's name must be 3 to 24 lowercase letters and digits"
  }

  assert {
    condition     = length(distinct(concat([for app in values(output.apps) : app.storage], values(output.storage)))) == 5
    error_message = "storage accounts must differ even when their names are cut"
  }

  assert {
    condition     = length(output.vault) <= 24 && !strcontains(output.vault, "--")
    error_message = "a vault's name must be at most 24 characters without a double hyphen"
  }

  assert {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", output.database))
    error_message = "a server's name must be 3 to 63 lowercase letters, digits and hyphens"
  }

  assert {
    condition     = can(regex("^[a-zA-Z0-9]{5,50}$", output.registry))
    error_message = "a registry's name must be 5 to 50 letters and digits"
  }

  assert {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", output.workbook))
    error_message = "a workbook's name must be a UUID"
  }
}

run "parity" {
  command = plan
  module {
    source = "./modules/naming"
  }
  variables {
    prefix      = "switchback"
    environment = "dev"
    seed        = "22222222-2222-4222-8222-222222222222/"
  }

  assert {
    condition = alltrue([
      for field in ["app", "host", "plan", "identity", "storage"] :
      output.apps["even"][field] != output.apps["odd"][field] &&
      strcontains(output.apps["even"][field], "even") && strcontains(output.apps["odd"][field], "odd") &&
      strcontains(output.apps["router"][field], "router")
    ])
    error_message = "each name must say which arm it belongs to, and no two may be the same"
  }

  # Written out: a change here would rename, and so replace, what is deployed.
  assert {
    condition     = output.apps["even"].app == "switchback-dev-even-043224"
    error_message = "names changed from what is deployed: ${output.apps["even"].app}"
  }
}

run "seed_changes_every_hash" {
  command = plan
  module {
    source = "./modules/naming"
  }
  variables {
    prefix      = "switchback"
    environment = "dev"
    seed        = "22222222-2222-4222-8222-222222222222/taken"
  }

  assert {
    condition     = output.apps["even"].app != run.parity.apps["even"].app && output.vault != run.parity.vault && output.storage.costs != run.parity.storage.costs && output.registry != run.parity.registry
    error_message = "another seed must give other names"
  }
}
