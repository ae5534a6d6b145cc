# Both arms serverless: large instances, one kept warm, beside small ones that
# scale to zero.
arms = {
  even = { hosting = "functions", plan = "flex-2048", min_instances = 1, max_instances = 4 }
  odd  = { hosting = "functions", plan = "flex-512", min_instances = 0, max_instances = 4 }
}
