#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the source tree to tests/architecture/rules.py, and the rules to planted violations.

    tests/architecture/architecture_test.py [--root DIR]
"""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import rules  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = "// SPDX-License-Identifier: GPL-2.0-or-later\n"


def faults_of(files):
    """The messages that a tree made of `files` (path -> text) earns."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            target = pathlib.Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return [str(fault) for fault in rules.check(folder)]


class OurTree(unittest.TestCase):
    def test_keeps_every_rule(self):
        faults = rules.check(ROOT)
        self.assertEqual([], faults, "\n" + "\n".join(map(str, faults)))

    def test_is_really_read(self):
        files = rules.source_tree(ROOT)
        for path in ("vmspec/base/error.h", "tests/architecture/rules.py", "meson.build"):
            self.assertIn(path, files)


class PlantedViolations(unittest.TestCase):
    """Each rule is shown to be able to fail, and not to fail on the nearest lawful thing."""

    def refused(self, path, body, expected):
        faults = faults_of({path: HEAD + body})
        self.assertEqual(1, len(faults), faults)
        self.assertIn(expected, faults[0])

    def allowed(self, path, body):
        self.assertEqual([], faults_of({path: HEAD + body}))

    def test_cannot_include_upwards(self):
        self.refused("vmspec/base/a.cc", '#include "vmspec/model.h"\n', "vmspec/base may not depend")
        self.refused("vmspec/a.cc", '#include "netpolicy/policy.h"\n', "vmspec may not depend")
        self.refused("netpolicy/a.cc", '#include "hostd/super_client.h"\n', "netpolicy may not depend")

    def test_cannot_include_sideways(self):
        self.refused("netpolicy/a.cc", '#include "device-broker/broker_client.h"\n', "may not depend")
        self.refused("diode/a.cc", '#include "netpolicy/policy.h"\n', "may not depend")
        self.refused("hostd/cli/a.cc", '#include "netpolicy/policy.h"\n', "hostd/cli may not depend")
        self.refused("hostd/agentd/a.cc", '#include "vmspec/model.h"\n', "may not depend")
        self.refused("hostd/super/a.cc", '#include "hostd/cli/bus.h"\n', "may not depend")
        self.refused("guest-images/agent/a.cc", '#include "vmspec/model.h"\n', "may not depend")

    def test_cannot_include_tests_in_the_product(self):
        self.refused("hostd/a.cc", '#include "tests/unit/cli/fake_host1.h"\n', "may not depend")

    def test_lawful_edges_pass(self):
        self.allowed("hostd/a.cc", '#include "netpolicy/netd_client.h"\n#include "vmspec/base/error.h"\n')
        self.allowed("hostd/super/a.cc", '#include "hostd/super_client.h"\n')
        self.allowed("tests/unit/x/a.cc", '#include "hostd/cli/bus.h"\n')
        self.allowed("netpolicy/a.cc", "#include <libmnl/libmnl.h>\n")
        self.allowed("hostd/a.cc", "#include <libvirt-gobject/libvirt-gobject.h>\n")

    def test_cannot_hide_an_edge_behind_a_relative_path(self):
        self.refused("vmspec/a.cc", '#include "policy.h"\n', "path from the source root")
        self.refused("vmspec/a.cc", '#include "vmspec/../hostd/a.h"\n', "in no folder of the table")

    def test_cannot_know_libvirt_outside_hostd(self):
        self.refused("device-broker/a.cc", "#include <libvirt/libvirt.h>\n", "only hostd knows libvirt")
        self.refused("hostd/cli/a.cc", "#include <libvirt-glib/libvirt-glib.h>\n", "only hostd knows")

    def test_cannot_know_nftables_outside_netpolicy(self):
        self.refused("hostd/a.cc", "#include <libnftnl/rule.h>\n", "only netpolicy knows nftables")
        self.refused("hostd/a.cc", "#include <libmnl/libmnl.h>\n", "only netpolicy knows nftables")

    def test_cannot_start_a_shell(self):
        self.refused("hostd/a.cc", 'int x = std::system("ls");\n', "system() runs a shell")
        self.refused("tests/a.cc", 'int x = system("ls");\n', "system() runs a shell")
        self.refused("hostd/a.cc", 'auto f = popen("ls", "r");\n', "popen() runs a shell")
        self.refused("hostd/a.cc", 'Run({"/bin/sh", "-c", cmd});\n', "a shell is started")
        self.refused("hostd/a.cc", 'Run("sh -c ls");\n', "a shell is started")
        self.refused("hostd/a.cc", "execvp(a, b);\n", "searches PATH")

    def test_words_in_comments_and_other_names_pass(self):
        self.allowed("hostd/a.cc", "// system(\"x\") and sh -c are forbidden\n/* popen( */\n")
        self.allowed("hostd/a.cc", 'file_system(1); x.system(2); Say("do not use system()");\n')
        self.allowed("hostd/a.cc", "int n = 1'000'000; char q = '\"'; // popen(\n")

    def test_cannot_use_unbounded_copies(self):
        self.refused("hostd/a.cc", "std::sprintf(a, b);\n", "unbounded")
        self.allowed("hostd/a.cc", "std::snprintf(a, 1, b);\n")

    def test_cannot_leave_out_the_licence(self):
        for path in ("hostd/a.cc", "tests/a.py", "setup/a.sh", "meson.build"):
            self.assertIn("no 'SPDX", faults_of({path: "x\n"})[0])
        self.assertIn("no 'SPDX", faults_of({"try": "#!/bin/sh\n"})[0])
        self.assertEqual([], faults_of({"docs/a.md": "# a\n"}))

    def test_cannot_leave_out_the_header_guard(self):
        self.refused("hostd/a.h", "struct A {};\n", "no #pragma once")
        self.refused("hostd/a.h", "// #pragma once\n", "no #pragma once")

    def test_cannot_add_a_folder_without_a_line_in_the_table(self):
        self.refused("attic/a.cc", "int x;\n", "not in the table")
        self.refused("hostd/a.cpp", "int x;\n", ".cc and .h")

    def test_build_folders_are_not_read(self):
        self.assertEqual([], faults_of({"build/meson-private/x": "", "build/a.cc": "x"}))


class Table(unittest.TestCase):
    def test_has_no_cycle(self):
        def reach(unit, seen):
            for other in rules.UNITS[unit]:
                if other in rules.UNITS and other not in seen:
                    seen.add(other)
                    reach(other, seen)
            return seen

        for unit in rules.UNITS:
            self.assertNotIn(unit, reach(unit, set()))

    def test_the_leaf_depends_on_nothing(self):
        self.assertEqual([], rules.UNITS["vmspec/base"])


if __name__ == "__main__":
    if "--root" in sys.argv:
        at = sys.argv.index("--root")
        ROOT = pathlib.Path(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    unittest.main()
