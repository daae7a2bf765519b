# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults as verbs: what happens to machines, done to a lab host. Each is undone by a snapshot, most by a verb of their own."""
import pathlib
import shutil
import time

from .host import Host
from .qmp import QmpError
from .words import LabError

FILLER = ".lab-disk-full"


def network(host: Host, up: bool) -> None:
    """The cable of `lan` pulled or put back; the test's own way in stays."""
    with host.qmp() as qmp:
        qmp.do("set_link", name="nic-lan", up=up)


def suspend(host: Host, seconds: float = 90) -> None:
    """Suspends to memory (S3), by the host's own systemd; returns when the machine sleeps."""
    host.run("systemctl suspend", 60)
    host.ssh.close()
    deadline = time.monotonic() + seconds
    while True:
        with host.qmp() as qmp:
            if qmp.do("query-status")["status"] == "suspended":
                return
        if time.monotonic() > deadline:
            raise LabError(f"{host.name} did not suspend in {seconds:.0f} s", "Its journal tells why: lab ssh journalctl -b -u systemd-suspend")
        time.sleep(0.2)


def resume(host: Host, seconds: float = 120) -> float:
    """Wakes it; returns the seconds until a login works."""
    began = time.monotonic()
    with host.qmp() as qmp:
        try:
            qmp.do("system_wakeup")
        except QmpError as error:
            raise LabError(f"{host.name} is not suspended") from error
    host.wait_login(seconds)
    return time.monotonic() - began


def disk_full(host: Host, folder: str = "/") -> None:
    """Fills the file system of a folder to the last block, root's reserve too."""
    path = f"{folder.rstrip('/')}/{FILLER}"
    # Most of it without writing, the rest until the kernel says no.
    host.run(f"fallocate -l $(( $(df --output=avail -B1 '{folder}' | tail -n 1) * 99 / 100 )) '{path}'; "
             f"dd if=/dev/zero bs=1M >> '{path}' 2>/dev/null; dd if=/dev/zero bs=4k >> '{path}' 2>/dev/null; sync", 600)


def disk_free(host: Host, folder: str = "/") -> None:
    """Gives the space back."""
    host.run(f"rm -f '{folder.rstrip('/')}/{FILLER}' && sync")


def bad_sector(host: Host, device: str, sector: int) -> None:
    """Plugs a medium again with a sector that cannot be read (512 bytes each, any I/O over it fails: EIO)."""
    known = host.machine.devices
    if device not in known or not known[device].medium_mib:
        raise LabError(f"{device} has no medium of its own", f"Media: {', '.join(n for n, d in known.items() if d.medium_mib)}")
    if not 0 <= sector < known[device].medium_mib * 2048:
        raise LabError(f"{device} has {known[device].medium_mib * 2048} sectors")
    if device in host.plugged():
        host.unplug(device)
    node = f"{device}-bad"
    with host.qmp() as qmp:
        if any(n["node-name"] == node for n in qmp.do("query-named-block-nodes", flat=True)):
            qmp.do("blockdev-del", **{"node-name": node})
        rule = {"event": "none", "iotype": "read", "sector": sector, "errno": 5, "immediately": True}
        qmp.do("blockdev-add", driver="blkdebug", image=device, **{"node-name": node, "inject-error": [rule]})
    host.plug(device, drive=node)


def heal(host: Host, device: str) -> None:
    """The medium without its bad sectors."""
    host.unplug(device)
    with host.qmp() as qmp:
        qmp.do("blockdev-del", **{"node-name": f"{device}-bad"})
    host.plug(device)


def clock_jump(host: Host, seconds: int) -> None:
    """The clock of the host jumps, forwards or (negative) backwards; its hardware clock with it."""
    host.run(f"date -s @$(( $(date +%s) + {seconds} )) >/dev/null && (hwclock --systohc --utc 2>/dev/null || true)")


def tpm_swap(host: Host) -> pathlib.Path:
    """Power cut, another TPM, power on: as if the board, or the disk's computer, had been changed. The old one is kept."""
    host.power_cut()
    number = 1 + len(list(host.folder.glob("tpm-old-*")))
    kept = host.folder / f"tpm-old-{number}"
    shutil.move(str(host.folder / "tpm"), str(kept))
    (host.folder / "tpm").mkdir()
    host.power_on()
    return kept


def describe(host: Host) -> str:
    """The state of a host in a line, for `lab status`."""
    if not host.running():
        return "off"
    with host.qmp() as qmp:
        status = qmp.do("query-status")["status"]
    return f"{status}, pid {host.qemu.pid()}, plugged: {', '.join(host.plugged())}; snapshots: {', '.join(host.snapshots()) or 'none'}"
