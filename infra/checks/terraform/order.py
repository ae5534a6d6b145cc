"""Holds a Terraform plan against the orders that no value carries, only `depends_on`.
usage: terraform show -json PLAN | order.py"""

import json
import sys

# In a module: what is made, and after what, with what goes wrong otherwise.
ORDERS = [
    (
        "database",
        "azurerm_postgresql_flexible_server_database.this",
        "azurerm_postgresql_flexible_server_active_directory_administrator.this",
        "the database may belong to azuresu, and then nobody can grant anything on it",
    ),
]

root = json.load(sys.stdin)["configuration"]["root_module"]
problems = []
for module, later, earlier, otherwise in ORDERS:
    resources = {resource["address"]: resource for resource in root["module_calls"][module]["module"]["resources"]}
    if earlier not in resources or earlier not in resources[later].get("depends_on", []):
        problems.append(f"module.{module}.{later} does not wait for {earlier}: {otherwise}")
for problem in problems:
    print(f"  {problem}")
sys.exit(1 if problems else 0)
