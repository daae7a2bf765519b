# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab: its folder, its settings and its hosts; up (from nothing, or from what an earlier one saved) and down."""
import contextlib
import fcntl
import hashlib
import json
import pathlib
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

from . import acceleration, card, image, needs, packages, ssh
from .host import Host
from .machine import Machine, Settings, as_json
from .places import LabFolder
from .words import LabError, spell, step

BARE, READY = "bare", "ready"  # booted without our packages; with them and a level image installed
BOOT_EXPECTED = 45


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def qemu_version() -> str:
    """A snapshot belongs to one QEMU."""
    return subprocess.run(["qemu-system-x86_64", "--version"], check=True, capture_output=True, text=True).stdout.split("\n")[0]


def fingerprint(settings: Settings) -> str:
    """What a saved lab must agree with to be used again: all but the ports, and how QEMU is called."""
    known = as_json(settings) | {"ports": [], "qemu": qemu_version()}
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for name in ("machine.py", "devices.py", "packages.py"):
        digest.update(pathlib.Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()


class Lab:
    """One lab. Commands that change it hold its lock; see `held`."""

    def __init__(self, path: pathlib.Path) -> None:
        self.folder = LabFolder(path.resolve())

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """One command at a time; LabError if another one is at work."""
        self.folder.path.mkdir(parents=True, exist_ok=True)
        with self.folder.lock.open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise LabError(f"another command is at work in the lab {self.folder.path}",
                               "Wait for it, or use a lab of your own: --lab FOLDER") from error
            yield

    def saved(self) -> dict[str, object]:
        """The content of lab.json, {} if there is none."""
        try:
            return json.loads(self.folder.settings.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    @property
    def settings(self) -> Settings:
        """What the lab was started with."""
        saved = self.saved()
        if "settings" not in saved:
            raise LabError(f"there is no lab in {self.folder.path}", "Start one: tests/lab/lab up")
        return Settings(**saved["settings"])  # type: ignore[arg-type]

    @property
    def hosts(self) -> list[Host]:
        """Its hosts, running or not."""
        settings = self.settings
        return [Host(Machine(self.folder, settings, i + 1)) for i in range(settings.hosts)]

    def host(self, index: int = 1) -> Host:
        """One host, by number."""
        hosts = self.hosts
        if not 1 <= index <= len(hosts):
            raise LabError(f"the lab has no host {index}", f"It has {len(hosts)}. Another: lab up --hosts 2")
        return hosts[index - 1]

    def running(self) -> bool:
        """Whether all hosts run."""
        return bool(self.saved()) and all(h.running() for h in self.hosts)

    def up(self, wanted: Settings, debs: pathlib.Path | None, cold: bool = False) -> None:
        """Brings the lab up: from its own saved state if it fits, otherwise from new disks. What a crashed one left is ended."""
        needs.check(self.folder.path, wanted.memory_mib * wanted.hosts)
        self.down()
        mark = fingerprint(wanted)
        warm = not cold and self.saved().get("fingerprint") == mark
        settings = Settings(**as_json(wanted) | {"ports": [free_port() for _ in range(wanted.hosts)]})
        ssh.make_key(self.folder.key)
        card.make(self.folder.card)
        # The mark is written last: a lab that was killed half-way is not taken for a whole one.
        self.save(settings, mark if warm else "")
        best = READY if debs else BARE
        if warm and all(best in h.snapshots() for h in self.hosts):
            self.warm(best)
            return
        self.cold(debs)
        self.save(settings, mark)

    def save(self, settings: Settings, mark: str) -> None:
        """Writes lab.json whole."""
        scratch = self.folder.settings.with_suffix(".new")
        scratch.write_text(json.dumps({"settings": as_json(settings), "fingerprint": mark}), encoding="utf-8")
        scratch.rename(self.folder.settings)

    def warm(self, name: str) -> None:
        """From the saved state."""
        with step("restore", 12) as told:
            took = [h.restore(name) for h in self.hosts]
            told.result = f"snapshot \"{name}\", login after {', '.join(spell(t) for t in took)}"

    def cold(self, debs: pathlib.Path | None) -> None:
        """From new disks: boot, save, install, save."""
        with step("boot", BOOT_EXPECTED * len(self.hosts)) as told:
            began = time.monotonic()
            for host in self.hosts:
                host.create()
                host.launch()
            for host in self.hosts:
                host.wait_login(300 * len(self.hosts))
                told.note = f"{host.name} lets us in"
            login = time.monotonic() - began
            for host in self.hosts:
                settle(host)
            told.result = f"{len(self.hosts)} under {self.settings.acceleration.upper()}, login after {spell(login)}"
        self.save_state(BARE)
        if debs:
            with step("packages", 60) as told:
                told.result = "; ".join(packages.install(h, debs) for h in self.hosts)
            with step("level image", 90) as told:
                level = packages.level_image(debs)
                told.result = "; ".join(packages.bring_image(h, level) for h in self.hosts)
            self.save_state(READY)

    def save_state(self, name: str) -> None:
        """A snapshot of every host."""
        with step("snapshot", 10) as told:
            for host in self.hosts:
                host.snapshot(name)
            told.result = f"\"{name}\""
        for host in self.hosts:
            host.plug_unsavable()

    def down(self) -> None:
        """Ends every process of the lab, also of one that crashed. Disks and snapshots stay for the next `up`."""
        for record in sorted(self.folder.path.glob("host[0-9]*")):
            if "settings" in self.saved() and re.fullmatch(r"host[12]", record.name):
                index = int(record.name[4:])
                settings = self.settings
                ports = [*settings.ports, 0, 0]
                Host(Machine(self.folder, Settings(**as_json(settings) | {"ports": ports}), index)).power_cut()

    def forget(self) -> None:
        """Down, and removes its disks."""
        self.down()
        for path in self.folder.path.glob("host[0-9]*"):
            shutil.rmtree(path)
        self.folder.settings.unlink(missing_ok=True)


def settle(host: Host) -> None:
    """Waits until systemd has started everything, and takes time from us."""
    host.set_clock()
    state = host.outcome("systemctl is-system-running --wait", 300).out.strip()
    if state not in ("running", "degraded"):
        raise LabError(f"{host.name} did not come up: systemd says {state or 'nothing'}")


def wanted_settings(hosts: int, memory_mib: int, secure_boot: bool, debs: pathlib.Path | None) -> Settings:
    """The settings for these options on this machine; builds the image if need be."""
    one = image.get()
    return Settings(image=one.key, image_disk=str(one.disk), acceleration=acceleration.choose(one.kernel), hosts=hosts,
                    memory_mib=memory_mib, secure_boot=secure_boot, packages=packages.key(debs) if debs else "",
                    debs=str(debs) if debs else "")
