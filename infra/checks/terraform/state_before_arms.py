"""Rewrites a state to the addresses of versions whose arms were two modules, `even` and `odd`.
usage: state_before_arms.py STATE"""

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
state["serial"] += 1
path.write_text(json.dumps(state))
