#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds host-image/ to what it promises, without a systemd that runs (B7): each unit parses and exposes at most 1.5,
runs only what the packages install, and systemd is told the numbers and folders of the code.

    units_test.py --root CHECKOUT --install-files PROGRAM
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

parser = argparse.ArgumentParser()
parser.add_argument("--root", type=pathlib.Path, required=True)
parser.add_argument("--install-files", required=True)
ARGS, REST = parser.parse_known_args()
UNITS = sorted((ARGS.root / "host-image/units").glob("*.service"))
CONFINE = ARGS.root / "host-image/units/bulkhead-.service.d/10-confine.conf"  # for all of them
DEBIAN = ARGS.root / "debian"
MOST_EXPOSURE = 15  # tenths


def values(unit, key):
    return [line.split("=", 1)[1] for line in unit.read_text().splitlines() if line.startswith(key + "=")]


def printed(what):
    return subprocess.run([ARGS.install_files, what], check=True, capture_output=True, text=True).stdout


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
class Units(unittest.TestCase):
    def stand_ins(self):
        """Copies whose programs are there: systemd-analyze looks for them."""
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        folder = pathlib.Path(held.name)
        for unit in UNITS:
            text = re.sub(r"^(Exec\w+)=\S+", r"\1=/usr/bin/true", unit.read_text(), flags=re.M)
            (folder / unit.name).write_text(text)
        shutil.copytree(CONFINE.parent, folder / CONFINE.parent.name)
        return folder

    def test_every_unit_exposes_at_most_1_5(self):
        folder = self.stand_ins()
        self.assertGreaterEqual(len(UNITS), 5)
        for unit in UNITS:
            with self.subTest(unit.name):
                run = subprocess.run(["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSURE}",
                                      "--no-pager", folder / unit.name], capture_output=True, text=True)
                self.assertIn("Overall exposure level", run.stdout)
                self.assertEqual(0, run.returncode, run.stdout.strip().splitlines()[-1])

    def test_no_unit_says_what_systemd_does_not_know(self):
        folder = self.stand_ins()
        for unit in UNITS:
            with self.subTest(unit.name):
                run = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                                      folder / unit.name], capture_output=True, text=True)
                self.assertNotIn(unit.name + ":", run.stdout + run.stderr)


class Packages(unittest.TestCase):
    def installed(self):
        return {line.strip() for path in DEBIAN.glob("*.install") for line in path.read_text().splitlines()}

    def test_units_run_what_a_package_installs(self):
        links = {line.split()[1] for path in DEBIAN.glob("*.links") for line in path.read_text().splitlines()}
        for unit in UNITS:
            for command in values(unit, "ExecStart") + values(unit, "ExecStop"):
                program = command.split()[0].lstrip("/")
                if program != "usr/bin/true":
                    self.assertIn(program, self.installed() | links, unit.name)

    def test_every_unit_is_in_a_package(self):
        for unit in UNITS:
            self.assertIn(f"usr/lib/systemd/system/{unit.name}", self.installed())
        self.assertIn(f"usr/lib/systemd/system/{CONFINE.parent.name}/{CONFINE.name}", self.installed())

    def test_units_run_as_users_that_sysusers_makes(self):
        users = re.findall(r"^u (\S+)", printed("sysusers"), flags=re.M)
        for unit in UNITS:
            for user in values(unit, "User"):
                self.assertIn(user, users, unit.name)

    def test_the_groups_of_the_bus_policy_are_those_that_sysusers_makes(self):
        groups = re.findall(r"^g (\S+)", printed("sysusers"), flags=re.M)
        policy = (ARGS.root / "host-image/dbus/org.bulkhead.Host1.conf").read_text()
        self.assertEqual(groups, re.findall(r'<policy group="(\S+)">', policy))

    def test_units_write_only_in_folders_that_tmpfiles_makes(self):
        folders = re.findall(r"^d (\S+)", printed("tmpfiles"), flags=re.M)
        for unit in UNITS:
            for paths in values(unit, "ReadWritePaths"):
                for path in paths.split():
                    self.assertIn(path, folders, unit.name)

    def test_every_daemon_has_an_apparmor_profile(self):
        profiles = {p.name for p in (ARGS.root / "host-image/apparmor").iterdir()}
        for unit in UNITS:
            for command in values(unit, "ExecStart"):
                program = pathlib.PurePath(command.split()[0])
                if "bulkhead" in program.name:
                    self.assertIn(program.name, profiles)


if __name__ == "__main__":
    unittest.main(argv=["units_test.py", *REST], verbosity=2)
