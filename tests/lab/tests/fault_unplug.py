# SPDX-License-Identifier: GPL-2.0-or-later
"""A stick that is pulled is gone for the host, its twin stays, and it comes back in its own port."""
FEATURES = ["X12"]
SMOKE = True

STICKS = "grep -lx LAB000000001 /sys/bus/usb/devices/*/serial"


def ports(host):
    """The ports in which sticks are."""
    return sorted(line.split("/")[5].split("-")[1] for line in host.outcome(STICKS).out.splitlines())


def test(host):
    host.wait_for(f"[ $({STICKS} | wc -l) = 2 ]", 30)
    host.unplug("stick-a")
    host.wait_for(f"[ $({STICKS} | wc -l) = 1 ]", 30)
    assert ports(host) == ["2"]
    host.plug("stick-a")
    host.wait_for(f"[ $({STICKS} | wc -l) = 2 ]", 30)
    assert ports(host) == ["1", "2"]
