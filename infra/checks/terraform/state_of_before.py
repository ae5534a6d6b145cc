"""Rewrites a state into one that an earlier version made months ago: its arms were two modules, `even` and `odd`, and the
budget counts from a month that is over.
usage: state_of_before.py STATE"""

import json
import re
import sys
from pathlib import Path

path = Path(sys.argv[1])
state = json.loads(path.read_text())
for resource in state["resources"]:
    if "module" in resource:
        resource["module"] = re.sub(r'^module\.arm\["(even|odd)"\]', r"module.\1", resource["module"])
    for instance in resource["instances"]:
        instance["dependencies"] = [
            re.sub(r"^module\.arm\.", "module.even.", dependency) for dependency in instance.get("dependencies", [])
        ]
        if resource["type"] == "azurerm_consumption_budget_resource_group":
            instance["attributes"]["time_period"][0]["start_date"] = "2026-01-01T00:00:00Z"
state["serial"] += 1
path.write_text(json.dumps(state))
