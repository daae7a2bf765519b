# SPDX-License-Identifier: GPL-2.0-or-later
"""The smartcard reader and its card are there for pcscd and OpenSC, with three certificates."""
FEATURES = ["X12"]
SMOKE = READS_ONLY = True


def test(host):
    readers = host.wait_for("opensc-tool --list-readers | grep -E '^0 +Yes'", 60)
    assert "QEMU" in readers or "CCID" in readers, readers
    objects = host.wait_for("pkcs11-tool --list-objects --type cert", 60)
    assert objects.count("Certificate Object") == 3, objects
