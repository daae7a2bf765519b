# SPDX-License-Identifier: GPL-2.0-or-later
"""After a power cut with both levels running they start again, with their state, and nothing asks for repair."""
from bhlab import product

FEATURES = ["S7", "X12"]
SNAPSHOT = "levels"


def test(host):
    product.levels_up(host)
    product.in_level(host, "high", "echo kept > /home/user/kept.txt; sync")
    host.power_cut()
    host.power_on()
    product.units_come_up(host)
    host.wait_for("bulkhead --json status", 120)
    host.run("bulkhead start low high", product.START_SECONDS)
    assert product.in_level(host, "high", "cat /home/user/kept.txt").out == "kept\n"
    assert host.outcome("bulkhead audit verify").code == 0
