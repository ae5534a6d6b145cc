# The default: the persistent variant beside the serverless one.
arms = {
  even = { hosting = "app_service", plan = "S1" }
  odd  = { hosting = "functions", plan = "flex-512", min_instances = 0, max_instances = 4 }
}
