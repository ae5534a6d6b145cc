# Bad values are refused before anything is planned, each by its own variable:
# the arms. The messages are in the variables.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

# A run holds one bad value of each of several variables; every one must fail.

run "refused_one" {
  command = plan
  variables {
    # one plan for both
    arms = {
      even = { hosting = "app_service", plan = "S1" }
      odd  = { hosting = "app_service", plan = "S1" }
    }
    # router of odd size
    router = { memory_mb = 1024 }
    # image latest
    image = "switchback:latest"
    # unknown schedule
    schedule = "random"
    # margin without unit
    margins = { p95 = "50" }
  }
  expect_failures = [var.arms, var.router, var.image, var.schedule, var.margins]
}

run "refused_two" {
  command = plan
  variables {
    # unknown hosting
    arms = {
      even = { hosting = "kubernetes", plan = "S1" }
      odd  = { hosting = "functions", plan = "flex-512" }
    }
    # router with no instance
    router = { min_instances = 0, max_instances = 0 }
    # image without tag
    image = "switchback"
  }
  expect_failures = [var.arms, var.router, var.image]
}

run "refused_three" {
  command = plan
  variables {
    # plan of the other hosting
    arms = {
      even = { hosting = "app_service", plan = "flex-512" }
      odd  = { hosting = "functions", plan = "flex-2048" }
    }
    # image with registry
    image = "acrswitchback.azurecr.io:443/Switchback:1.0.0"
  }
  expect_failures = [var.arms, var.image]
}

run "free_plan" {
  command = plan
  variables {
    # free plan
    arms = {
      even = { hosting = "app_service", plan = "F1" }
      odd  = { hosting = "functions", plan = "flex-512" }
    }
  }
  expect_failures = [var.arms]
}

run "app_service_from_zero" {
  command = plan
  variables {
    # app service from zero
    arms = {
      even = { hosting = "app_service", plan = "S1", min_instances = 0 }
      odd  = { hosting = "functions", plan = "flex-512" }
    }
  }
  expect_failures = [var.arms]
}

run "more_at_least_than_at_most" {
  command = plan
  variables {
    # more at least than at most
    arms = {
      even = { hosting = "app_service", plan = "S1", min_instances = 3, max_instances = 2 }
      odd  = { hosting = "functions", plan = "flex-512" }
    }
  }
  expect_failures = [var.arms]
}

run "basic_plan_that_scales" {
  command = plan
  variables {
    # basic plan that scales
    arms = {
      even = { hosting = "app_service", plan = "B1", max_instances = 2 }
      odd  = { hosting = "functions", plan = "flex-512" }
    }
  }
  expect_failures = [var.arms]
}

run "more_workers_than_the_plan_has" {
  command = plan
  variables {
    # more workers than the plan has
    arms = {
      even = { hosting = "app_service", plan = "S1", max_instances = 11 }
      odd  = { hosting = "functions", plan = "flex-512" }
    }
    database = { sku = "GP_Standard_D2ds_v5" }
  }
  expect_failures = [var.arms]
}

run "zones_on_a_standard_plan" {
  command = plan
  variables {
    # zones on a standard plan
    arms = {
      even = { hosting = "app_service", plan = "S1", min_instances = 2, max_instances = 2, zone_redundant = true }
      odd  = { hosting = "functions", plan = "flex-512" }
    }
  }
  expect_failures = [var.arms]
}

run "zones_with_one_instance_on_functions" {
  command = plan
  variables {
    # zones with one instance
    arms = {
      even = { hosting = "app_service", plan = "S1" }
      odd  = { hosting = "functions", plan = "flex-512", min_instances = 1, max_instances = 4, zone_redundant = true }
    }
    router = { min_instances = 1, max_instances = 4, zone_redundant = true }
  }
  expect_failures = [var.arms, var.router]
}

# The arms must be valid for the timer's own rules to be asked.
run "timer_nowhere" {
  command = plan
  variables {
    watch_app = "everywhere"
  }
  expect_failures = [var.watch_app]
}

run "timer_on_app_service" {
  command = plan
  variables {
    watch_app = "even"
  }
  expect_failures = [var.watch_app]
}
