# SPDX-License-Identifier: GPL-2.0-or-later
"""The devices of a lab host that can be plugged and unplugged, and what QEMU is told about each.

`savable` is False where QEMU 10 is said to refuse to save a machine that has the device ("State blocked by
non-migratable device"): usb-audio, usb-serial and usb-mtp. They are pulled before a snapshot and plugged after it, and after
each restore.
"""
import pathlib
from dataclasses import dataclass
from typing import Any

STICK_SERIAL = "LAB000000001"  # the same for both: identity must come from the port


@dataclass(frozen=True)
class Device:
    """One thing that a hand could plug."""

    name: str
    title: str
    parts: tuple[dict[str, Any], ...]  # device_add, in order
    medium_mib: int = 0                # of its own qcow2, 0: none
    savable: bool = True


def usb(driver: str, ident: str, port: int, **more: Any) -> dict[str, Any]:
    """A USB device at a port of the one xHCI controller."""
    return {"driver": driver, "id": ident, "bus": "xhci.0", "port": str(port), **more}


def stick(name: str, port: int) -> Device:
    """A USB stick; both say the same of themselves."""
    part = usb("usb-storage", name, port, drive=name, serial=STICK_SERIAL, removable=True)
    return Device(name, f"USB stick in port {port}", (part,), medium_mib=64)


def all_devices(folder: pathlib.Path, card: pathlib.Path) -> dict[str, Device]:
    """The devices of the host that lives in `folder`, by name; `card` is the folder of the smartcard's keys."""
    data = {"driver": "virtio-blk-pci", "id": "data", "bus": "rp-data", "drive": "data", "serial": "LABDATA"}
    # On UHCI: behind xHCI pcscd gets short reads from it ("Not enough data received").
    reader = {"driver": "usb-ccid", "id": "reader", "bus": "uhci.0", "port": "1"}
    smartcard = {"driver": "ccid-card-emulated", "id": "card", "bus": "reader.0", "backend": "certificates",
                 "db": f"sql:{card}", "cert1": "lab-sign", "cert2": "lab-encrypt", "cert3": "lab-auth"}
    rows = (
        stick("stick-a", 1),
        stick("stick-b", 2),
        Device("reader", "smartcard reader with a card (CAC)", (reader, smartcard), savable=False),
        Device("audio", "USB sound card", (usb("usb-audio", "audio", 4, audiodev="wav"),), savable=False),
        Device("serial", "USB serial adapter", (usb("usb-serial", "serial", 5, chardev="usbserial"),), savable=False),
        Device("mtp", "MTP player", (usb("usb-mtp", "mtp", 6, rootdir=str(folder / "mtp"), desc="Lab player"),), savable=False),
        Device("tablet", "USB tablet", (usb("usb-tablet", "tablet", 7),)),
        Device("data", "second disk", (data,), medium_mib=2048),
    )
    return {d.name: d for d in rows}
