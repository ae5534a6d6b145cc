# Both arms persistent: standard beside basic.
arms = {
  even = { hosting = "app_service", plan = "S1" }
  odd  = { hosting = "app_service", plan = "B1" }
}
