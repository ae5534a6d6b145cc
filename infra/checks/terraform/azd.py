"""What azd would hand to Terraform: infra/main.tfvars.json with an environment's values filled in, and whether azure.yaml asks
for variables that Terraform's outputs give.
usage: azd.py VARIABLES_FILE (writes it)"""

import json
import re
import string
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SUBSCRIPTION = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups"
# What `azd env set` and azd itself give; documentation addresses, and ids that belong to nobody.
ENVIRONMENT = {
    "AZURE_ENV_NAME": "dev",
    "AZURE_LOCATION": "westeurope",
    "AZURE_TENANT_ID": "11111111-1111-4111-8111-111111111111",
    "AZURE_PRINCIPAL_ID": "33333333-3333-4333-8333-333333333333",
    "RESOURCE_GROUP_ID": f"{SUBSCRIPTION}/rg-switchback-dev",
    "REGISTRY_ID": f"{SUBSCRIPTION}/rg-switchback-core/providers/Microsoft.ContainerRegistry/registries/acrswitchback",
    "STATE_STORAGE_ACCOUNT": "stateswitchback",
    "IMAGE": "switchback:1.0.0",
    "DATABASE_ADMINISTRATOR": "jane.doe@example.org",
    "CALLERS_CIDR": "203.0.113.0/24",
    "OPERATOR_CIDR": "198.51.100.7/32",
    "ALERT_EMAIL": "operations@example.org",
}

filled = {
    name: json.loads(string.Template((ROOT / "infra" / name).read_text()).substitute(ENVIRONMENT))
    for name in ("main.tfvars.json", "provider.conf.json")
}
Path(sys.argv[1]).write_text(json.dumps(filled["main.tfvars.json"]))

outputs = set(re.findall(r'^output "(\w+)"', (ROOT / "infra/outputs.tf").read_text(), re.MULTILINE))
wanted = set(re.findall(r"\$\{(\w+)\}", (ROOT / "azure.yaml").read_text()))
documented = (ROOT / "docs/deploying.md").read_text()
given = {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_TENANT_ID", "AZURE_PRINCIPAL_ID"}
problems = [f"azure.yaml wants {name}, which Terraform does not put out" for name in sorted(wanted - outputs)]
problems += [f"docs/deploying.md does not set {name} for azd" for name in sorted(ENVIRONMENT.keys() - given) if f"azd env set {name} " not in documented]
for problem in problems:
    print(f"  {problem}")
sys.exit(1 if problems else 0)
