#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every program of ours that was built has what the compiler and linker can give it (A7).

    hardening_test.py BUILD_DIR

The programs are all executables of meson's own list but those of tests/. A program that was not built here is
not looked at; those that every build has must be there.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(sys.argv.pop(1)) if len(sys.argv) > 1 else pathlib.Path("build")
ALWAYS = {"bulkhead", "bulkhead-superd", "bulkhead-hostd", "bulkhead-netd", "bulkhead-brokerd", "bulkhead-agentd",
          "bulkhead-diode-send", "bulkhead-diode-receive", "bulkhead-agent", "bulkhead-send"}
ENDBR64 = bytes.fromhex("f30f1efa")


def readelf(option, path):
    done = subprocess.run(["readelf", "-W", option, path], capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"})
    return done.stdout


def symbols(path):
    return set(re.findall(r" ([A-Za-z_]\w*)(?:@\S*)?(?: \(\d+\))?$", readelf("--syms", path), re.M))


def is_fortified(path):
    return any(re.fullmatch(r"__\w+_chk", s) for s in symbols(path))


def segment_faults(path):
    segments = re.findall(r"^  (\w+) +0x\w+ 0x\w+ 0x\w+ 0x\w+ 0x\w+ ([RWE ]{3}) ", readelf("--program-headers", path), re.M)
    flags = {name: rights for name, rights in segments}
    if "E" in flags.get("GNU_STACK", "E"):
        yield "its stack is executable"
    if any(name == "LOAD" and "W" in rights and "E" in rights for name, rights in segments):
        yield "a segment is writable and executable"
    if "GNU_RELRO" not in flags:
        yield "no RELRO"


def dynamic_faults(path):
    dynamic = readelf("--dynamic", path)
    if "NEEDED" in dynamic and not re.search(r"BIND_NOW|Flags:.*\bNOW\b", dynamic):
        yield "symbols are bound late: RELRO is not full"
    for tag in ("RPATH", "RUNPATH", "TEXTREL"):
        if re.search(rf"\({tag}\)|Flags:.*\b{tag}\b", dynamic):
            yield f"it has {tag}"


def faults_of(path):
    if not re.search(r"^ *Type: +DYN ", readelf("--file-header", path), re.M):
        yield "no PIE"
    yield from segment_faults(path)
    yield from dynamic_faults(path)
    if "__stack_chk_fail" not in symbols(path):
        yield "no stack canaries"
    # Debian's start files carry no IBT mark, so the linker gives the program none; the landing pads are there.
    if pathlib.Path(path).read_bytes().count(ENDBR64) < 20:
        yield "no landing pads for indirect branches (-fcf-protection)"


def programs():
    """{name: path} of what is built and meant to be installed one day."""
    targets = json.loads((BUILD / "meson-info/intro-targets.json").read_text(encoding="utf-8"))
    root = json.loads((BUILD / "meson-info/meson-info.json").read_text(encoding="utf-8"))["directories"]["source"]
    found = {}
    for target in targets:
        if target["type"] == "executable" and not target["defined_in"].startswith(root + "/tests/"):
            if os.path.exists(target["filename"][0]):
                found[target["name"]] = target["filename"][0]
    return found


class Programs(unittest.TestCase):
    def test_are_all_hardened(self):
        found = programs()
        self.assertLessEqual(ALWAYS, set(found))
        for name, path in sorted(found.items()):
            with self.subTest(program=name):
                self.assertEqual([], list(faults_of(path)))

    def test_check_their_buffers_at_run_time(self):
        # A program that copies nothing has no such call; those that format text have.
        for name in ALWAYS:
            with self.subTest(program=name):
                self.assertTrue(is_fortified(programs()[name]))


class Checker(unittest.TestCase):
    def test_sees_every_fault_of_a_program_without_hardening(self):
        with tempfile.TemporaryDirectory() as folder:
            source, program = os.path.join(folder, "soft.c"), os.path.join(folder, "soft")
            with open(source, "w", encoding="utf-8") as f:
                f.write("int main(void) { return 0; }\n")
            subprocess.run(["cc", "-no-pie", "-fno-stack-protector", "-fcf-protection=none", "-Wl,-z,norelro,-z,lazy",
                            "-Wl,-z,execstack,-rpath,/tmp", source, "-o", program], check=True, capture_output=True)
            faults = list(faults_of(program))
            for word in ("no PIE", "stack is executable", "no RELRO", "bound late", "no stack canaries", "landing pads"):
                self.assertTrue(any(word in fault for fault in faults), (word, faults))
            self.assertTrue({"it has RPATH", "it has RUNPATH"} & set(faults), faults)
            self.assertFalse(is_fortified(program))


if __name__ == "__main__":
    unittest.main()
