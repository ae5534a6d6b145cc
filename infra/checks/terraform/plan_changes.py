"""Says what a Terraform plan would change, and fails where it must not.
usage: terraform show -json PLAN | plan_changes.py [--none] [--not TYPE]… [--moved]
--none   nothing may change
--not    no resource of this type may change
--moved  something must be carried over from another address"""

import argparse
import json
import sys


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--none", action="store_true")
    arguments.add_argument("--not", dest="types", action="append", default=[])
    arguments.add_argument("--moved", action="store_true")
    wanted = arguments.parse_args()

    resources = [resource for resource in json.load(sys.stdin)["resource_changes"] if resource["mode"] == "managed"]
    changed = [resource for resource in resources if resource["change"]["actions"] != ["no-op"]]
    refused = [resource for resource in changed if wanted.none or resource["type"] in wanted.types]
    for resource in refused:
        print(f"  {'/'.join(resource['change']['actions'])} {resource['address']}: {', '.join(differences(resource['change']))}")
    moved = [resource for resource in resources if "previous_address" in resource]
    if wanted.moved and not moved:
        print("  nothing was carried over")
    print(f"  {len(resources)} resources, {len(changed)} to change" + (f", {len(moved)} carried over" if moved else ""))
    return 1 if refused or (wanted.moved and not moved) else 0


def differences(change: dict) -> list[str]:
    before, after = change["before"] or {}, change["after"] or {}
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


sys.exit(main())
