# SPDX-License-Identifier: GPL-2.0-or-later
"""With another TPM a sealed secret stays sealed; with the first one again it opens."""
from bhlab import faults

FEATURES = ["X12"]


def test(host):
    host.run("echo secret > /root/plain && systemd-creds encrypt --with-key=tpm2 --name=lab /root/plain /root/sealed && sync")
    kept = faults.tpm_swap(host)
    refused = host.outcome("systemd-creds decrypt --name=lab /root/sealed -")
    assert refused.code != 0 and "secret" not in refused.out, refused
    faults.tpm_swap_back(host, kept)
    assert host.run("systemd-creds decrypt --name=lab /root/sealed -") == "secret\n"
