"""Dates that Azure refuses once they are past.
usage: dates.py PLAN_JSON AZ_RECORD
The plan makes the budget anew: it must count from this month. The record holds what the Azure CLI was called with: the cost
export must begin on a day to come."""

import datetime
import json
import sys
from pathlib import Path

plan, record = (Path(argument).read_text() for argument in sys.argv[1:])
now = datetime.datetime.now(datetime.timezone.utc)
problems = []

(budget,) = [change for change in json.loads(plan)["resource_changes"] if change["type"] == "azurerm_consumption_budget_resource_group"]
start = budget["change"]["after"]["time_period"][0]["start_date"]
if start != f"{now:%Y-%m}-01T00:00:00Z":
    problems.append(f"a budget made anew counts from {start}")

calls = [json.loads(line)["arguments"] for line in record.splitlines()]
bodies = [call[call.index("--body") + 1] for call in calls if "--body" in call]
periods = [json.loads(body)["properties"]["schedule"]["recurrencePeriod"] for body in bodies]
if len(periods) != 1:
    problems.append(f"{len(periods)} exports were made")
for period in periods:
    first = datetime.datetime.fromisoformat(period["from"].replace("Z", "+00:00"))
    if not now < first <= now + datetime.timedelta(days=1):
        problems.append(f"the export begins on {period['from']}")

for problem in problems:
    print(f"  {problem}")
sys.exit(1 if problems else 0)
