# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulated smartcard's keys and certificates: an NSS database, made once per lab."""
import os
import pathlib
import shutil
import subprocess
import tempfile

CERTIFICATES = {"lab-sign": "Lab sign", "lab-encrypt": "Lab encrypt", "lab-auth": "Lab authenticate"}


def make(folder: pathlib.Path) -> None:
    """Makes `folder` whole or not at all; nothing to do if it is there."""
    if folder.exists():
        return
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="card-", dir=folder.parent))
    database, noise = f"sql:{scratch}", scratch / "noise"
    noise.write_bytes(os.urandom(2048))

    def certutil(*arguments: str) -> None:
        subprocess.run(["certutil", *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)

    certutil("-N", "-d", database, "--empty-password")
    for serial, (nickname, title) in enumerate(CERTIFICATES.items(), 1):
        certutil("-S", "-d", database, "-s", f"CN={title},O=Bulkhead lab", "-t", "CT,CT,CT", "-x", "-n", nickname,
                 "-m", str(serial), "-v", "120", "-g", "2048", "-z", str(noise))
    noise.unlink()
    try:
        scratch.rename(folder)
    except OSError:
        shutil.rmtree(scratch)
        raise
