# SPDX-License-Identifier: GPL-2.0-or-later
"""apt installs Bulkhead from its packages onto a bare host, and purging it leaves no file, unit or rule behind."""
import pathlib

from bhlab import packages, product
from bhlab.testing import Skip

FEATURES = ["S28"]

LEFT = """find / -xdev \\( -path /proc -o -path /sys -o -path /var/lib/lab-repository -o -path /var/log -o -path /var/cache -o -path /var/lib/apt \\
  -o -path /var/lib/dpkg \\) -prune -o -name '*bulkhead*' -print; nft list tables | grep bulkhead; systemctl list-units --all --no-legend | grep bulkhead"""


def test(host):
    if not host.machine.settings.debs:
        raise Skip("no packages to install")
    packages.install(host, pathlib.Path(host.machine.settings.debs))
    product.units_come_up(host)
    assert host.run("bulkhead --json status")
    host.run(f"{packages.APT} purge 'bulkhead*'", 300)
    left = host.outcome(LEFT).out.strip()
    assert not left, left
