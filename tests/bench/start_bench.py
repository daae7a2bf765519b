#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`bulkhead start --paused` beside `virsh create --paused` of the same XML, turn by turn in one run.

Inside tests/integration/sandbox after ./try, under superd, which is a subreaper: an orphan that PID 1
reaps late would make every libvirt figure a second worse.
    tests/integration/sandbox sh -c './try && python3 tests/bench/start_bench.py'
"""
import json
import os
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BULKHEAD = os.path.join(TOP, "build/bulkhead")
LEVEL = "high"
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10


def run(*argv):
    p = subprocess.run(argv, capture_output=True, text=True, check=False)
    if p.returncode != 0:
        sys.exit(f"{' '.join(argv)}: {p.stderr}")
    return p.stdout


def virsh(*argv):
    return run("virsh", "-q", "-c", "qemu:///system", *argv)


def timed(*argv):
    t0 = time.perf_counter()
    run(*argv)
    return (time.perf_counter() - t0) * 1000


def main():
    run(BULKHEAD, "stop", "--force", LEVEL)
    run(BULKHEAD, "start", "--paused", LEVEL)
    xml = virsh("dumpxml", f"bulkhead-{LEVEL}", "--inactive")
    run(BULKHEAD, "stop", "--force", LEVEL)
    path = "/run/start-bench.xml"
    with open(path, "w", encoding="utf-8") as f:
        f.write(xml)
    ours, peer = [], []
    for _ in range(ROUNDS):
        ours.append(timed(BULKHEAD, "start", "--paused", LEVEL))
        run(BULKHEAD, "stop", "--force", LEVEL)
        peer.append(timed("virsh", "-q", "-c", "qemu:///system", "create", "--paused", path))
        virsh("destroy", f"bulkhead-{LEVEL}")
        time.sleep(0.3)

    def line(name, v):
        print(f"{name:<34} median {statistics.median(v):7.0f} ms   min {min(v):7.0f}   max {max(v):7.0f}")

    line("bulkhead start --paused", ours)
    line("virsh create --paused, same XML", peer)
    ratio = statistics.median(ours) / statistics.median(peer)
    print(f"ratio bulkhead / virsh: {ratio:.2f} (the difference is policy, audit, checks: what virsh does not do)")
    print(json.dumps({"bench": "start-paused", "ours_ms": ours, "peer_ms": peer, "ratio": ratio}))


main()
