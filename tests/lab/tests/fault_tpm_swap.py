# SPDX-License-Identifier: GPL-2.0-or-later
"""A secret sealed by the TPM opens with that TPM, and stays sealed with another one."""
from bhlab import faults

FEATURES = ["X12"]


def test(host):
    host.run("echo secret > /root/plain && systemd-creds encrypt --with-key=tpm2 --name=lab /root/plain /root/sealed && sync")
    assert host.run("systemd-creds decrypt --name=lab /root/sealed -") == "secret\n"
    faults.tpm_swap(host)
    refused = host.outcome("systemd-creds decrypt --name=lab /root/sealed -")
    assert refused.code != 0 and "secret\n" not in refused.out, refused
