# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lab says: steps with their times, and faults in one sentence with the remedy."""
import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator


class LabError(Exception):
    """Something the user can mend: one sentence, and what to do."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


def spell(seconds: float) -> str:
    """83.0 -> "1 m 23 s"; below ten seconds with a tenth."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} m {whole % 60:02d} s"


class Step:
    """What a running step knows of itself: `note` is shown beside its clock, `result` when it is over."""

    def __init__(self, name: str, expect: float) -> None:
        self.name, self.expect = name, expect
        self.note, self.result = "", "done"
        self.started = time.monotonic()
        self.over = threading.Event()

    def tick(self) -> None:
        """Redraws the line twice a second until the step is over; a terminal only."""
        while not self.over.wait(0.5):
            of = f" of about {spell(self.expect)}" if self.expect else ""
            sys.stdout.write(f"\r\033[K     {self.name:<18} {spell(time.monotonic() - self.started)}{of}  {self.note}")
            sys.stdout.flush()


@contextlib.contextmanager
def step(name: str, expect: float = 0) -> Iterator[Step]:
    """One line per step, with the time it took; on a terminal a running clock with the time to expect (seconds)."""
    one = Step(name, expect)
    ticker = threading.Thread(target=one.tick, daemon=True) if sys.stdout.isatty() else None
    if ticker:
        ticker.start()
    failed = True
    try:
        yield one
        failed = False
    finally:
        one.over.set()
        if ticker:
            ticker.join()
            sys.stdout.write("\r\033[K")
        word = "FAIL" if failed else " ok "
        print(f"{word} {name:<18} {'' if failed else one.result:<64} {spell(time.monotonic() - one.started)}", flush=True)


def complain(error: LabError) -> None:
    """The error on stderr, in the words of setup/lib.sh's die."""
    red, plain = ("\033[31m", "\033[0m") if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    print(f"{red}error:{plain} {error}", file=sys.stderr)
    if error.remedy:
        print(f"       {error.remedy}", file=sys.stderr)
