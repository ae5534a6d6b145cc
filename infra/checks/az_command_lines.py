"""Checks every `az` command line our scripts can emit against the real Azure CLI's parser.

Each scenario runs a script with stand-ins for `az` and `curl` on the PATH. The `az` stand-in records what it is called
with and where from, and answers as an empty or a filled subscription would. Then four questions are asked: was every
call in the scripts reached; does a dry run print the same commands; does the parser accept each line; and does it refuse
each line with any one of its options misspelt?
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from az_parser import AzureParser, Refused, option_names  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = Path(__file__).parent / "stand-ins"
# Stands in for the program of a release: writes down who signs in to the database and for what. In the world `astray` it is
# an old one, which keeps no runs.
PROGRAM = """#!/bin/sh
[ "$3" != --help ] || [ "$AZ_STAND_IN_WORLD" != astray ] || exit 2
[ "$3" = --help ] || echo "$1 ${2-} as ${DATABASE_URL%%:token*}" >>"$AZ_STAND_IN_RECORD.database"
"""
VERBS = ("change", "exists", "value", "show", "hand_over")


def main() -> int:
    scenarios = json.loads((Path(__file__).parent / "az_scenarios.json").read_text())
    problems: list[str] = []
    recorded: list[dict] = []
    for scenario in scenarios:
        calls = run(scenario, problems)
        recorded += calls
        print(f"{scenario['name']}: {len(calls)} az calls")

    sites = {site for script in scripts() for site in call_sites(script)}
    reached = {call["site"] for call in recorded if call["site"]}
    for name, first, last in sorted(sites):
        if not any(f"{name}:{line}" in reached for line in range(first, last + 1)):
            problems.append(f"{name}:{first}: no scenario reaches this az call")

    documented = [call for page in sorted((ROOT / "docs").glob("*.md")) for call in commands_in(page)]
    print(f"docs: {len(documented)} az commands")
    recorded += documented

    # Options and words decide what the parser says, so lines that differ only in their site are one.
    lines = {tuple(call["arguments"]): call["site"] for call in recorded}
    started = time.monotonic()
    parser = AzureParser(ROOT / ".venv-azure" / "config")
    mutations = 0
    for arguments, site in lines.items():
        try:
            parser.check(list(arguments))
        except Refused as refusal:
            problems.append(f"{site or 'dry run'}: {refusal}\n    az {shlex.join(arguments)}")
            continue
        for option in sorted(set(option_names(list(arguments)))):
            mutations += 1
            misspelt = [option + "x" + word[len(option):] if word.split("=", 1)[0] == option else word for word in arguments]
            try:
                parser.check(misspelt)
                problems.append(f"{site}: the parser took {option}x: az {shlex.join(misspelt)}")
            except Refused:
                pass
    print(
        f"Azure CLI {parser.version()}: {len(lines)} different command lines from {len(sites)} calls in the scripts,"
        f" {mutations} misspellings, {time.monotonic() - started:.1f} s"
    )
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"az-check: {'failed' if problems else 'passed'}")
    return 1 if problems else 0


def run(scenario: dict, problems: list[str]) -> list[dict]:
    """Runs one scenario and gives its calls: {"arguments": […], "site": "file:line" or ""}."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record"
        record.touch()
        environment = {
            "PATH": f"{STAND_INS}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": folder,
            "AZ_STAND_IN_RECORD": str(record),
            "AZ_STAND_IN_WORLD": scenario["world"],
            "DIST": str(built(Path(folder))),
            "AZURE_TENANT_ID": "11111111-1111-4111-8111-111111111111",
            "AZURE_SUBSCRIPTION_ID": "22222222-2222-4222-8222-222222222222",
            "STATE_STORAGE_ACCOUNT": "stateswitchback",
            "SMOKE_PAUSE_S": "0",
            **scenario.get("environment", {}),
        }
        result = subprocess.run(
            [str(ROOT / scenario["script"]), *expanded(scenario, environment)],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )
        if result.returncode != scenario.get("exit_code", 0):
            problems.append(f"{scenario['name']}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
        said = result.stdout + result.stderr
        problems += [f"{scenario['name']}: does not say '{text}'\n{said}" for text in scenario.get("says", ()) if text not in said]
        problems += [f"{scenario['name']}: says '{text}'\n{said}" for text in scenario.get("does_not_say", ()) if text in said]
        calls = [json.loads(line) for line in record.read_text().splitlines()]
        if "--dry-run" in scenario["arguments"]:
            if calls:
                problems.append(f"{scenario['name']}: a dry run called az")
            printed = [shlex.split(line) for line in result.stdout.splitlines() if line.startswith("az ")]
            calls = [{"arguments": words[1:], "site": ""} for words in printed]
        if len(calls) > scenario.get("calls_at_most", len(calls)):
            problems.append(f"{scenario['name']}: {len(calls)} az calls, not {scenario['calls_at_most']}")
        lines = [" ".join(call["arguments"]) for call in calls]
        problems += [f"{scenario['name']}: no call of az {text}" for text in scenario.get("calls", ()) if not any(text in line for line in lines)]
        for name, most in scenario.get("leaves_at_most", {}).items():
            if len((Path(folder) / "dist" / name).read_text()) > most:
                problems.append(f"{scenario['name']}: {name} is longer than {most} characters")
        if "database" in scenario:
            signed_in = Path(f"{record}.database")
            told = signed_in.read_text().splitlines() if signed_in.exists() else []
            if [line.split(" from ")[0] for line in told] != scenario["database"]:
                problems.append(f"{scenario['name']}: the database saw {told}, not {scenario['database']}")
        expected = scenario.get("same_commands_as_printed", False)
        if expected:
            compare_with_dry_run(scenario, environment, calls, problems)
        return calls


def expanded(scenario: dict, environment: dict) -> list[str]:
    return [word.replace("DIST", environment["DIST"]) for word in scenario["arguments"]]


def built(folder: Path) -> Path:
    """What a build leaves behind: the record of a release, its package and its binary."""
    dist = folder / "dist"
    dist.mkdir()
    with zipfile.ZipFile(dist / "package.zip", "w") as package:
        program = zipfile.ZipInfo("switchback")
        program.external_attr = 0o100755 << 16
        package.writestr(program, PROGRAM)
    (dist / "apply-began").write_text("2026-11-23T10:00:00Z\n")
    (dist / "release.json").write_text(json.dumps({
        "release": "0123456789ab", "image": "switchback@sha256:" + "0" * 64, "package": "package.zip",
    }))
    return dist


def compare_with_dry_run(scenario: dict, environment: dict, calls: list[dict], problems: list[str]) -> None:
    """A dry run promises what a first run will do: the same commands with the same options, in the same order."""
    result = subprocess.run(
        [str(ROOT / scenario["script"]), *scenario["arguments"], "--dry-run"],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )
    printed = [shape(shlex.split(line)[1:]) for line in result.stdout.splitlines() if line.startswith("az ")]
    called = [shape(call["arguments"]) for call in calls]
    if printed != called:
        difference = next((pair for pair in zip(printed, called) if pair[0] != pair[1]), (printed[-1:], called[-1:]))
        problems.append(f"{scenario['name']}: a dry run prints {difference[0]} where the run calls {difference[1]}")


def shape(arguments: list[str]) -> list[str]:
    """The command's words and option names; values and the options added to every call differ between runs."""
    words = []
    for word in arguments:
        if word.startswith("-"):
            break
        words.append(word)
    return words + [name for name in option_names(arguments) if name not in ("--only-show-errors", "--output")]


def commands_in(page: Path) -> list[dict]:
    """The az commands in a page's shell blocks and in its text, with variables left as they stand."""
    shell, prose = [], []
    for index, part in enumerate(re.split(r"^```", page.read_text(), flags=re.MULTILINE)):
        (shell if index % 2 else prose).append(part)
    blocks = "\n".join(part[3:] for part in shell if part.startswith("sh\n")).replace("\\\n", " ")
    lines = [command_at(blocks, found.end()) for found in re.finditer(r"(?:^\s*|\$\()(?=az )", blocks, re.MULTILINE)]
    lines += [line for line in re.findall(r"`(az [^`]* --[^`]*)`", "".join(prose))]
    return [{"arguments": shlex.split(line)[1:], "site": page.name} for line in lines]


def command_at(text: str, start: int) -> str:
    """The command that begins at `start`: up to the end of its line, a comment, or the end of its $(…)."""
    quote = ""
    for index in range(start, len(text)):
        character = text[index]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "\n)" or text.startswith(" #", index):
            return text[start:index]
    return text[start:]


def scripts() -> list[Path]:
    """The scripts whose every az call must be reached; they may call az only through the verbs of shell/azure.sh."""
    infra = ROOT / "infra"
    found = [infra / "deploy-manual.sh", *sorted(infra.glob("manual/*.sh")), *sorted(infra.glob("pipeline/*.sh"))]
    for path in found:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"(?:^|\$\(|[;&|]\s*)az\s", line.split(" #")[0].strip()):
                sys.exit(f"{path}:{number}: az is called past the verbs of infra/shell/azure.sh")
    return found


def call_sites(script: Path) -> list[tuple[str, int, int]]:
    """(file, first line, last line) of every call of one of the verbs, continuation lines included."""
    sites = []
    lines = script.read_text().splitlines()
    for index, line in enumerate(lines):
        code = line.split(" #")[0].strip()
        if code.startswith("#") or not re.search(r"(?:^|\$\(|\|\| |&& |if |! |\d )(?:%s) " % "|".join(VERBS), code):
            continue
        last = index
        while lines[last].endswith("\\"):
            last += 1
        sites.append((script.name, index + 1, last + 1))
    return sites


if __name__ == "__main__":
    sys.exit(main())
