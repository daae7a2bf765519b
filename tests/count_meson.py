#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints "passed failed skipped" of one `meson test` run, GoogleTest cases counted one by one."""
import json
import re
import sys


def main() -> None:
    passed = failed = skipped = 0
    with open(sys.argv[1], encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            text = test.get("stdout") or ""
            cases = re.findall(r"^\[  (PASSED|SKIPPED|FAILED)\s* ?\] (\d+) tests?", text, re.M)
            if cases:
                for word, count in cases:
                    passed += int(count) if word == "PASSED" else 0
                    skipped += int(count) if word == "SKIPPED" else 0
                    failed += int(count) if word == "FAILED" else 0
                # A program that crashed after its first failure, or in a death, prints no FAILED line.
                if test["result"] not in ("OK", "SKIP") and not any(w == "FAILED" for w, _ in cases):
                    failed += 1
            elif test["result"] == "OK":
                passed += 1
            elif test["result"] == "SKIP":
                skipped += 1
            else:
                failed += 1
    print(passed, failed, skipped)


main()
