"""What the workflows promise beyond what linters see: which jobs a change runs, what the gate lets pass, who waits for
whom, and that no step asks for a token with an assertion that has run out. Run by `make workflow-check`."""

import json
import os
import subprocess
import unittest
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github/workflows"


def workflow(name: str) -> dict:
    return YAML(typ="safe").load((WORKFLOWS / name).read_text())


def planned(*files: str) -> set[str]:
    """The jobs that ci-plan.sh wants for these files."""
    answer = subprocess.run(
        [ROOT / "infra/scripts/ci-plan.sh", "--files"], input="".join(f"{file}\n" for file in files),
        capture_output=True, text=True, check=True,
    )
    lines = [line.split("=") for line in answer.stdout.splitlines()]
    return {job for job, wanted in lines if wanted == "true"}


class Plan(unittest.TestCase):
    everything = {"check", "test", "infrastructure", "delivery", "image"}

    def test_prose_runs_no_build(self):
        self.assertEqual(planned("README.md", "docs/decisions/README.md"), {"delivery"})

    def test_terraform_runs_terraform(self):
        self.assertEqual(planned("infra/modules/database/main.tf", "infra/queries/exceptions.kql"), {"infrastructure"})

    def test_a_deployment_script_is_checked_as_a_script_too(self):
        self.assertEqual(planned("infra/pipeline/smoke.sh"), {"infrastructure", "delivery"})

    def test_code_runs_what_is_built_of_it(self):
        self.assertEqual(planned("handler/domain/arm.rs"), {"check", "test", "image"})

    def test_settings_are_checked_against_terraform(self):
        self.assertIn("infrastructure", planned("handler/config/mod.rs"))
        self.assertIn("infrastructure", planned("docs/configuration.md"))

    def test_a_file_nobody_thought_of_runs_everything(self):
        for file in ("Makefile", "make/infra.mk", ".github/workflows/ci.yml", ".ci/run", "new/thing.txt"):
            self.assertEqual(planned(file), self.everything, file)

    def test_a_push_runs_everything(self):
        answer = subprocess.run([ROOT / "infra/scripts/ci-plan.sh", ""], capture_output=True, text=True, check=True)
        self.assertEqual(set(answer.stdout.split()), {f"{job}=true" for job in self.everything})

    def test_each_planned_job_asks_the_plan(self):
        jobs = workflow("ci.yml")["jobs"]
        self.assertEqual(set(jobs["plan"]["outputs"]), self.everything)
        self.assertEqual(set(jobs), self.everything | {"plan", "tidy", "required"})
        for job in self.everything:
            self.assertEqual(jobs[job]["if"], f"needs.plan.outputs.{job} == 'true'")
            self.assertEqual(jobs["plan"]["outputs"][job], f"${{{{ steps.plan.outputs.{job} }}}}")


class Gate(unittest.TestCase):
    def passes(self, **results: str) -> bool:
        """Runs the gate's own script: every job succeeded but those named, and the plan left `test` out."""
        gate = workflow("ci.yml")["jobs"]["required"]
        (step,) = gate["steps"]
        jobs = {job: {"result": results.get(job, "success"), "outputs": {}} for job in gate["needs"]}
        if jobs["plan"]["result"] == "success":
            jobs["plan"]["outputs"] = {job: str(job != "test").lower() for job in Plan.everything}
        answer = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step["run"]], env=os.environ | {"JOBS": json.dumps(jobs)},
            capture_output=True, text=True,
        )
        return answer.returncode == 0

    def test_waits_for_every_job(self):
        jobs = workflow("ci.yml")["jobs"]
        self.assertEqual(set(jobs["required"]["needs"]), set(jobs) - {"required"})
        self.assertEqual(jobs["required"]["if"], "always()")

    def test_passes_when_all_is_well(self):
        self.assertTrue(self.passes())

    def test_a_job_that_the_plan_left_out_may_be_skipped(self):
        self.assertTrue(self.passes(test="skipped"))

    def test_a_job_that_the_plan_wants_may_not_be_skipped(self):
        self.assertFalse(self.passes(image="skipped"))
        self.assertFalse(self.passes(tidy="skipped"))

    def test_failed_and_cancelled_are_red(self):
        for job in ("plan", "tidy", "check", "test", "delivery"):
            self.assertFalse(self.passes(**{job: "failure"}), job)
            self.assertFalse(self.passes(**{job: "cancelled"}), job)

    def test_without_a_plan_nothing_passes(self):
        left_out = {job: "skipped" for job in Plan.everything}
        self.assertFalse(self.passes(plan="failure", **left_out))


class Deployment(unittest.TestCase):
    steps = workflow("deploy-environment.yml")["jobs"]["deploy"]["steps"]

    def kinds(self) -> list[str]:
        """Each step as `sign in`, the name of its pipeline step, or another's own."""
        found = []
        for step in self.steps:
            words = step.get("run", "").split()
            if step.get("uses", "").startswith("azure/login@"):
                found.append("sign in")
            elif words[:1] == ["infra/pipeline.sh"]:
                found.append(words[1])
            else:
                found.append(step.get("uses", step.get("name", "")))
        return found

    def test_signs_in_between_a_long_step_and_one_that_needs_a_new_token(self):
        # GitHub's assertion lasts five minutes: a token of another kind than those at hand is refused after that
        # (AADSTS700024). Migrating wants one for the database.
        kinds = self.kinds()
        for long in ("apply", "smoke"):
            after = kinds[kinds.index(long) + 1:]
            for needs in {"migrate", "roll-back", "close"} & set(after):
                self.assertIn("sign in", after[:after.index(needs)], f"{needs} after {long}")

    def test_migrates_before_the_new_release_and_after_the_first_apply(self):
        kinds = [kind for kind in self.kinds() if kind in ("open", "migrate", "apply", "functions")]
        self.assertEqual(kinds, ["open", "migrate", "apply", "migrate", "functions"])

    def test_shuts_the_door_whatever_happened(self):
        self.assertEqual(self.kinds()[-1], "close")
        self.assertTrue(self.steps[-1]["if"].startswith("always()"))


class Queues(unittest.TestCase):
    def test_a_production_that_waits_for_approval_holds_up_nothing_else(self):
        # A group of the whole workflow would be held until somebody approves.
        self.assertNotIn("concurrency", workflow("deploy.yml"))

    def test_each_environment_has_a_queue_of_its_own(self):
        job = workflow("deploy-environment.yml")["jobs"]["deploy"]
        self.assertEqual(job["concurrency"], {"group": "deploy-${{ inputs.environment }}", "cancel-in-progress": False})

    def test_a_newer_push_ends_the_plan_of_an_older_one(self):
        plan = workflow("deploy.yml")["jobs"]["plan"]
        self.assertEqual(plan["concurrency"], {"group": "plan-${{ github.ref }}", "cancel-in-progress": True})


if __name__ == "__main__":
    unittest.main()
