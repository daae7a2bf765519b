# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's monitor protocol: one command at a time, events kept, jobs awaited."""
import json
import pathlib
import socket
import time
from types import TracebackType
from typing import Any

from .words import LabError


class QmpError(LabError):
    """QEMU refused a command; its own words."""


class Qmp:
    """A connection to one QEMU, for a `with` block. Only one at a time is served, so they are kept short."""

    def __init__(self, path: pathlib.Path, seconds: float = 60) -> None:
        self.events: list[dict[str, Any]] = []
        self.buffer = b""
        self.sock = self.connect(path, seconds)
        self.sock.settimeout(seconds)
        self.read()  # the greeting
        self.do("qmp_capabilities")

    @staticmethod
    def connect(path: pathlib.Path, seconds: float) -> socket.socket:
        """QEMU makes its socket a moment after it starts."""
        deadline = time.monotonic() + seconds
        while True:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(str(path))
                return sock
            except OSError as error:
                sock.close()
                if time.monotonic() > deadline:
                    raise LabError(f"QEMU's monitor {path} does not answer: {error.strerror}", "Is the lab up? lab up") from error
                time.sleep(0.05)

    def __enter__(self) -> "Qmp":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.sock.close()

    def read(self) -> dict[str, Any]:
        """The next message."""
        while b"\n" not in self.buffer:
            try:
                more = self.sock.recv(65536)
            except TimeoutError as error:
                raise LabError("QEMU's monitor did not answer in time") from error
            if not more:
                raise LabError("QEMU ended", "Its last words are in qemu.log of the host's folder.")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def do(self, command: str, **arguments: Any) -> Any:
        """Runs a command and returns what it gives. QmpError if QEMU refuses."""
        self.sock.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            message = self.read()
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QmpError(f"QEMU refused {command}: {message['error']['desc']}")
            else:
                return message["return"]

    def wait_event(self, name: str, seconds: float, **data: Any) -> bool:
        """Waits for an event whose data holds `data`; False if it did not come in time."""
        deadline = time.monotonic() + seconds
        seen = 0
        while True:
            for event in self.events[seen:]:
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    return True
            seen = len(self.events)
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.sock.settimeout(left)
            try:
                message = self.read()
            except LabError:
                if time.monotonic() >= deadline:
                    return False
                raise
            self.events.append(message)

    def job(self, command: str, seconds: float, **arguments: Any) -> None:
        """A background job of QEMU (snapshot-save and its like), to its end."""
        ident = f"{command}-{time.monotonic_ns()}"
        self.do(command, **{"job-id": ident}, **arguments)
        deadline = time.monotonic() + seconds
        while True:
            job = next(j for j in self.do("query-jobs") if j["id"] == ident)
            if job["status"] == "concluded":
                self.do("job-dismiss", id=ident)
                if "error" in job:
                    raise QmpError(f"{command} failed: {job['error']}")
                return
            if time.monotonic() > deadline:
                raise LabError(f"{command} did not end in {seconds:.0f} s")
            time.sleep(0.1)
