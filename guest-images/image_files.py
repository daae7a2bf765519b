# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of the image builder: hashes, lists, and output that is whole or not there."""
import contextlib
import ctypes
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile


class Stop(Exception):
    """The build ends; the message is one sentence for a person, with the way out."""


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def tree(folder):
    """All files below `folder`, sorted."""
    return sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file())


def lines(path):
    """The lines of a list that are neither empty nor comments."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def run(*argv, **options):
    """Runs a program; its output shows only when it fails."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **options)
    if done.returncode != 0:
        print(done.stdout.decode("utf-8", "replace")[-4000:], flush=True)
        raise subprocess.CalledProcessError(done.returncode, argv)
    return done.stdout.decode("utf-8", "replace")


def need_space(folder, mib, what):
    free = shutil.disk_usage(folder).free >> 20
    if free < mib:
        raise Stop(f"only {free} MiB are free under {folder}, and {what} needs {mib} MiB: free some space there")


@contextlib.contextmanager
def work_folder(cache):
    """A folder that is gone afterwards, or at the next run if this one is killed."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tmp-", dir=cache))
    (folder / "image").mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(cache):
    """What killed runs left. The caller holds the cache's lock."""
    for folder in pathlib.Path(cache).glob("tmp-*"):
        shutil.rmtree(folder, ignore_errors=True)


def remove_older(cache, prefix, keep):
    found = sorted(pathlib.Path(cache).glob(prefix + "*"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in found[keep:]:
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.unlink()


def sync_tree(folder):
    """Durable, before a rename makes it visible."""
    for path in [*tree(folder), pathlib.Path(folder)]:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def publish(source, out, names):
    """Puts a copy of the files at `out`, replacing a folder there in one step. A level that runs from the old
    files keeps them: they lose their name, not their content."""
    out = pathlib.Path(os.path.abspath(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    remove_old = [p for p in out.parent.glob(f".{out.name}.new-*")]
    for path in remove_old:
        shutil.rmtree(path, ignore_errors=True)
    need_space(out.parent, 2 + (sum((source / n).stat().st_size for n in names) >> 20), "the image")
    new = pathlib.Path(tempfile.mkdtemp(prefix=f".{out.name}.new-", dir=out.parent))
    try:
        os.chmod(new, 0o755)
        for name in names:
            run("cp", "--reflink=auto", str(source / name), str(new / name))
            os.chmod(new / name, 0o644)
        sync_tree(new)
        if out.exists():
            exchange(new, out)
        else:
            os.rename(new, out)
        sync_tree_parent(out)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def sync_tree_parent(path):
    fd = os.open(path.parent, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def exchange(one, other):
    """renameat2(RENAME_EXCHANGE): at no moment is there no folder."""
    libc = ctypes.CDLL(None, use_errno=True)
    at_fdcwd, rename_exchange = -100, 2
    if libc.renameat2(at_fdcwd, os.fsencode(one), at_fdcwd, os.fsencode(other), rename_exchange) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))
