# SPDX-License-Identifier: GPL-2.0-or-later
"""After a power cut the host boots again; what it had flushed is there, what it had not may be gone."""
FEATURES = ["X12"]


def test(host):
    host.run("echo kept > /root/flushed && sync")
    host.run("head -c 50000000 /dev/urandom > /root/not-flushed")
    before = host.boot_id()
    host.power_cut()
    assert not host.running()
    host.power_on()
    assert host.boot_id() != before
    assert host.run("cat /root/flushed") == "kept\n"
    assert host.run("systemctl is-system-running --wait").strip() == "running"
