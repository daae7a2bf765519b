# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets on the cable: what low's rules allow comes out, another port and a forged source do not, high has no network."""
import time

from bhlab import product
from bhlab.wire import TCP, Wire

FEATURES = ["S21", "S8"]
SNAPSHOT = "levels"

FORGE = """d=$(basename $(ls -d /sys/class/net/* | grep -v /lo$ | head -n 1))
ip addr add 198.51.100.7/32 dev $d; ping -c 2 -W 2 -I 198.51.100.7 203.0.113.1; ip addr del 198.51.100.7/32 dev $d"""


def test(host):
    product.levels_up(host)
    with Wire(product.lab_folder(host), product.OFFICE) as wire:
        ping = product.in_level(host, "low", f"for i in 1 2 3 4 5; do ping -c 1 -W 5 {product.OFFICE} && exit 0; done; exit 1")
        assert ping.code == 0, ping
        for port in (80, 22):
            product.in_level(host, "low", f"timeout 8 bash -c 'exec 3<>/dev/tcp/{product.OFFICE}/{port}'")
        product.in_level(host, "low", FORGE)
        time.sleep(1)
        seen = list(wire.packets)
    ports = {p.port for p in seen if p.protocol == TCP and p.target == product.OFFICE}
    assert ports == {80}, f"TCP ports that came out: {ports}"
    own = {p.source for p in seen if p.target == product.OFFICE}
    assert own and all(source.startswith("10.77.") for source in own), own
    links = product.in_level(host, "high", "ls /sys/class/net")
    assert links.out.split() == ["lo"], links
