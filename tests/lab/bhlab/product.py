# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps that several product tests share: two levels, the office on the cable, questions to `bulkhead`."""
import base64
import json
import pathlib
import shlex
from typing import Any

from .host import Host
from .places import TOP
from .ssh import Outcome

UNITS = ("bulkhead-hostd.service", "bulkhead-netd.service", "bulkhead-brokerd.service", "bulkhead-superd.service")
EXAMPLE = TOP / "vmspec/examples/two-levels"
SPEC = "/root/lab-spec"
OFFICE = "203.0.113.1"          # what low's rules allow: see vmspec/examples/two-levels/levels/low.toml
OFFICE_HOST = "203.0.113.254"   # the lab host's own address towards it
START_SECONDS = 420


def spec_files() -> dict[str, str]:
    """The example set with the office behind the cable `lan`, and no TCG: levels here run under KVM or not at all. KVM is
    emulated where the lab itself runs under TCG: an agent takes its time."""
    files = {str(p.relative_to(EXAMPLE)): p.read_text(encoding="utf-8") for p in sorted(EXAMPLE.rglob("*.toml"))}
    files["networks.toml"] = files["networks.toml"].replace("bhu-office", "lan")
    files["host.toml"] = "schema = 2\n\n[acceleration]\naccel = \"kvm\"\n\n[guest]\nhello-timeout = \"400 s\"\n"
    return files


def office(host: Host) -> None:
    """The lab host's leg in the office network; kept across a reboot."""
    unit = f"[Match]\nName=lan\n[Network]\nAddress={OFFICE_HOST}/24\nAddress=2001:db8:77::fe/64\nConfigureWithoutCarrier=yes\n"
    host.run("mkdir -p /etc/systemd/network")
    host.push(unit.encode(), "/etc/systemd/network/15-lan.network")
    host.run("networkctl reload && networkctl reconfigure lan")
    host.wait_for(f"ip -o -4 addr show dev lan | grep -q {OFFICE_HOST}", 30)


def apply_spec(host: Host, files: dict[str, str]) -> str:
    """Checks the set and makes it the one in force."""
    host.run(f"rm -rf {SPEC} && mkdir -p {SPEC}/levels")
    for name, text in files.items():
        host.push(text.encode(), f"{SPEC}/{name}")
    return host.run(f"bulkhead spec apply {SPEC}", 120)


def ask(host: Host, *words: str, seconds: float = 60) -> Any:
    """The JSON answer of a bulkhead command."""
    return json.loads(host.run(shlex.join(["bulkhead", "--json", *words]), seconds))


def states(host: Host) -> dict[str, str]:
    """Level -> state."""
    return {level["name"]: level["state"] for level in ask(host, "list")["levels"]}


def in_level(host: Host, level: str, script: str, root: bool = True) -> Outcome:
    """Runs a shell script inside a level."""
    encoded = base64.b64encode(script.encode()).decode()
    who = "--root " if root else ""
    return host.outcome(f"bulkhead run {who}--timeout 90 {level} -- sh -c 'echo {encoded} | base64 -d | sh'", 150)


def levels_up(host: Host) -> None:
    """Starts the levels that the snapshot "levels" has, stopped."""
    host.run("bulkhead start low high", START_SECONDS)


def domain_is_kvm(host: Host, level: str) -> bool:
    """What QEMU itself says of the level's machine."""
    question = json.dumps({"execute": "query-kvm"})
    return '"enabled":true' in host.run(f"virsh qemu-monitor-command bulkhead-{level} '{question}'")


def units_active(host: Host) -> dict[str, str]:
    """Unit -> what systemctl is-active says."""
    return {unit: host.outcome(f"systemctl is-active {unit}").out.strip() for unit in UNITS}


def units_come_up(host: Host) -> None:
    """Waits until every daemon says that it is ready; hostd is so when it has its name on the bus."""
    host.wait_for("systemctl is-active " + " ".join(UNITS), 180)


def lab_folder(host: Host) -> pathlib.Path:
    """Where the cable's socket lies."""
    return host.machine.lab.path
