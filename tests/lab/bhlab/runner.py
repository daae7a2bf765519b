# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs lab tests, each from its snapshot; tells each in a line; collects what a failure left; closes with counts."""
import argparse
import contextlib
import pathlib
import shutil
import subprocess
import time
import traceback
from collections.abc import Callable
from typing import Any

from . import features, report, testing
from .host import Host
from .laboratory import Lab
from .places import TOP
from .testing import LabTest, Skip
from .words import LabError, spell


def show(words: list[str]) -> None:
    """`lab run --list`."""
    for test in testing.select(words, False):
        marks = ("smoke " if test.smoke else "") + ("two hosts " if test.hosts > 1 else "") + test.snapshot
        print(f"{test.name:<22} {' '.join(test.features):<14} {test.title}  ({marks})")


def commit() -> str:
    """Which commit the results are of."""
    done = subprocess.run(["git", "-C", str(TOP), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


class Runner:
    """One run over a lab that is up."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.clean: dict[str, str] = {}  # host -> the snapshot that it is in, untouched
        self.counts = {"ok": 0, "FAIL": 0, "skip": 0}
        self.commit = commit()

    def one(self, test: LabTest) -> None:
        """Runs a test, prints its line, keeps its result."""
        began = time.monotonic()
        verdict, reason = "ok", ""
        try:
            self.prepare(test)
            test.function(*self.lab.hosts[:test.hosts])
            if test.provides:
                for host in self.lab.hosts[:test.hosts]:
                    host.snapshot(test.provides)
        except Skip as skipped:
            verdict, reason = "skip", str(skipped)
        except Exception as error:  # noqa: BLE001: a test may fail in any way; the run goes on
            verdict, reason = "FAIL", self.collect(test, error)
        if verdict == "FAIL" or not test.reads_only:
            provided = test.provides if verdict == "ok" else ""
            self.clean |= {h.name: provided for h in self.lab.hosts[:test.hosts]}
        took = time.monotonic() - began
        self.counts[verdict] += 1
        tail = f"  ({reason})" if verdict == "skip" else f"  see {reason}" if reason else ""
        print(f"{verdict:>4} {test.features[0]:<4} {test.title:<76} {spell(took):>8}{tail}", flush=True)
        features.keep(self.lab.folder.results, test.name, self.entry(test, verdict, reason, took))

    def entry(self, test: LabTest, verdict: str, reason: str, took: float) -> dict[str, Any]:
        """What the report needs to know."""
        return {"features": list(test.features), "title": test.title, "result": verdict, "reason": reason, "seconds": round(took, 1),
                "when": time.strftime("%Y-%m-%d %H:%M"), "commit": self.commit}

    def prepare(self, test: LabTest) -> None:
        """Brings the hosts to the test's snapshot. Skip if this lab does not have it."""
        if test.hosts > len(self.lab.hosts):
            raise Skip("needs lab run --hosts 2")
        if any(test.snapshot not in h.snapshots() for h in self.lab.hosts[:test.hosts]):
            raise Skip(f"no snapshot \"{test.snapshot}\": " + ("no packages are installed" if test.snapshot == "ready" else "its test did not pass"))
        for host in self.lab.hosts[:test.hosts]:
            if self.clean.get(host.name) != test.snapshot or not host.running():
                host.restore(test.snapshot)
                self.clean[host.name] = test.snapshot

    def collect(self, test: LabTest, error: Exception) -> str:
        """Puts what is known of a failure into out/ID/; returns the folder and prints the error's last line."""
        folder = self.lab.folder.out / test.features[0] / test.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "error.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        print(f"     {str(error) or traceback.format_exception(error)[-2].strip()}")
        for host in self.lab.hosts:
            collect_host(host, folder)
        return str(folder)


def collect_host(host: Host, folder: pathlib.Path) -> None:
    """Screenshot, console, and what a login can still fetch. Nothing here may fail the run."""
    own = folder / host.name
    own.mkdir()
    for name in ("serial.log", "qemu.log"):
        if (host.folder / name).exists():
            shutil.copy(host.folder / name, own / name)
    if not host.running():
        return
    with contextlib.suppress(LabError, OSError):
        host.screenshot(own / "screen.png")
    for name, command in (("journal.txt", "journalctl -b --no-pager -o short-precise | tail -n 5000"),
                          ("audit.txt", "cat /var/log/audit/audit.log /var/log/bulkhead/* 2>/dev/null | tail -n 5000"),
                          ("state.txt", "systemctl --failed --no-pager; lsusb -t; ps -ef; df -h")):
        with contextlib.suppress(LabError, OSError):
            (own / name).write_text(host.ssh.run(command, 60).out, encoding="utf-8")


def run(lab: Lab, args: argparse.Namespace, bring_up: Callable[[], None]) -> int:
    """The whole run; 0 if nothing failed. A lab that this brought up goes down at the end, unless --keep."""
    began = time.monotonic()
    tests = testing.select(args.tests, args.smoke)
    was_up = lab.running() and not args.cold and len(lab.hosts) >= args.hosts
    try:
        if not was_up:
            bring_up()
        runner = Runner(lab)
        for test in tests:  # what an earlier run left is of that run
            for host in lab.hosts:
                host.forget_snapshot(test.provides)
        for test in tests:
            runner.one(test)
    finally:
        if not was_up and not args.keep:
            lab.down()
    counts = runner.counts
    paths = report.write(lab.folder)
    print(f"\nreport: {paths[-1]}   in {spell(time.monotonic() - began)}")
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] or not counts["ok"] else 0
