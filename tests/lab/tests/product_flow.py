# SPDX-License-Identifier: GPL-2.0-or-later
"""A file goes up and arrives unchanged; the way down is refused."""
from bhlab import product

FEATURES = ["S9", "S8"]
SNAPSHOT = "levels"


def test(host):
    product.levels_up(host)
    made = product.in_level(host, "low", "head -c 1258291 /dev/urandom > /home/user/report.pdf; sha256sum < /home/user/report.pdf", root=False)
    sent = product.in_level(host, "low", "bulkhead-send --to high /home/user/report.pdf", root=False)
    assert sent.code == 0, sent
    host.wait_for("bulkhead run --timeout 60 high -- test -s /home/user/Incoming/low/report.pdf", 120)
    came = product.in_level(host, "high", "sha256sum < /home/user/Incoming/low/report.pdf", root=False)
    assert came.out == made.out and len(came.out.split()[0]) == 64, (made, came)
    down = product.in_level(host, "high", "bulkhead-send --to low /home/user/Incoming/low/report.pdf", root=False)
    assert down.code == 3 and "no flow leads" in down.err, down
