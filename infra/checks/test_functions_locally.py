"""`make func`: what it puts before the Functions host, and what it says where there is no host. A stand-in plays the host."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class MakeFunc(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.program("switchback", "exit 0")
        # A PATH on which there is no host, whatever this machine has.
        tools = self.folder / "bin"
        tools.mkdir()
        for name in ("bash", "sh", "cp", "rm", "cat", "env", "make", "mkdir", "install", "zip", "unzip", "du", "cut", "test", "dirname",
                     "git", "ls", "sed", "head", "grep", "sort", "awk", "rustc"):
            if found := shutil.which(name):
                (tools / name).symlink_to(found)
        self.environment = os.environ | {"PATH": str(tools)}

    def program(self, name: str, script: str) -> Path:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def make(self, *more: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["make", "func", f"BINARY={self.folder / 'switchback'}", f"DIST={self.folder / 'dist'}",
             f"LOCAL_SETTINGS={self.folder / 'settings.json'}", "STATIC_TARGET=none", *more],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60,
        )

    def host(self):
        (self.folder / "bin/func").symlink_to(self.program("func", f'pwd >{self.folder}/where; echo "$@" >{self.folder}/arguments; ls -A >{self.folder}/files'))

    def test_without_core_tools_it_says_how_to_get_them_and_builds_nothing(self):
        answer = self.make()
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("npm install --global azure-functions-core-tools@4", answer.stderr)
        self.assertFalse((self.folder / "dist").exists())

    def test_starts_the_host_in_the_package_with_the_examples_settings(self):
        self.host()
        answer = self.make("ARGS=--port 7072")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual((self.folder / "where").read_text().strip(), str(self.folder / "dist/functions"))
        self.assertEqual((self.folder / "arguments").read_text().strip(), "start --port 7072")
        files = (self.folder / "files").read_text().split()
        self.assertEqual(files, ["api", "host.json", "local.settings.json", "route", "switchback", "watch"])
        kept = (self.folder / "settings.json").read_text()
        self.assertEqual(kept, (ROOT / "local.settings.example.json").read_text())

    def test_keeps_settings_of_ones_own(self):
        self.host()
        own = {"IsEncrypted": False, "Values": {"SWITCHBACK_ROLE": "router"}}
        (self.folder / "settings.json").write_text(json.dumps(own))
        self.assertEqual(self.make().returncode, 0)
        self.assertEqual(json.loads((self.folder / "dist/functions/local.settings.json").read_text()), own)

    def test_the_package_that_is_deployed_holds_no_local_settings(self):
        self.host()
        self.make()
        listing = subprocess.run(["unzip", "-Z1", self.folder / "dist/switchback-functions.zip"], capture_output=True, text=True, check=True)
        self.assertNotIn("local.settings.json", listing.stdout)

    def test_settings_of_ones_own_are_never_committed(self):
        ignored = subprocess.run(["git", "check-ignore", "--quiet", "local.settings.json"], cwd=ROOT)
        self.assertEqual(ignored.returncode, 0)


if __name__ == "__main__":
    unittest.main()
