# SPDX-License-Identifier: GPL-2.0-or-later
"""A bootable disk out of a root folder, without mounting: GPT, an ESP with systemd-boot, an ext4 root."""
import pathlib
import subprocess

from .words import LabError

MIB = 1 << 20
ESP_MIB = 160
DISK_GIB = 16
CMDLINE = ("root=LABEL=labroot rw console=tty0 console=ttyS0,115200 quiet panic=10 mitigations=off "
           "systemd.show_status=0 net.ifnames=0")
LAYOUT = f"""label: gpt
start=1MiB, size={ESP_MIB}MiB, type=uefi, name=esp
start={ESP_MIB + 1}MiB, type=linux-root-x86-64, name=root
"""


def run(log: pathlib.Path, *command: str, text: str | None = None) -> None:
    """One tool of the build; what it prints goes to the log."""
    result = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    with log.open("a", encoding="utf-8") as out:
        out.write(result.stdout)
    if result.returncode != 0:
        raise LabError(f"{command[0]} ended with {result.returncode}: {result.stdout.strip()[-200:]}", f"See {log}.")


def newest(root: pathlib.Path, name: str) -> pathlib.Path:
    """The one file boot/NAME-VERSION of the root."""
    found = sorted((root / "boot").glob(f"{name}-*"))
    if not found:
        raise LabError(f"the image has no {name}", "Build it again: lab image --again")
    return found[-1]


def make_esp(root: pathlib.Path, disk: pathlib.Path, scratch: pathlib.Path, log: pathlib.Path) -> None:
    """The ESP inside `disk`: the loader, one entry, kernel and initrd."""
    entry, loader = scratch / "lab.conf", scratch / "loader.conf"
    entry.write_text(f"title Bulkhead lab\nlinux /vmlinuz\ninitrd /initrd\noptions {CMDLINE}\n", encoding="ascii")
    loader.write_text("timeout 0\neditor no\ndefault lab.conf\n", encoding="ascii")
    run(log, "mkfs.vfat", "-F", "32", "-s", "2", "-n", "ESP", "--offset", str(MIB // 512), str(disk), str(ESP_MIB * 1024))
    image = f"{disk}@@{MIB}"
    run(log, "mmd", "-i", image, "::EFI", "::EFI/BOOT", "::loader", "::loader/entries")
    for source, target in ((root / "usr/lib/systemd/boot/efi/systemd-bootx64.efi", "EFI/BOOT/BOOTX64.EFI"),
                           (newest(root, "vmlinuz"), "vmlinuz"), (newest(root, "initrd.img"), "initrd"),
                           (entry, "loader/entries/lab.conf"), (loader, "loader/loader.conf")):
        run(log, "mcopy", "-i", image, str(source), f"::{target}")


def make(root: pathlib.Path, target: pathlib.Path, log: pathlib.Path) -> None:
    """Writes `target` (qcow2) from `root`; the raw file beside it is temporary."""
    raw = target.with_suffix(".raw")
    with raw.open("wb") as out:
        out.truncate(DISK_GIB << 30)
    run(log, "sfdisk", "--no-reread", "--no-tell-kernel", str(raw), text=LAYOUT)
    make_esp(root, raw, target.parent, log)
    offset = (ESP_MIB + 1) * MIB
    blocks = ((DISK_GIB << 30) - offset - MIB) // 4096  # the last MiB is the second GPT's
    run(log, "mkfs.ext4", "-q", "-F", "-L", "labroot", "-m", "1", "-d", str(root), "-E",
        f"offset={offset},lazy_itable_init=1", str(raw), str(blocks * 4) + "k")
    run(log, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(target))
    raw.unlink()
