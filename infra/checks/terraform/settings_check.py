"""Gives the app settings of a Terraform plan to `switchback check`, app by app: what Terraform sets must be what the program takes.
usage: terraform show -json PLAN | settings_check.py BINARY
Values only Azure knows are replaced: references to the vault by well-formed secrets, the identity's id by a UUID."""
import json
import subprocess
import sys

SECRETS = {
    "SWITCHBACK_TICKET_KEY": "0123456789abcdef" * 4,
    "SWITCHBACK_API_KEYS": "closed:read:" + "0" * 64,
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=66666666-6666-4666-8666-666666666666;"
    "IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/",
}
# What the platform itself gives an app that has an identity.
PLATFORM = {"IDENTITY_ENDPOINT": "http://127.0.0.1:41741/msi/token", "IDENTITY_HEADER": "00000000-0000-4000-8000-000000000000"}
APPS = ("azurerm_linux_web_app", "azurerm_function_app_flex_consumption")


def resources(module):
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)


def settings_of(app):
    settings = PLATFORM | app["values"]["app_settings"]
    settings["AZURE_CLIENT_ID"] = "44444444-4444-4444-8444-444444444444"
    settings["APPLICATIONINSIGHTS_CONNECTION_STRING"] = SECRETS["APPLICATIONINSIGHTS_CONNECTION_STRING"]
    if app["type"] == APPS[1]:
        settings["FUNCTIONS_CUSTOMHANDLER_PORT"] = "40000"
    return {name: SECRETS[name] if value.startswith("@Microsoft.KeyVault(") else value for name, value in settings.items()}


def main():
    plan = json.load(sys.stdin)
    apps = [app for app in resources(plan["planned_values"]["root_module"]) if app["type"] in APPS]
    failed = len(apps) != 3
    for app in apps:
        answer = subprocess.run([sys.argv[1], "check"], env=settings_of(app), capture_output=True, text=True)
        failed |= answer.returncode != 0
        print(f"  {app['values']['name']}: switchback check {'accepts' if answer.returncode == 0 else 'refuses'} its settings")
        if answer.returncode != 0:
            print(answer.stdout + answer.stderr)
    sys.exit(1 if failed else 0)


main()
