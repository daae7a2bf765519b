# SPDX-License-Identifier: GPL-2.0-or-later
"""The host has a TPM 2 that measured its boot, answers, and seals a secret."""
FEATURES = ["X12"]
SMOKE = READS_ONLY = True


def test(host):
    assert host.run("cat /sys/class/tpm/tpm0/tpm_version_major").strip() == "2"
    pcr0 = host.run("cat /sys/class/tpm/tpm0/pcr-sha256/0").strip()
    assert len(pcr0) == 64 and set(pcr0) != {"0"}, f"the firmware measured nothing: {pcr0}"
    sealed = "head -c 32 /dev/urandom | base64 > /run/lab-secret && systemd-creds encrypt --with-key=tpm2 --name=lab /run/lab-secret /run/lab-sealed"
    host.run(sealed)
    assert host.run("systemd-creds decrypt --name=lab /run/lab-sealed -") == host.run("cat /run/lab-secret")
    host.run("rm /run/lab-secret /run/lab-sealed")
