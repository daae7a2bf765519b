# SPDX-License-Identifier: GPL-2.0-or-later
"""On a full disk the host can write nothing, not even root, until the space is given back."""
from bhlab import faults

FEATURES = ["X12"]


def test(host):
    faults.disk_full(host)
    answer = host.outcome("head -c 8192 /dev/zero > /root/more")
    assert answer.code != 0 and "No space left" in answer.err, answer
    faults.disk_free(host)
    host.run("head -c 8192 /dev/zero > /root/more && sync")
