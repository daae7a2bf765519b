# SPDX-License-Identifier: GPL-2.0-or-later
"""The test's end of the cable answers the host's ping and hears its packets."""
from bhlab.wire import Wire

FEATURES = ["X12"]
SMOKE = READS_ONLY = True


def test(host):
    with Wire(host.machine.lab.path, "192.0.2.77") as wire:
        host.wait_for("ping -c 1 -W 3 192.0.2.77", 30)
        host.outcome("timeout 5 bash -c 'exec 3<>/dev/tcp/192.0.2.77/4321'")
    assert {p.source for p in wire.packets if p.target == "192.0.2.77"} == {"192.0.2.1"}, wire.packets
    assert any(p.port == 4321 for p in wire.packets), wire.packets
