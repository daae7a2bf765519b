# SPDX-License-Identifier: GPL-2.0-or-later
"""A cut cable is a lost carrier of lan at the host; the lab's own way in stays, and the cable can be put back."""
from bhlab import faults

FEATURES = ["X12"]
SMOKE = True
CARRIER = "cat /sys/class/net/lan/carrier"


def test(host):
    assert host.wait_for(CARRIER, 20).strip() == "1"
    faults.network(host, up=False)
    host.wait_for(f"[ $({CARRIER}) = 0 ]", 20)
    faults.network(host, up=True)
    host.wait_for(f"[ $({CARRIER}) = 1 ]", 20)
