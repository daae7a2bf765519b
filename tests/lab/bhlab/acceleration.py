# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether this machine's KVM really runs a guest: decided by booting the lab's own kernel, once per boot of this machine."""
import pathlib
import subprocess
import tempfile
import time

from .places import CACHE

SECONDS = 20
BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id")


def nested() -> bool:
    """Whether this machine's KVM gives its guests KVM in turn."""
    for module in ("kvm_intel", "kvm_amd"):
        setting = pathlib.Path(f"/sys/module/{module}/parameters/nested")
        if setting.exists():
            return setting.read_text(encoding="ascii").strip() in ("1", "Y")
    return False


def boots(kernel: pathlib.Path) -> bool:
    """Whether the kernel says its version under KVM within the time; the machine that proves it is always ended."""
    with tempfile.TemporaryDirectory(prefix="bulkhead-lab-kvm-") as folder:
        console = pathlib.Path(folder) / "console"
        command = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-machine", "q35,accel=kvm", "-cpu", "host", "-m", "256",
                   "-serial", f"file:{console}", "-kernel", str(kernel), "-append", "console=ttyS0 panic=-1", "-no-reboot"]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline and child.poll() is None:
                if console.exists() and b"Linux version" in console.read_bytes():
                    return True
                time.sleep(0.1)
            return console.exists() and b"Linux version" in console.read_bytes()
        finally:
            child.kill()
            child.wait()


def choose(kernel: pathlib.Path) -> str:
    """"kvm" where a boot proves it and nesting is on, otherwise "tcg"."""
    if not pathlib.Path("/dev/kvm").exists() or not nested():
        return "tcg"
    memory = CACHE / "acceleration"
    boot = BOOT_ID.read_text(encoding="ascii").strip()
    if memory.exists():
        known = memory.read_text(encoding="ascii").split()
        if len(known) == 2 and known[0] == boot:
            return known[1]
    answer = "kvm" if boots(kernel) else "tcg"
    memory.write_text(f"{boot} {answer}\n", encoding="ascii")
    return answer
