# Whenever the provider makes or changes the app, it adds AzureWebJobsStorage, a connection string without a key, and the
# host would prefer it to the identity. Reading the app back, the provider hides that setting, so no value given here ever
# converges: the app would be rewritten, and restarted, by every apply. So the setting is left out, and what the provider
# added is taken away after each change of the app, and only then (docs/decisions/0027).
resource "terraform_data" "host_storage" {
  input = {
    app   = azurerm_function_app_flex_consumption.this.name
    group = azurerm_function_app_flex_consumption.this.resource_group_name
  }

  lifecycle {
    replace_triggered_by = [azurerm_function_app_flex_consumption.this]
  }

  provisioner "local-exec" {
    command     = "sh '${path.module}/host-storage.sh'"
    environment = { APP = self.input.app, GROUP = self.input.group }
  }
}
