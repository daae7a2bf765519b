# SPDX-License-Identifier: GPL-2.0-or-later
"""Two lab hosts reach each other over their own cable, each under its own name and TPM."""
FEATURES = ["X12"]
HOSTS = 2
READS_ONLY = True


def test(host, other):
    host.wait_for("ping -c 1 -W 5 192.0.2.2", 30)
    other.wait_for("ping -c 1 -W 5 192.0.2.1", 30)
    assert (host.run("hostname").strip(), other.run("hostname").strip()) == ("lab1", "lab2")
    assert len({h.run("cat /etc/machine-id") for h in (host, other)}) == 2
    primary = "tpm2_createprimary -Q -C o -c /run/lab.ctx && tpm2_readpublic -Q -c /run/lab.ctx -o /run/lab.pub && sha256sum < /run/lab.pub"
    assert len({h.run(primary) for h in (host, other)}) == 2
