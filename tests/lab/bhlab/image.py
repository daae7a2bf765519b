# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab host's image, by the hash of its inputs: built once, then taken from the cache."""
import fcntl
import pathlib
import shutil
import tempfile
from dataclasses import dataclass

from . import image_disk, image_root
from .places import CACHE
from .words import step

KEPT = 2  # images in the cache: this checkout's and the one before


@dataclass(frozen=True)
class Image:
    """A built image: `disk` to lay overlays on, `kernel` to prove KVM with."""

    key: str
    disk: pathlib.Path
    kernel: pathlib.Path


def forget_old(folder: pathlib.Path, current: pathlib.Path) -> None:
    """Removes all but the newest images; a lab whose overlay stands on a removed one builds itself anew."""
    images = sorted((p for p in folder.glob("image-*") if p.is_dir() and p != current), key=lambda p: p.stat().st_mtime)
    for path in images[:max(0, len(images) - KEPT + 1)]:
        shutil.rmtree(path)


def get(again: bool = False) -> Image:
    """The image of this checkout; with `again` built even if it is cached (the mirror may have newer packages)."""
    key = image_root.inputs_key()
    folder = CACHE / f"image-{key}"
    image = Image(key, folder / "host.qcow2", folder / "vmlinuz")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if image.kernel.exists() and not again:
            return image
        build(folder, again)
        forget_old(CACHE, folder)
    return image


def build(folder: pathlib.Path, again: bool) -> None:
    """Builds into a folder beside, and puts it in place whole."""
    log = CACHE / "image.log"
    log.write_bytes(b"")
    base = CACHE / f"base-{image_root.base_key()}.tar"
    if again or not base.exists():
        for old in CACHE.glob("base-*.tar"):
            old.unlink()
        with step("Debian 13", 100) as told:
            image_root.build_base(base, log)
            told.result = f"{len(image_root.packages())} packages and what they need, {base.stat().st_size >> 20} MiB (cached)"
    with step("host image", 40) as told, tempfile.TemporaryDirectory(prefix="new-", dir=CACHE) as temporary:
        scratch = pathlib.Path(temporary)
        root, done = scratch / "root", scratch / "image"
        done.mkdir()
        image_root.build(root, base)
        image_disk.make(root, done / "host.qcow2", log)
        shutil.copy(image_disk.newest(root, "vmlinuz"), done / "vmlinuz")
        shutil.rmtree(folder, ignore_errors=True)
        done.rename(folder)
        told.result = f"systemd-boot, ESP, ext4, {(folder / 'host.qcow2').stat().st_size >> 20} MiB (cached)"
