# SPDX-License-Identifier: GPL-2.0-or-later
"""A restore brings back memory, disk and devices as they were saved, in seconds."""
FEATURES = ["X12"]
SMOKE = True


def test(host):
    host.run("echo disk > /root/marker && echo memory > /run/marker && systemd-run -q --unit=lab-marker sleep 3000")
    boot = host.boot_id()
    host.snapshot("test")
    host.run("rm /root/marker /run/marker; systemctl stop lab-marker; sync")
    host.unplug("stick-b")
    took = host.restore("test")
    assert host.run("cat /root/marker /run/marker") == "disk\nmemory\n"
    assert host.outcome("pgrep -x sleep").code == 0 and host.boot_id() == boot
    assert set(host.plugged()) == set(host.machine.devices), "not all is plugged again"
    assert took < 30, f"restore took {took:.1f} s"
