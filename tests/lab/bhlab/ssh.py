# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands and files to a lab host over SSH on this machine's loopback, with the lab's own key."""
import base64
import pathlib
import subprocess
import time
from dataclasses import dataclass

from .words import LabError


@dataclass(frozen=True)
class Outcome:
    """How a remote command ended."""

    code: int
    out: str
    err: str


class CommandFailed(LabError):
    """A remote command that had to succeed did not."""

    def __init__(self, command: str, outcome: Outcome) -> None:
        super().__init__(f"`{command}` ended with {outcome.code}: {(outcome.err or outcome.out).strip()[-600:]}")
        self.outcome = outcome


def make_key(path: pathlib.Path) -> None:
    """A key pair for this lab alone; nothing to do if it is there."""
    if not path.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bulkhead-lab", "-f", str(path)], check=True)


def key_credential(path: pathlib.Path) -> str:
    """The SMBIOS string that gives the public key to root of the host: the image itself holds none."""
    public = path.with_name(path.name + ".pub").read_bytes()
    return f"io.systemd.credential.binary:ssh.authorized_keys.root={base64.b64encode(public).decode()}"


class Ssh:
    """One host's SSH. Connections are shared through one master, which `close` ends."""

    def __init__(self, port: int, key: pathlib.Path, control: pathlib.Path) -> None:
        self.control = control
        self.base = ["ssh", "-p", str(port), "-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-F", "none",
                     "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                     "-o", "ControlMaster=auto", "-o", "ControlPersist=300", "-o", f"ControlPath={control}",
                     "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=8", "-o", "ConnectTimeout=20"]
        self.target = "root@127.0.0.1"

    def run(self, command: str, seconds: float = 120, stdin: bytes = b"") -> Outcome:
        """Runs a shell command. A time-out is an error of the lab, any exit code is the caller's to judge."""
        try:
            done = subprocess.run([*self.base, self.target, command], input=stdin, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"`{command}` did not end in {seconds:.0f} s") from error
        return Outcome(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def read_bytes(self, path: str, seconds: float = 300) -> bytes:
        """The content of a file of the host."""
        done = subprocess.run([*self.base, self.target, f"cat -- '{path}'"], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=seconds, check=False)
        if done.returncode != 0:
            raise LabError(f"{path} of the host cannot be read: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def ready(self) -> bool:
        """Whether a login works now."""
        try:
            return self.run("true", 30).code == 0
        except LabError:
            return False

    def close(self) -> None:
        """Ends the shared connection: what it led to is about to be gone."""
        if self.control.exists():
            subprocess.run([*self.base, "-O", "exit", self.target], capture_output=True, check=False)
            deadline = time.monotonic() + 5
            while self.control.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            self.control.unlink(missing_ok=True)
