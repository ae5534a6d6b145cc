# Two arms, two plans, one URL: what the composition is for.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

variables {
  cost_export_enabled = false
}

run "default" {
  assert {
    condition     = module.arm["even"].plan.sku == "S1" && module.arm["odd"].plan.sku == "FC1"
    error_message = "by default even is App Service S1 and odd is Flex Consumption"
  }

  assert {
    condition     = module.arm["even"].plan.name != module.arm["odd"].plan.name && module.arm["even"].plan.name != module.router.plan.name && module.arm["odd"].plan.name != module.router.plan.name
    error_message = "each app needs a plan of its own"
  }

  assert {
    condition     = output.arms.even.plan != output.arms.odd.plan
    error_message = "the arms must be on different plans"
  }

  assert {
    condition     = length(distinct([module.arm["even"].app.name, module.arm["odd"].app.name, module.router.app.name])) == 3
    error_message = "each app needs a name of its own"
  }

  assert {
    condition     = strcontains(module.arm["even"].app.name, "even") && strcontains(module.arm["odd"].app.name, "odd") && strcontains(module.router.app.name, "router")
    error_message = "an app's name must say which arm it is"
  }

  assert {
    condition     = length(distinct([module.arm["even"].identity.name, module.arm["odd"].identity.name, module.router.identity.name])) == 3
    error_message = "each app needs an identity of its own"
  }

  assert {
    condition     = module.router.app.settings.SWITCHBACK_EVEN_URL == module.arm["even"].app.url && module.router.app.settings.SWITCHBACK_ODD_URL == module.arm["odd"].app.url
    error_message = "the router must know both arms by their own URLs"
  }

  assert {
    condition     = module.arm["even"].app.url == "https://${module.arm["even"].app.name}.azurewebsites.net" && module.arm["odd"].app.url == "https://${module.arm["odd"].app.name}.azurewebsites.net"
    error_message = "URLs are worked out from names, so names must be those of the apps"
  }

  assert {
    condition     = output.url == "https://${module.router.app.name}.azurewebsites.net"
    error_message = "the one URL is the router's"
  }

  assert {
    condition     = alltrue([for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : app.settings.SWITCHBACK_URL == output.url])
    error_message = "every app must know the one URL"
  }

  assert {
    condition     = module.arm["even"].app.settings.SWITCHBACK_ROLE == "api" && module.arm["odd"].app.settings.SWITCHBACK_ROLE == "api" && module.router.app.settings.SWITCHBACK_ROLE == "router"
    error_message = "arms serve the API, the router routes"
  }

  assert {
    condition     = module.arm["even"].app.settings.SWITCHBACK_ARM == "even" && module.arm["odd"].app.settings.SWITCHBACK_ARM == "odd"
    error_message = "each arm must know which one it is"
  }

  assert {
    condition = alltrue([
      for app in [module.arm["even"].app, module.arm["odd"].app] :
      app.settings.SWITCHBACK_EVEN_PLAN == "app-service/S1" && app.settings.SWITCHBACK_ODD_PLAN == "functions/flex-512"
    ])
    error_message = "the arms must be told the plans that the variables chose"
  }

  assert {
    condition = alltrue([
      for arm, app in { even = module.arm["even"], odd = module.arm["odd"] } :
      alltrue([for name in [app.plan.name, app.app.name] : strcontains(module.arm["even"].app.settings["SWITCHBACK_${upper(arm)}_RESOURCE_IDS"], "/${name}")])
    ])
    error_message = "an arm's resource ids must name its plan and its site, where its charges are"
  }

  # A charge must count once: on even, on odd, or shared.
  assert {
    condition = length(flatten([
      for side in ["EVEN", "ODD", "SHARED"] : split(",", lower(module.arm["even"].app.settings["SWITCHBACK_${side}_RESOURCE_IDS"]))
      ])) == length(distinct(flatten([
        for side in ["EVEN", "ODD", "SHARED"] : split(",", lower(module.arm["even"].app.settings["SWITCHBACK_${side}_RESOURCE_IDS"]))
    ])))
    error_message = "a resource id is on two lists, so its charges would count twice"
  }

  # docs/configuration.md lists these; a setting the program does not know is a typing mistake.
  assert {
    condition = length(setsubtract(
      [for name in concat(keys(module.arm["even"].app.settings), keys(module.arm["odd"].app.settings), keys(module.router.app.settings)) : name if startswith(name, "SWITCHBACK_")],
      regexall("SWITCHBACK_[A-Z0-9_]+", file("../docs/configuration.md")),
    )) == 0
    error_message = "an app setting is not in docs/configuration.md"
  }
}

run "which_functions_run_where" {
  assert {
    condition = {
      for name in ["api", "route", "watch"] : name => module.arm["odd"].app.settings["AzureWebJobs.${name}.Disabled"]
    } == { api = "false", route = "true", watch = "false" }
    error_message = "the serverless arm runs api and watch"
  }

  assert {
    condition = {
      for name in ["api", "route", "watch"] : name => module.router.app.settings["AzureWebJobs.${name}.Disabled"]
    } == { api = "true", route = "false", watch = "true" }
    error_message = "the router runs route alone while an arm runs watch"
  }

  assert {
    condition     = output.watch_app == module.arm["odd"].app.name
    error_message = "watch runs on exactly one app"
  }

  assert {
    condition     = output.function_apps == [module.router.app.name, module.arm["odd"].app.name] && output.web_apps == [module.arm["even"].app.name]
    error_message = "the package goes to the Function Apps, the container to the Web Apps"
  }
}

run "health" {
  assert {
    condition     = module.arm["even"].app.health == "/api/health/ready" && module.arm["odd"].app.health == "/api/health/ready" && module.router.app.health == "/_switchback/health"
    error_message = "each app must be probed where it says that it is ready"
  }
}

# The values of presets/app-service.tfvars; `make infra-check` plans the files themselves.
run "both_on_app_service" {
  variables {
    arms = {
      even = { hosting = "app_service", plan = "S1" }
      odd  = { hosting = "app_service", plan = "B1" }
    }
  }

  assert {
    condition     = module.arm["even"].plan.sku == "S1" && module.arm["odd"].plan.sku == "B1" && module.arm["even"].plan.name != module.arm["odd"].plan.name
    error_message = "S1 beside B1, each on a plan of its own"
  }

  assert {
    condition     = module.router.app.settings["AzureWebJobs.watch.Disabled"] == "false" && output.watch_app == module.router.app.name
    error_message = "with no arm on Functions the router's app runs watch"
  }

  assert {
    condition     = module.arm["odd"].app.settings.SWITCHBACK_EVEN_PLAN == "app-service/S1" && module.arm["odd"].app.settings.SWITCHBACK_ODD_PLAN == "app-service/B1"
    error_message = "the arms must be told the plans that the variables chose"
  }
}

run "both_on_functions" {
  variables {
    arms = {
      even = { hosting = "functions", plan = "flex-2048", min_instances = 1, max_instances = 4 }
      odd  = { hosting = "functions", plan = "flex-512", min_instances = 0, max_instances = 4 }
    }
    pool_size = 2
  }

  assert {
    condition     = output.arms.even.plan == "functions/flex-2048-always-ready" && output.arms.odd.plan == "functions/flex-512" && module.arm["even"].plan.name != module.arm["odd"].plan.name
    error_message = "large instances that are kept warm beside small ones, each on a plan of its own"
  }

  assert {
    condition = length([
      for app in [module.arm["even"].app, module.arm["odd"].app, module.router.app] : app if app.settings["AzureWebJobs.watch.Disabled"] == "false"
    ]) == 1
    error_message = "watch runs on exactly one app"
  }
}

run "aa_run_is_deliberate" {
  variables {
    same_plan_allowed = true
    arms = {
      even = { hosting = "app_service", plan = "B1" }
      odd  = { hosting = "app_service", plan = "B1" }
    }
  }

  assert {
    condition     = module.arm["even"].plan.name != module.arm["odd"].plan.name && module.arm["even"].app.name != module.arm["odd"].app.name
    error_message = "even an A/A run has two instances of their own"
  }
}
