"""Says what a Terraform plan would change, and fails where it must not.
usage: terraform show -json PLAN | plan_changes.py [--none] [--not TYPE]… [--followed TYPE NAME] [--moved]
--none      nothing may change
--not       no resource of this type may change
--followed  resources of this type must change, each with the resource NAME of its own module
--moved     something must be carried over from another address"""

import argparse
import json
import sys


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--none", action="store_true")
    arguments.add_argument("--not", dest="types", action="append", default=[])
    arguments.add_argument("--followed", nargs=2, default=None)
    arguments.add_argument("--moved", action="store_true")
    wanted = arguments.parse_args()

    resources = [resource for resource in json.load(sys.stdin)["resource_changes"] if resource["mode"] == "managed"]
    changed = [resource for resource in resources if resource["change"]["actions"] != ["no-op"]]
    refused = [resource for resource in changed if wanted.none or resource["type"] in wanted.types]
    for resource in refused:
        print(f"  {'/'.join(resource['change']['actions'])} {resource['address']}: {', '.join(differences(resource['change']))}")
    alone = without_follower(changed, *wanted.followed) if wanted.followed else []
    for complaint in alone:
        print(f"  {complaint}")
    moved = [resource for resource in resources if "previous_address" in resource]
    if wanted.moved and not moved:
        print("  nothing was carried over")
    print(f"  {len(resources)} resources, {len(changed)} to change" + (f", {len(moved)} carried over" if moved else ""))
    return 1 if refused or alone or (wanted.moved and not moved) else 0


def without_follower(changed: list[dict], kind: str, follower: str) -> list[str]:
    addresses = {resource["address"] for resource in changed}
    leaders = [resource for resource in changed if resource["type"] == kind]
    alone = [leader for leader in leaders if f"{leader['module_address']}.{follower}" not in addresses]
    return [f"{leader['address']} changes without {follower}" for leader in alone] or ([] if leaders else [f"no {kind} changes"])


def differences(change: dict) -> list[str]:
    before, after = change["before"] or {}, change["after"] or {}
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


sys.exit(main())
