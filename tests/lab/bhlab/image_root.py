# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab host's root folder: Debian 13 by mmdebstrap, with the files of tests/lab/guest laid over it.

Inputs are hashed: the same package list and files give the cached image. `--update` asks the mirror for newer packages.
"""
import hashlib
import pathlib
import shutil
import subprocess

from .places import GUEST_FILES, PACKAGE_LIST
from .words import LabError

SUITE = "trixie"
INITRD = "etc/initramfs-tools"


def packages() -> list[str]:
    """The names in tests/lab/packages."""
    words: list[str] = []
    for line in PACKAGE_LIST.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            words += line.split()
    return words


def mirror() -> str:
    """The Debian mirror that this machine's own apt uses."""
    rows = subprocess.run(["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)",
                           "Created-By: Packages"], check=True, capture_output=True, text=True).stdout.splitlines()
    for row in rows:
        codename, component, uri = row.split()
        if component == "main" and codename in ("bookworm", "trixie"):
            return uri.rstrip("/")
    raise LabError("no Debian mirror is configured on this machine", "Add trixie or bookworm main to apt's sources.")


def digest_of(*paths: pathlib.Path) -> str:
    """The hash of files: names, modes that matter, contents."""
    digest = hashlib.sha256(SUITE.encode())
    for path in paths:
        digest.update(f"{path.name}\0{path.stat().st_mode & 0o111}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:24]


def guest_files(folder: pathlib.Path = GUEST_FILES) -> list[pathlib.Path]:
    """The files laid over the root."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def base_key() -> str:
    """The hash of what goes into the packages' own part: their list, and how the initrd is made."""
    return digest_of(PACKAGE_LIST, *guest_files(GUEST_FILES / INITRD))


def inputs_key() -> str:
    """The hash of everything of ours that goes into the image."""
    here = pathlib.Path(__file__)
    return digest_of(PACKAGE_LIST, *guest_files(), here, here.with_name("image_disk.py"))


def build_base(tar: pathlib.Path, log: pathlib.Path) -> None:
    """Debian with the packages, as `tar`. How the initrd is made is there before the kernel is: it is made once, small."""
    source = mirror()
    settings = f'mkdir -p "$1/{INITRD}" && cp "{GUEST_FILES}/{INITRD}/"* "$1/{INITRD}/"'
    scratch = tar.with_suffix(".new")
    command = ["mmdebstrap", "--variant=apt", "--components=main", f"--include={','.join(packages())}", "--format=tar",
               f"--essential-hook={settings}", "--dpkgopt=force-confold", "--dpkgopt=force-confdef",
               "--aptopt=Apt::Install-Recommends false", SUITE, str(scratch),
               f"deb {source} {SUITE} main", f"deb {source} {SUITE}-updates main",
               f"deb {source}-security {SUITE}-security main"]
    with log.open("ab") as out:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False).returncode
    if code != 0:
        scratch.unlink(missing_ok=True)
        raise LabError(f"mmdebstrap ended with {code}", f"Its output is in {log}.")
    scratch.rename(tar)


def build(root: pathlib.Path, tar: pathlib.Path) -> None:
    """Makes `root` of the base in `tar` and our files."""
    root.mkdir()
    subprocess.run(["tar", "-C", str(root), "--xattrs", "--xattrs-include=*", "-xpf", str(tar)], check=True)
    for path in guest_files():
        target = root / path.relative_to(GUEST_FILES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)
    finish(root)


def finish(root: pathlib.Path) -> None:
    """What is not a file of tests/lab/guest: no secrets of its own, units on and off, and modes."""
    for path in root.glob("etc/ssh/ssh_host_*"):
        path.unlink()
    (root / "etc/machine-id").write_bytes(b"")  # made at boot, without systemd's first-boot presets: those enable every socket
    (root / "etc/hostname").unlink(missing_ok=True)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/apt/sources.list").write_text("# The lab host has no network; tests bring their own repository.\n", encoding="ascii")
    shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
    chroot = ["chroot", str(root)]
    subprocess.run([*chroot, "systemctl", "enable", "systemd-networkd", "ssh", "lab-devices"], check=True, capture_output=True)
    subprocess.run([*chroot, "systemctl", "mask", "systemd-timesyncd", "apt-daily.timer", "apt-daily-upgrade.timer",
                    "man-db.timer", "e2scrub_all.timer", "e2scrub_reap.service", "sshd-keygen.service",
                     "systemd-networkd-wait-online", "getty@tty1"], check=True, capture_output=True)
    subprocess.run([*chroot, "passwd", "-l", "root"], check=True, capture_output=True)
