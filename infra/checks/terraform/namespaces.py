"""Which resource providers (namespaces) of Azure the configuration uses, and whether bootstrap registers them all.
usage: namespaces.py INFRA
The deployments may not register any, so one that is missing ends an apply with MissingSubscriptionRegistration. A resource
type that the table does not know is an error too: whoever adds one says here what it needs. Azure's names of namespaces
are compared letter by letter."""

import re
import sys
from pathlib import Path

# The longest beginning of a type that stands here decides.
NAMESPACES = {
    "azurerm_application_insights": {"microsoft.insights"},
    "azurerm_consumption_budget": {"Microsoft.Consumption"},
    "azurerm_container_registry": {"Microsoft.ContainerRegistry"},
    "azurerm_federated_identity_credential": {"Microsoft.ManagedIdentity"},
    # Its subnet is delegated to the environments of Microsoft.App.
    "azurerm_function_app_flex_consumption": {"Microsoft.Web", "Microsoft.App"},
    "azurerm_key_vault": {"Microsoft.KeyVault"},
    "azurerm_linux_web_app": {"Microsoft.Web"},
    "azurerm_log_analytics_workspace": {"Microsoft.OperationalInsights"},
    "azurerm_monitor_": {"microsoft.insights"},
    "azurerm_postgresql_flexible_server": {"Microsoft.DBforPostgreSQL"},
    "azurerm_private_dns_zone": {"Microsoft.Network"},
    "azurerm_private_endpoint": {"Microsoft.Network"},
    "azurerm_resource_group": {"Microsoft.Resources"},
    "azurerm_role_assignment": {"Microsoft.Authorization"},
    "azurerm_service_plan": {"Microsoft.Web"},
    "azurerm_storage_": {"Microsoft.Storage"},
    "azurerm_subnet": {"Microsoft.Network"},
    "azurerm_user_assigned_identity": {"Microsoft.ManagedIdentity"},
    "azurerm_virtual_network": {"Microsoft.Network"},
}
# What is made past the provider: the cost export (its own namespace writes the files).
BY_COMMAND = {"Microsoft.CostManagement": {"Microsoft.CostManagement", "Microsoft.CostManagementExports"}}


def main(infra: Path) -> int:
    problems = []
    needed: dict[str, str] = {}
    for path in sorted(infra.rglob("*.tf")):
        text = path.read_text()
        for kind in re.findall(r'^(?:resource|data|ephemeral) "(azurerm_\w+)"', text, re.MULTILINE):
            known = max((name for name in NAMESPACES if kind.startswith(name)), key=len, default=None)
            if known is None:
                problems.append(f"{path}: which namespaces does {kind} need? Say so in {Path(__file__).name}")
            for namespace in NAMESPACES.get(known, ()):
                needed.setdefault(namespace, kind)
        for marker, namespaces in BY_COMMAND.items():
            if f"providers/{marker}/" in text:
                needed |= {namespace: path.name for namespace in namespaces}
    registered = listed((infra / "bootstrap/versions.tf").read_text())
    problems += [f"bootstrap does not register {namespace}, which {why} needs" for namespace, why in sorted(needed.items()) if namespace not in registered]
    problems += [f"bootstrap registers {namespace}, which nothing uses" for namespace in sorted(registered - needed.keys())]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"  {len(needed)} namespaces in use, {len(registered)} registered")
    return 1 if problems else 0


def listed(text: str) -> set[str]:
    found = re.search(r"resource_providers_to_register\s*=\s*\[([^]]*)\]", text)
    return set(re.findall(r'"([^"]+)"', found[1])) if found else set()


sys.exit(main(Path(sys.argv[1])))
