#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the image builder promises: the same bytes twice, a cache that is checked, nothing half.

    tests/integration/image_build.py AGENT_DIR [--only WORD]
As root, with a Debian mirror; takes some minutes. Closes with "N passed, N failed, N skipped".
"""
import filecmp
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

TOP = pathlib.Path(__file__).resolve().parents[2]
FILES = ("root.erofs", "vmlinuz", "initrd.img", "manifest.json")


class Lab:
    """A folder with caches and outputs, and the builder."""

    def __init__(self, agent_dir, folder):
        self.agent_dir, self.folder = agent_dir, pathlib.Path(folder)

    def command(self, out, cache, *more, agent_dir=None):
        return [str(TOP / "guest-images/build-image"), "minimal", "--agent-dir", str(agent_dir or self.agent_dir),
                "--out", str(self.folder / out), "--cache", str(self.folder / cache), *more]

    def build(self, out, cache, *more, agent_dir=None, ok=True, **env):
        done = subprocess.run(self.command(out, cache, *more, agent_dir=agent_dir), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8", env={**os.environ, **env}, check=False)
        assert (done.returncode == 0) == ok, done.stdout
        return done.stdout

    def manifest(self, out):
        return json.loads((self.folder / out / "manifest.json").read_text())

    def is_whole(self, out):
        sums = {n: subprocess.run(["sha256sum", self.folder / out / n], stdout=subprocess.PIPE, check=True,
                                  encoding="utf-8").stdout.split()[0] for n in FILES[:3]}
        return all(self.manifest(out)["files"][n]["sha256"] == s for n, s in sums.items())


def test_build(lab):
    """S7 one command builds an image whose manifest fits its files"""
    out = lab.build("a", "cache-a")
    m = lab.manifest("a")
    assert m["schema"] == 1 and m["name"] == "minimal" and len(m["packages"]) > 50 and m["version"] and m["kernel"], m
    assert "console=hvc0" in m["cmdline"] and lab.is_whole("a")
    print(out.strip().split("\n")[-1])


def test_second_run(lab):
    """A7 a second run takes a second or less, with the output there or gone"""
    for gone in (False, True):
        if gone:
            shutil.rmtree(lab.folder / "a")
        t0 = time.monotonic()
        lab.build("a", "cache-a")
        print(f"second run, output {'gone' if gone else 'there'}: {time.monotonic() - t0:.2f} s")
        assert lab.is_whole("a")


def test_reproducible(lab):
    """S7 built again from nothing, with another cache, every file has the same bytes"""
    lab.build("b", "cache-b")
    different = [n for n in FILES if not filecmp.cmp(lab.folder / "a" / n, lab.folder / "b" / n, shallow=False)]
    assert not different, different


def test_key(lab):
    """S7 another agent is another version, without fetching Debian again"""
    other = lab.folder / "programs"
    shutil.copytree(lab.agent_dir, other, ignore=shutil.ignore_patterns("*.p"))
    with open(other / "bulkhead-send", "ab") as f:
        f.write(b"\0")
    old = lab.manifest("a")["version"]
    out = lab.build("c", "cache-a", agent_dir=other, BULKHEAD_MIRROR="http://127.0.0.1:9/debian")
    assert lab.manifest("c")["version"] != old and lab.is_whole("c"), out


def test_damaged_cache(lab):
    """A9 a cached image with a changed byte, or a torn archive, is built anew and never given out"""
    cached = next((lab.folder / "cache-a").glob(f"image-minimal-{lab.manifest('a')['version']}"))
    for name in ("root.erofs", "initrd.img"):
        with open(cached / name, "r+b") as f:
            f.seek(5000)
            byte = f.read(1)
            f.seek(5000)
            f.write(bytes([byte[0] ^ 1]))
        shutil.rmtree(lab.folder / "a")
        lab.build("a", "cache-a")
        assert lab.is_whole("a"), name


def test_damaged_output(lab):
    """A9 an output with a changed byte is replaced"""
    with open(lab.folder / "a/vmlinuz", "r+b") as f:
        f.write(b"\0\0\0\0")
    lab.build("a", "cache-a")
    assert lab.is_whole("a")


def test_no_mirror(lab):
    """S7 without a mirror: one sentence, and the output that was there stays"""
    lab.build("n", "cache-n", ok=False, BULKHEAD_MIRROR="http://127.0.0.1:9/debian")
    assert not (lab.folder / "n").exists()
    out = lab.build("a", "cache-a", "--update", ok=False, BULKHEAD_MIRROR="http://127.0.0.1:9/debian")
    assert "the mirror does not answer" in out and "Traceback" not in out and lab.is_whole("a"), out
    print(out.strip().split("\n")[-1])


def test_no_space(lab):
    """S7 a full disk: one sentence, nothing half"""
    small = lab.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", small], check=True)
    try:
        out = lab.build("small/out", "cache-a", ok=False)
        assert "free" in out and "Traceback" not in out and not (small / "out").exists(), out
        assert not list(small.iterdir()), list(small.iterdir())
        out = lab.build("x", "small/cache", ok=False)
        assert "free" in out and "Traceback" not in out and not (lab.folder / "x").exists(), out
        print(out.strip().split("\n")[-1])
    finally:
        subprocess.run(["umount", small], check=True)


def test_no_programs(lab):
    """S7 without the guest programs: one sentence that says what to run"""
    out = lab.build("x", "cache-a", agent_dir=lab.folder, ok=False)
    assert "ninja -C build programs" in out and "Traceback" not in out, out


def test_killed(lab):
    """A9 killed at any moment: the output is the old one or the new one, whole; the next run ends well"""
    random.seed(3)
    for i in range(6):
        shutil.rmtree(next((lab.folder / "cache-a").glob(f"image-minimal-{lab.manifest('a')['version']}")))
        with open(lab.folder / "a/vmlinuz", "r+b") as f:  # so that the output has to be replaced too
            f.write(b"\0\0\0\0")
        process = subprocess.Popen(lab.command("a", "cache-a"), stdout=subprocess.DEVNULL, start_new_session=True)
        time.sleep(random.uniform(0.3, 14))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert sorted(p.name for p in (lab.folder / "a").iterdir()) == sorted(FILES), i
        lab.build("a", "cache-a")
        assert lab.is_whole("a"), i
    left = [*(lab.folder / "cache-a").glob("tmp-*"), *lab.folder.glob(".a.new-*")]
    assert not left, left


def main():
    agent_dir = pathlib.Path(sys.argv[1]).resolve()
    only = sys.argv[3] if len(sys.argv) > 3 and sys.argv[2] == "--only" else ""
    tests = [(n, f) for n, f in globals().items() if n.startswith("test_") and (only in n or n == "test_build")]
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="image-build-", dir=os.environ.get("BULKHEAD_TEST_TMP")) as folder:
        lab = Lab(agent_dir, folder)
        for _, test in tests:
            t0 = time.monotonic()
            try:
                test(lab)
                passed, word = passed + 1, "ok"
            except Exception:  # noqa: BLE001: the story goes on with the next test
                traceback.print_exc(file=sys.stdout)
                failed, word = failed + 1, "FAIL"
            print(f"{word:>4} {test.__doc__}  {time.monotonic() - t0:.1f} s", flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


main()
