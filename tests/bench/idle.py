#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory (PSS) and CPU of every daemon of ours over 30 idle seconds, with two levels running."""
import glob
import json
import os
import re
import time


def daemons():
    for p in glob.glob("/proc/[0-9]*"):
        try:
            exe = os.path.basename(os.readlink(p + "/exe"))
        except OSError:
            continue
        if exe.startswith("bulkhead-") or exe == "libvirtd":
            yield p, exe


def ticks(p):
    fields = open(p + "/stat", encoding="utf-8").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def main():
    before = {p: ticks(p) for p, _ in daemons()}
    time.sleep(30)
    print(f"{'process':<26} {'PSS MiB':>8} {'CPU %':>7}   (of one CPU, over 30 s; libvirtd is the peer)")
    figures = []
    for p, name in sorted(daemons(), key=lambda d: d[1]):
        pss = re.search(r"^Pss:\s+(\d+)", open(p + "/smaps_rollup", encoding="utf-8").read(), re.M)
        cpu = (ticks(p) - before.get(p, 0)) / os.sysconf("SC_CLK_TCK") / 30 * 100
        figures.append({"process": name, "pss_mib": round(int(pss.group(1)) / 1024, 1), "cpu_percent": round(cpu, 2)})
        print(f"{name:<26} {figures[-1]['pss_mib']:8.1f} {cpu:7.2f}")
    print(json.dumps({"bench": "idle", "daemons": figures}))


main()
