"""Prints what a Terraform plan would make: the one URL, the arms, their plans and names.
usage: terraform show -json PLAN | plan_summary.py
Exits 1 when the arms share a plan or a name: then there is nothing to compare."""
import collections
import json
import sys

plan = json.load(sys.stdin)
outputs = {name: output.get("value") for name, output in plan["planned_values"]["outputs"].items()}
arms = outputs["arms"]

print(f"  one URL: {outputs['url']}")
print(f"  {'arm':5} {'plan':20} {'SKU':5} {'plan name':42} app")
for name, arm in arms.items():
    print(f"  {name:5} {arm['plan']:20} {arm['plan_sku']:5} {arm['plan_name']:42} {arm['app']}")

actions = collections.Counter(
    "/".join(change["change"]["actions"]) for change in plan["resource_changes"] if change["mode"] == "managed"
)
print("  " + ", ".join(f"{count} to {action}" for action, count in sorted(actions.items())))

even, odd = arms["even"], arms["odd"]
for what in ("plan", "plan_name", "app", "url"):
    if even[what] == odd[what]:
        sys.exit(f"error: both arms have the {what} {even[what]}")
