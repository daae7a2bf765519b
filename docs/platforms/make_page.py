#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes docs/platforms.md from reports of `bulkhead doctor --json` (S27, B15).

    docs/platforms/make_page.py > docs/platforms.md

A report is docs/platforms/NAME.json: what doctor printed, with "tested" added: what passed there, and when.
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
SHOWN = ("system", "kvm", "iommu", "tpm", "secure-boot", "apparmor", "usb", "sound")
HEAD = """# Platforms

Machines on which Bulkhead was run, made from `bulkhead doctor --json` by `docs/platforms/make_page.py`. To add one: run that command
there as root, put its output into `docs/platforms/NAME.json` with a line `"tested"`, and run the script.
"""


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ") or "-"


def row(name, report):
    platform = report["platform"]
    checks = {c["id"]: c for c in report["checks"]}
    machine = " ".join(t for t in (platform["vendor"], platform["model"]) if t) or name
    faults = [f"{c['id']}: {c['detail']}" for c in report["checks"] if c["state"] == "missing"]
    found = [checks[i]["detail"] if i == "system" else checks[i]["state"] for i in SHOWN]
    cells = [machine, platform["processor"], platform["kernel"], *found, "; ".join(faults) or "nothing", report["tested"]]
    return "| " + " | ".join(cell(c) for c in cells) + " |"


def main():
    reports = sorted(HERE.glob("*.json"))
    titles = ["machine", "processor", "kernel", *SHOWN, "lacks", "tested"]
    lines = [HEAD, "| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for path in reports:
        try:
            lines.append(row(path.stem, json.loads(path.read_text(encoding="utf-8"))))
        except (ValueError, KeyError) as error:
            sys.exit(f"{path}: no report of bulkhead doctor --json with \"tested\" in it: {error!r}")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
