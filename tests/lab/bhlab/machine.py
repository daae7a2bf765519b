# SPDX-License-Identifier: GPL-2.0-or-later
"""The QEMU command line of one lab host: values in, a list of arguments out."""
import base64
import json
import pathlib
from dataclasses import dataclass, field
from typing import Any

from .devices import Device, all_devices
from .needs import OVMF
from .places import LabFolder
from .ssh import key_credential


@dataclass(frozen=True)
class Settings:
    """What a lab was started with. Part of what a snapshot is tied to."""

    image: str                 # key of the host image
    image_disk: str
    acceleration: str          # tcg, kvm
    hosts: int = 1
    memory_mib: int = 3072
    cpus: int = 2
    secure_boot: bool = False
    ports: list[int] = field(default_factory=list)  # SSH, one per host
    packages: str = ""         # hash of our own .deb files, "" without
    debs: str = ""             # their folder


@dataclass(frozen=True)
class Machine:
    """One host: its folder, its number and what it is made of."""

    lab: LabFolder
    settings: Settings
    index: int

    @property
    def folder(self) -> pathlib.Path:
        """Where its disks and sockets lie."""
        return self.lab.host(self.index)

    @property
    def devices(self) -> dict[str, Device]:
        """Its pluggable devices by name."""
        return all_devices(self.folder, self.lab.card)

    @property
    def disks(self) -> list[str]:
        """Node names of all writable disks: what a snapshot holds. The first also takes the memory."""
        return ["system", "vars", *(d.name for d in self.devices.values() if d.medium_mib)]

    def disk(self, node: str) -> pathlib.Path:
        """The qcow2 file of a node."""
        return self.folder / f"{node}.qcow2"

    def block(self, node: str) -> list[str]:
        """-blockdev of a qcow2 file. Guest flushes are obeyed; what was not flushed may be lost with the process."""
        spec = {"node-name": node, "driver": "qcow2", "discard": "unmap",
                "file": {"driver": "file", "filename": str(self.disk(node))}}
        return ["-blockdev", json.dumps(spec)]

    def firmware(self) -> list[str]:
        """OVMF; with Secure Boot the variant that keeps its variables behind SMM."""
        code = OVMF / ("OVMF_CODE_4M.secboot.fd" if self.settings.secure_boot else "OVMF_CODE_4M.fd")
        arguments = ["-blockdev", json.dumps({"node-name": "code", "driver": "raw", "read-only": True,
                                              "file": {"driver": "file", "filename": str(code)}}), *self.block("vars")]
        if self.settings.secure_boot:
            arguments += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
        return arguments

    def credentials(self) -> list[str]:
        """systemd credentials by SMBIOS: the key to log in with, the host's name, its address on the lab's own network."""
        lan = f"[Match]\nName=lan\n[Network]\nAddress=192.0.2.{self.index}/24\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\nConfigureWithoutCarrier=yes\n"
        encoded = base64.b64encode(lan.encode()).decode()
        values = [key_credential(self.lab.key), f"io.systemd.credential:system.hostname=lab{self.index}",
                  f"io.systemd.credential.binary:network.network.20-lan={encoded}"]
        return [word for value in values for word in ("-smbios", f"type=11,value={value.replace(',', ',,')}")]

    def network(self) -> list[str]:
        """`mgmt` leads only to us (SSH on loopback), `lan` only to the other host: two sockets in the lab's folder."""
        other = 2 if self.index == 1 else 1
        lan = {"type": "dgram", "id": "lan", "local": {"type": "unix", "path": str(self.lab.path / f"lan{self.index}.sock")},
               "remote": {"type": "unix", "path": str(self.lab.path / f"lan{other}.sock")}}
        port = self.settings.ports[self.index - 1]
        return ["-netdev", f"user,id=mgmt,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:{port}-:22",
                "-device", f"virtio-net-pci,netdev=mgmt,id=nic-mgmt,mac=52:54:00:1a:b0:{self.index:02x},romfile=",
                "-netdev", json.dumps(lan),
                "-device", f"virtio-net-pci,netdev=lan,id=nic-lan,mac=52:54:00:1a:b1:{self.index:02x},romfile="]

    def pluggable(self, plugged: list[str]) -> list[str]:
        """The media of all pluggable devices, and -device for those that are plugged from the start."""
        arguments: list[str] = []
        for device in self.devices.values():
            if device.medium_mib:
                arguments += self.block(device.name)
            if device.name in plugged:
                arguments += [word for part in device.parts for word in ("-device", json.dumps(part))]
        return arguments

    def command(self, plugged: list[str], paused: bool) -> list[str]:
        """The whole command line. `plugged` names savable devices only; the others are plugged over QMP."""
        accel = "kvm" if self.settings.acceleration == "kvm" else "tcg,thread=multi"
        smm = "on" if self.settings.secure_boot else "off"
        command = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-name", f"bulkhead-lab{self.index}",
            "-machine", f"q35,smm={smm},pflash0=code,pflash1=vars", "-accel", accel,
            "-cpu", "host" if self.settings.acceleration == "kvm" else "max",
            "-smp", str(self.settings.cpus), "-m", str(self.settings.memory_mib), "-rtc", "base=utc",
            "-display", "none", "-device", "VGA,id=vga", "-serial", "chardev:console",
            "-chardev", f"file,id=console,path={self.folder / 'serial.log'},append=on",
            "-qmp", f"unix:{self.folder / 'qmp'},server=on,wait=off",
            "-global", "ICH9-LPC.disable_s3=0",
            *self.firmware(), *self.block("system"),
            "-device", "virtio-blk-pci,drive=system,serial=LABSYSTEM,bootindex=1",
            "-device", "pcie-root-port,id=rp-data,chassis=1,slot=1",
            "-device", "virtio-rng-pci", "-device", "qemu-xhci,id=xhci,p2=8,p3=8", "-device", "piix3-usb-uhci,id=uhci",
            "-chardev", f"socket,id=tpm,path={self.folder / 'tpm.sock'}", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
            "-device", "tpm-crb,tpmdev=tpm0",
            "-audiodev", f"wav,id=wav,path={self.folder / 'audio.wav'}",
            "-chardev", f"socket,id=usbserial,path={self.folder / 'usbserial'},server=on,wait=off",
            *self.network(), *self.credentials(), *self.pluggable(plugged)]
        return [*command, "-S"] if paused else command

    def swtpm(self) -> list[str]:
        """The TPM's own process; it ends with its QEMU."""
        return ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder / 'tpm'}", "--terminate",
                "--ctrl", f"type=unixio,path={self.folder / 'tpm.sock'}", "--flags", "startup-clear"]


def medium_sizes(machine: Machine) -> dict[str, int]:
    """MiB of each qcow2 that starts empty."""
    return {d.name: d.medium_mib for d in machine.devices.values() if d.medium_mib}


def as_json(settings: Settings) -> dict[str, Any]:
    """For lab.json."""
    return dict(vars(settings))
