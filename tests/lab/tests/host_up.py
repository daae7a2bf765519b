# SPDX-License-Identifier: GPL-2.0-or-later
"""The host is up under systemd, with no failed unit, booted by UEFI firmware from its own disk."""
FEATURES = ["X12"]
SMOKE = READS_ONLY = True


def test(host):
    assert host.run("systemctl is-system-running || systemctl --failed --no-legend --plain").strip() == "running"
    assert host.run("cat /proc/1/comm").strip() == "systemd"
    assert host.outcome("test -d /sys/firmware/efi/efivars").code == 0
    assert "root=LABEL=labroot" in host.run("cat /proc/cmdline")
    assert host.run("findmnt -no FSTYPE /").strip() == "ext4"
