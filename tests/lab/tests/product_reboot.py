# SPDX-License-Identifier: GPL-2.0-or-later
"""After `reboot` of the host everything is as before: daemons, spec, state of the levels, policy before the first packet."""
from bhlab import product
from bhlab.wire import Wire

FEATURES = ["S7"]
SNAPSHOT = "levels"


def test(host):
    product.levels_up(host)
    product.in_level(host, "low", "echo kept > /home/user/kept.txt; sync")
    before = product.ask(host, "spec", "show")
    with Wire(product.lab_folder(host), product.OFFICE) as wire:
        host.reboot()
        product.units_come_up(host)
        host.wait_for("bulkhead --json status", 120)
        assert product.ask(host, "spec", "show") == before
        assert not [p for p in wire.packets if p.source.startswith("10.77.")], "a level spoke before it was started"
        host.run("bulkhead start low high", product.START_SECONDS)
        assert product.in_level(host, "low", "cat /home/user/kept.txt").out == "kept\n"
        ping = product.in_level(host, "low", f"for i in 1 2 3 4 5; do ping -c 1 -W 5 {product.OFFICE} && exit 0; done; exit 1")
        assert ping.code == 0, ping
