# SPDX-License-Identifier: GPL-2.0-or-later
"""A bad sector of a stick is a read error there and nowhere else, until the stick is healed."""
from bhlab import faults

FEATURES = ["X12"]
DISK = "$(ls -d /sys/bus/usb/devices/*-1/*:1.0/host*/target*/*/block/* 2>/dev/null | while read d; do grep -qx LAB000000001 ${d%%/host*}/../serial && echo /dev/${d##*/}; done)"
READ = "d=%s; [ -b \"$d\" ] && dd if=$d of=/dev/null bs=4096 skip=%d count=1 iflag=direct 2>&1"


def read(host, block):
    """Reads one block of 4 KiB past every cache."""
    return host.outcome(READ % (DISK, block))


def test(host):
    host.wait_for(READ % (DISK, 0), 30)
    faults.bad_sector(host, "stick-a", 2048)
    host.wait_for(READ % (DISK, 0), 60)
    bad = read(host, 256)
    assert bad.code != 0 and "Input/output error" in bad.out, bad
    assert read(host, 255).code == 0 and read(host, 257).code == 0
    faults.heal(host, "stick-a")
    host.wait_for(READ % (DISK, 0), 60)
    assert read(host, 256).code == 0
