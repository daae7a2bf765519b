# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lab needs of this machine, said before anything starts."""
import os
import pathlib
import shutil

from .words import LabError

TOOLS = ("mmdebstrap", "mkfs.ext4", "mkfs.vfat", "mcopy", "sfdisk", "qemu-system-x86_64", "qemu-img", "swtpm", "certutil",
         "ssh", "ssh-keygen", "dpkg-deb")
OVMF = pathlib.Path("/usr/share/OVMF")
FILES = (OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd", OVMF / "OVMF_CODE_4M.secboot.fd", OVMF / "OVMF_VARS_4M.ms.fd")
DISK_MIB = 9000
RESERVE_MIB = 1024


def memory_available_mib() -> int:
    """MemAvailable of this machine."""
    for line in pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0


def lacking(folder: pathlib.Path, memory_mib: int) -> list[str]:
    """A sentence for each thing that this machine lacks for a lab in `folder` whose hosts take `memory_mib`."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    faults = [f"the program {t} is not installed" for t in TOOLS if not shutil.which(t, path=path)]
    faults += [f"the file {f} is missing" for f in FILES if not f.exists()]
    if os.geteuid() != 0:
        faults.append("it needs root: the host image is built in a chroot")
    free = shutil.disk_usage(folder).free >> 20
    if free < DISK_MIB:
        faults.append(f"only {free} MiB are free under {folder}, and a lab needs {DISK_MIB} MiB")
    have = memory_available_mib()
    if have < memory_mib + RESERVE_MIB:
        faults.append(f"only {have} MiB of memory are free, and the lab's hosts take {memory_mib} MiB")
    return faults


def check(folder: pathlib.Path, memory_mib: int) -> None:
    """Stops with all that is lacking in one message."""
    folder.mkdir(parents=True, exist_ok=True)
    faults = lacking(folder, memory_mib)
    if faults:
        raise LabError("this machine cannot carry the lab: " + "; ".join(faults),
                       "Packages come with: sudo setup/install lab. `lab doctor` shows all that is checked.")
