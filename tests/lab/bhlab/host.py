# SPDX-License-Identifier: GPL-2.0-or-later
"""One lab host while it lives: power, commands, files, snapshots, plugging. What a test gets in its hand."""
import json
import pathlib
import re
import shutil
import subprocess
import time

from .machine import Machine, medium_sizes
from .needs import OVMF
from .process import Process
from .qmp import Qmp
from .ssh import CommandFailed, Outcome, Ssh
from .words import LabError

BOOT_SECONDS = 300


class Host:
    """A host of the lab. Every method may raise LabError; the host is then as the sentence says."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.folder = machine.folder
        self.name = f"lab{machine.index}"
        self.qemu = Process(self.folder / "qemu.pid")
        self.swtpm = Process(self.folder / "swtpm.pid")
        self.ssh = Ssh(machine.settings.ports[machine.index - 1], machine.lab.key, self.folder / "ssh")

    # --- disks and power ---

    def create(self) -> None:
        """New disks over the image, an empty TPM; what this host was is lost."""
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "tpm").mkdir(parents=True)
        (self.folder / "mtp").mkdir()
        (self.folder / "mtp/holiday.txt").write_text("A file on the player.\n", encoding="ascii")
        variables = OVMF / "OVMF_VARS_4M.fd"
        self.tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(variables), str(self.machine.disk("vars")))
        self.tool("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", self.machine.settings.image_disk,
                  str(self.machine.disk("system")))
        for name, mib in medium_sizes(self.machine).items():
            self.tool("qemu-img", "create", "-q", "-f", "qcow2", str(self.machine.disk(name)), f"{mib}M")

    @staticmethod
    def tool(*command: str) -> None:
        """A tool on this side."""
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"{' '.join(command)} failed: {done.stderr.strip()}")

    def launch(self, paused: bool = False, plugged: list[str] | None = None) -> None:
        """Starts the TPM and QEMU with the devices `plugged` (all by default); those that cannot be saved come later."""
        if self.running():
            raise LabError(f"{self.name} runs already")
        self.swtpm.kill()
        for left in ("qmp", "tpm.sock", "usbserial"):
            (self.folder / left).unlink(missing_ok=True)
        (self.machine.lab.path / f"lan{self.machine.index}.sock").unlink(missing_ok=True)
        names = [d.name for d in self.machine.devices.values() if d.savable] if plugged is None else plugged
        self.swtpm.start(self.machine.swtpm(), self.folder / "swtpm.log")
        deadline = time.monotonic() + 10
        while not (self.folder / "tpm.sock").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.qemu.start(self.machine.command(names, paused), self.folder / "qemu.log")
        self.note_plugged(names)

    def power_on(self, seconds: float = BOOT_SECONDS) -> float:
        """Boots from the disk as it is; returns the seconds until a login works."""
        began = time.monotonic()
        self.launch()
        self.wait_login(seconds)
        self.plug_unsavable()
        return time.monotonic() - began

    def running(self) -> bool:
        """Whether its QEMU lives."""
        return self.qemu.pid() is not None

    def power_cut(self) -> None:
        """The plug is pulled: QEMU dies at once, and with it what the guest had not flushed to its disks."""
        self.ssh.close()
        self.qemu.kill()
        self.swtpm.wait_gone(5)
        self.swtpm.kill()

    def power_off(self, seconds: float = 120) -> None:
        """An orderly shutdown, by the guest itself; LabError if it does not end in time (it still runs then)."""
        self.ssh.run("systemctl poweroff --no-block", 60)
        self.ssh.close()
        if not self.qemu.wait_gone(seconds):
            raise LabError(f"{self.name} did not shut down in {seconds:.0f} s")
        self.swtpm.wait_gone(5)
        self.swtpm.kill()

    def reboot(self, seconds: float = BOOT_SECONDS) -> float:
        """`systemctl reboot` from inside; returns the seconds until a login of the new boot works."""
        began, before = time.monotonic(), self.boot_id()
        self.ssh.run("systemctl reboot --no-block", 60)
        self.ssh.close()
        while True:
            time.sleep(1)
            self.wait_login(seconds - (time.monotonic() - began))
            if self.boot_id() != before:
                return time.monotonic() - began
            self.ssh.close()

    def boot_id(self) -> str:
        """The kernel's name of the present boot, "" if nobody answers."""
        try:
            return self.ssh.run("cat /proc/sys/kernel/random/boot_id", 30).out.strip()
        except LabError:
            return ""

    def wait_login(self, seconds: float) -> None:
        """Waits until root can log in."""
        deadline = time.monotonic() + seconds
        while not self.ssh.ready():
            self.ssh.close()
            if not self.running():
                raise LabError(f"{self.name}: QEMU ended", f"See {self.folder}/qemu.log: {self.last_words()}")
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} let nobody in within {seconds:.0f} s", f"Its console: {self.folder}/serial.log")
            time.sleep(0.3)

    def last_words(self) -> str:
        """The end of QEMU's own output."""
        log = self.folder / "qemu.log"
        return log.read_text(encoding="utf-8", errors="replace").strip()[-300:] if log.exists() else ""

    # --- commands and files ---

    def run(self, command: str, seconds: float = 120, stdin: bytes = b"") -> str:
        """What the command printed. CommandFailed if it ends with anything but 0."""
        outcome = self.ssh.run(command, seconds, stdin)
        if outcome.code != 0:
            raise CommandFailed(command, outcome)
        return outcome.out

    def outcome(self, command: str, seconds: float = 120) -> Outcome:
        """Exit code and output of a command that may fail."""
        return self.ssh.run(command, seconds)

    def wait_for(self, command: str, seconds: float) -> str:
        """Repeats the command until it ends with 0; what it printed then."""
        deadline = time.monotonic() + seconds
        while True:
            last = self.ssh.run(command, 60)
            if last.code == 0:
                return last.out
            if time.monotonic() > deadline:
                raise CommandFailed(command, last)
            time.sleep(0.5)

    def push(self, source: pathlib.Path | bytes, path: str, mode: str = "644") -> None:
        """A file onto the host."""
        content = source if isinstance(source, bytes) else source.read_bytes()
        self.run(f"cat > '{path}' && chmod {mode} '{path}'", 300, content)

    def pull(self, path: str) -> bytes:
        """A file of the host."""
        return self.ssh.read_bytes(path)

    def set_clock(self) -> None:
        """Gives the guest our time: after a restore its clock stands where it was saved."""
        self.run(f"date -s @{time.time():.3f} >/dev/null")

    # --- the monitor ---

    def qmp(self) -> Qmp:
        """QEMU's monitor, for a short `with` block."""
        return Qmp(self.folder / "qmp")

    def screenshot(self, path: pathlib.Path) -> None:
        """The screen as PNG."""
        with self.qmp() as qmp:
            qmp.do("screendump", filename=str(path), format="png")

    # --- plugging ---

    def note_plugged(self, names: list[str]) -> None:
        """Remembers what is plugged, for the next command of the lab."""
        (self.folder / "plugged.json").write_text(json.dumps(names), encoding="ascii")

    def plugged(self) -> list[str]:
        """Names of the devices that are plugged."""
        return json.loads((self.folder / "plugged.json").read_text(encoding="ascii"))

    def plug(self, name: str, drive: str = "") -> None:
        """Plugs a device in; `drive` puts another block node behind it (a faulty one)."""
        if name not in self.machine.devices:
            raise LabError(f"there is no device {name}", f"Known: {', '.join(self.machine.devices)}")
        if name in self.plugged():
            raise LabError(f"{name} is plugged in already")
        with self.qmp() as qmp:
            for part in self.machine.devices[name].parts:
                qmp.do("device_add", **(part | {"drive": drive} if drive else part))
        self.note_plugged([*self.plugged(), name])

    def unplug(self, name: str, seconds: float = 30) -> None:
        """Pulls a device out, as a hand would: the guest learns of it afterwards (the second disk asks it first)."""
        if name not in self.plugged():
            raise LabError(f"{name} is not plugged in", f"Plugged: {', '.join(self.plugged())}")
        first = self.machine.devices[name].parts[0]["id"]
        with self.qmp() as qmp:
            qmp.do("device_del", id=first)
            if not qmp.wait_event("DEVICE_DELETED", seconds, device=first):
                raise LabError(f"{name} could not be unplugged: the guest did not let it go in {seconds:.0f} s")
        self.note_plugged([n for n in self.plugged() if n != name])

    def plug_unsavable(self) -> None:
        """Plugs what no snapshot can hold."""
        for device in self.machine.devices.values():
            if not device.savable and device.name not in self.plugged():
                self.plug(device.name)

    # --- snapshots ---

    def snapshots(self) -> dict[str, list[str]]:
        """The snapshots by name, each with the devices that were plugged."""
        record = self.folder / "snapshots.json"
        return json.loads(record.read_text(encoding="ascii")) if record.exists() else {}

    def snapshot(self, name: str) -> None:
        """Saves memory, disks, TPM and firmware variables; the machine goes on."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
            raise LabError(f"\"{name}\" is no snapshot name", "Lower-case letters, digits and dashes.")
        devices = self.machine.devices
        pulled = [n for n in self.plugged() if not devices[n].savable]
        for one in pulled:
            self.unplug(one)
        saved = self.plugged()
        self.forget_snapshot(name)
        with self.qmp() as qmp:
            qmp.job("snapshot-save", 300, tag=name, vmstate="system", devices=self.machine.disks)
        (self.folder / "snapshots.json").write_text(json.dumps(self.snapshots() | {name: saved}), encoding="ascii")
        for one in pulled:
            self.plug(one)

    def forget_snapshot(self, name: str) -> None:
        """Removes a snapshot; nothing to do if there is none."""
        left = self.snapshots()
        if left.pop(name, None) is None:
            return
        with self.qmp() as qmp:
            qmp.job("snapshot-delete", 60, tag=name, devices=self.machine.disks)
        (self.folder / "snapshots.json").write_text(json.dumps(left), encoding="ascii")

    def restore(self, name: str) -> float:
        """Goes back to a snapshot, from any state, also from off; returns the seconds until a login works.

        A new QEMU is started for it: whatever a test did to the old one is gone with the process.
        """
        known = self.snapshots()
        if name not in known:
            raise LabError(f"{self.name} has no snapshot \"{name}\"", f"It has: {', '.join(known) or 'none'}. Make one: lab snapshot {name}")
        began = time.monotonic()
        self.power_cut()
        self.launch(paused=True, plugged=known[name])
        with self.qmp() as qmp:
            qmp.job("snapshot-load", 300, tag=name, vmstate="system", devices=self.machine.disks)
            qmp.do("cont")
        self.wait_login(120)
        self.set_clock()
        self.plug_unsavable()
        return time.monotonic() - began

