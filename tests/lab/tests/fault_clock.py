# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's clock jumps by a day, forwards and back, while its monotonic clock goes on."""
import time

from bhlab import faults

FEATURES = ["X12"]


def test(host):
    up = float(host.run("cut -d' ' -f1 /proc/uptime"))
    for jump in (86400, -86400):
        before = float(host.run("date +%s.%N"))
        faults.clock_jump(host, jump)
        moved = float(host.run("date +%s.%N")) - before
        assert abs(moved - jump) < 20, moved
    assert 0 < float(host.run("cut -d' ' -f1 /proc/uptime")) - up < 120
    assert abs(float(host.run("date +%s.%N")) - time.time()) < 20
