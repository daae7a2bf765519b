# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that outlives the command that started it: found again, and ended, by pid and start time alone."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time


def start_time(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None if there is none (a zombie counts as none)."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Process:
    """A background program whose identity lies in a file. A pid that was given to somebody else is never signalled."""

    def __init__(self, record: pathlib.Path) -> None:
        self.record = record

    def start(self, command: list[str], log: pathlib.Path) -> None:
        """Starts it in a session of its own, output to `log`. What ran under this record must have been ended."""
        with log.open("ab") as out:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        self.record.write_text(json.dumps({"pid": child.pid, "start": start_time(child.pid)}), encoding="ascii")

    def pid(self) -> int | None:
        """The pid while it runs."""
        try:
            known = json.loads(self.record.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        with contextlib.suppress(ChildProcessError, OSError):
            os.waitpid(known["pid"], os.WNOHANG)  # ours, if this very command started it
        began = start_time(known["pid"])
        return known["pid"] if began is not None and began == known["start"] else None

    def kill(self) -> None:
        """Ends it at once and waits until it is gone; nothing to do if it does not run."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.wait_gone(30)
        self.record.unlink(missing_ok=True)

    def wait_gone(self, seconds: float) -> bool:
        """Whether it ended within the time."""
        deadline = time.monotonic() + seconds
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True
