#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`bulkhead start --paused` beside `virsh create --paused` of the same XML, turn by turn in one run.

    tests/integration/sandbox sh -c './try && python3 tests/bench/start_bench.py [ROUNDS]'

virsh cannot hand over descriptors. So the peer's XML is ours but for the disks: they come by path, from copies in a
folder that QEMU's uid can reach, and libvirt gives them to that uid as it does for any administrator. The copies are made
before the clock runs. libvirtd is the one that superd started: superd is a subreaper, and QEMU's orphans, which a slow
PID 1 would reap late, are reaped at once for both sides.

The folders of a level's channels come and go with the level; the peer's sockets have one that stays.

`low` is measured too, with no peer: what a level's network adds (netd's rules and tap), which virsh does not do at all.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BULKHEAD = os.path.join(TOP, "build/bulkhead")
LEVEL = "high"
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
FOLDER = "/var/lib/bulkhead/start-bench"
SOCKETS = "/run/start-bench"


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


def copied(path):
    copy = os.path.join(FOLDER, os.path.basename(path))
    run("cp", "--sparse=always", path, copy)
    return copy


def peer_xml(xml):
    """The domain of a level as virsh can create it: its files by path, no descriptors."""
    for prefix, uri in (("bulkhead", "urn:bulkhead:domain:1"), ("qemu", "http://libvirt.org/schemas/domain/qemu/1.0")):
        ET.register_namespace(prefix, uri)
    domain = ET.fromstring(xml)
    for tag in ("kernel", "initrd"):
        node = domain.find(f"os/{tag}")
        node.text = copied(node.text)
    for source in domain.findall("devices/disk/source"):
        source.attrib.pop("fdgroup", None)
        source.set("file", copied(source.get("file")))
        for label in source.findall("seclabel"):
            source.remove(label)
    for source in domain.findall("devices//source[@mode='bind']"):
        folder = SOCKETS + os.path.dirname(source.get("path"))
        os.makedirs(folder, exist_ok=True)
        source.set("path", os.path.join(folder, "sock"))
    return ET.tostring(domain, encoding="unicode")


def prepare():
    """The path of the peer's XML. Nothing of the two levels runs afterwards."""
    for level in (LEVEL, "low"):
        run(BULKHEAD, "stop", "--force", level)
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER, mode=0o755)
    run(BULKHEAD, "start", "--paused", LEVEL)
    path = os.path.join(FOLDER, "peer.xml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(peer_xml(virsh("dumpxml", f"bulkhead-{LEVEL}", "--inactive")))
    run(BULKHEAD, "stop", "--force", LEVEL)
    return path


def ours(level):
    ms = timed(BULKHEAD, "start", "--paused", level)
    run(BULKHEAD, "stop", "--force", level)
    return ms


def line(name, v):
    print(f"{name:<44} median {statistics.median(v):6.0f} ms   min {min(v):6.0f}   max {max(v):6.0f}")


def main():
    path = prepare()
    plain, peer, networked = [], [], []
    for _ in range(ROUNDS):
        plain.append(ours(LEVEL))
        peer.append(timed("virsh", "-q", "-c", "qemu:///system", "create", "--paused", path))
        virsh("destroy", f"bulkhead-{LEVEL}")
        time.sleep(0.3)
        networked.append(ours("low"))
    line(f"bulkhead start --paused {LEVEL}", plain)
    line("virsh create --paused, same XML", peer)
    line("bulkhead start --paused low, with its network", networked)
    ratio = statistics.median(plain) / statistics.median(peer)
    print(f"ratio bulkhead / virsh: {ratio:.2f} of the medians, {min(plain) / min(peer):.2f} of the minima, {ROUNDS} rounds")
    print(json.dumps({"bench": "start-paused", "ours_ms": plain, "peer_ms": peer, "low_ms": networked, "ratio": ratio}))
    for folder in (FOLDER, SOCKETS):
        shutil.rmtree(folder, ignore_errors=True)


main()
