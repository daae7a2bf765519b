# SPDX-License-Identifier: GPL-2.0-or-later
"""The host suspends to memory and wakes with its memory, its devices and the right time."""
import time

from bhlab import faults

FEATURES = ["X12"]


def test(host):
    host.run("echo alive > /run/lab-in-memory")
    boot = host.boot_id()
    faults.suspend(host)
    time.sleep(10)
    faults.resume(host)
    assert host.boot_id() == boot and host.run("cat /run/lab-in-memory") == "alive\n"
    assert "suspend exit" in host.run("dmesg"), "the kernel did not suspend"
    off = float(host.run("date +%s.%N")) - time.time()
    assert abs(off) < 3, f"the clock is off by {off:.1f} s after 10 s of sleep"
    host.wait_for("[ $(grep -lx LAB000000001 /sys/bus/usb/devices/*/serial | wc -l) = 2 ]", 60)
