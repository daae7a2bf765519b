# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `lab`: arguments in, one verb done, faults in a sentence."""
import argparse
import os
import pathlib
import sys
from collections.abc import Callable

from . import acceleration, faults, image, needs, packages, report, runner
from .laboratory import Lab, wanted_settings
from .places import default_lab
from .words import LabError, complain, spell, step

Verb = Callable[[Lab, argparse.Namespace], None]


def debs_of(args: argparse.Namespace) -> pathlib.Path | None:
    """Where our packages come from: a folder given, a build of this checkout, or none."""
    if args.no_packages:
        return None
    if args.packages:
        return pathlib.Path(args.packages).resolve()
    return packages.build()


def up(lab: Lab, args: argparse.Namespace) -> None:
    """start the lab: from its saved state if that fits this checkout, otherwise from nothing"""
    debs = debs_of(args)
    needs.check(lab.folder.path, args.memory * args.hosts)
    lab.up(wanted_settings(args.hosts, args.memory, args.secure_boot, debs), debs, cold=args.cold)
    print(f"up: {', '.join(h.name for h in lab.hosts)}.  tests/lab/lab ssh    tests/lab/lab run    tests/lab/lab down")


def down(lab: Lab, args: argparse.Namespace) -> None:
    """end all of the lab's processes; snapshots stay for the next up (--forget removes them too)"""
    if args.forget:
        lab.forget()
    else:
        lab.down()


def status(lab: Lab, _: argparse.Namespace) -> None:
    """what runs, what is plugged, which snapshots there are"""
    for host in lab.hosts:
        print(f"{host.name}  {faults.describe(host)}")


def ssh(lab: Lab, args: argparse.Namespace) -> None:
    """a shell, or a command, on the host as root"""
    host = lab.host(args.host)
    terminal = ["-t"] if sys.stdin.isatty() else []
    words = ["ssh", "-o", "ControlMaster=no", *host.ssh.base[1:], *terminal, host.ssh.target, *args.command]
    os.execvp(words[0], words)


def snapshot(lab: Lab, args: argparse.Namespace) -> None:
    """save memory, disks, TPM and firmware variables under a name"""
    with step("snapshot") as told:
        for host in lab.hosts:
            host.snapshot(args.name)
        told.result = f"\"{args.name}\""


def restore(lab: Lab, args: argparse.Namespace) -> None:
    """go back to a snapshot, from any state"""
    with step("restore", 10) as told:
        told.result = f"\"{args.name}\", login after " + ", ".join(spell(h.restore(args.name)) for h in lab.hosts)


def power_cut(lab: Lab, args: argparse.Namespace) -> None:
    """pull the plug: nothing is flushed, nothing is asked"""
    lab.host(args.host).power_cut()


def power_on(lab: Lab, args: argparse.Namespace) -> None:
    """boot from the disk as it is"""
    with step("boot", 45) as told:
        told.result = f"login after {spell(lab.host(args.host).power_on())}"


def plug(lab: Lab, args: argparse.Namespace) -> None:
    """plug a device in (lab devices lists them)"""
    lab.host(args.host).plug(args.device)


def unplug(lab: Lab, args: argparse.Namespace) -> None:
    """pull a device out"""
    lab.host(args.host).unplug(args.device)


def devices(lab: Lab, args: argparse.Namespace) -> None:
    """the devices that can be plugged"""
    host = lab.host(args.host)
    plugged = host.plugged() if host.running() else []
    for device in host.machine.devices.values():
        print(f"{device.name:<10} {'plugged' if device.name in plugged else '-':<8} {device.title}")


def suspend(lab: Lab, args: argparse.Namespace) -> None:
    """suspend the host to memory"""
    faults.suspend(lab.host(args.host))


def resume(lab: Lab, args: argparse.Namespace) -> None:
    """wake it"""
    print(f"login after {spell(faults.resume(lab.host(args.host)))}")


def disk_full(lab: Lab, args: argparse.Namespace) -> None:
    """fill the file system of a folder to the last block"""
    faults.disk_full(lab.host(args.host), args.folder)


def disk_free(lab: Lab, args: argparse.Namespace) -> None:
    """give the space back"""
    faults.disk_free(lab.host(args.host), args.folder)


def bad_sector(lab: Lab, args: argparse.Namespace) -> None:
    """plug a medium again with a sector that cannot be read"""
    faults.bad_sector(lab.host(args.host), args.device, args.sector)


def heal(lab: Lab, args: argparse.Namespace) -> None:
    """the medium without its bad sector"""
    faults.heal(lab.host(args.host), args.device)


def network_cut(lab: Lab, args: argparse.Namespace) -> None:
    """pull the cable of the interface lan (SSH of the lab stays)"""
    faults.network(lab.host(args.host), up=False)


def network_join(lab: Lab, args: argparse.Namespace) -> None:
    """put it back"""
    faults.network(lab.host(args.host), up=True)


def clock_jump(lab: Lab, args: argparse.Namespace) -> None:
    """let the host's clock jump by seconds, also negative"""
    faults.clock_jump(lab.host(args.host), args.seconds)


def tpm_swap(lab: Lab, args: argparse.Namespace) -> None:
    """power cut, another TPM, power on"""
    with step("tpm-swap", 45) as told:
        told.result = f"the old one is kept in {faults.tpm_swap(lab.host(args.host))}"


def screenshot(lab: Lab, args: argparse.Namespace) -> None:
    """the host's screen as PNG"""
    lab.host(args.host).screenshot(pathlib.Path(args.file).resolve())


def run(lab: Lab, args: argparse.Namespace) -> None:
    """run tests (all, or those named), each from a snapshot"""
    if args.list:
        runner.show(args.tests)
        return
    code = runner.run(lab, args, lambda: up(lab, args))
    if code:
        raise SystemExit(code)


def make_report(lab: Lab, _: argparse.Namespace) -> None:
    """the table of features with the last result of each, as Markdown and HTML"""
    for path in report.write(lab.folder):
        print(path)


def doctor(lab: Lab, args: argparse.Namespace) -> None:
    """what this machine has and lacks for the lab"""
    lab.folder.path.mkdir(parents=True, exist_ok=True)
    faults_found = needs.lacking(lab.folder.path, args.memory)
    for fault in faults_found:
        print(f"lacks  {fault}")
    if faults_found:
        raise LabError("this machine cannot carry the lab", "Packages come with: sudo setup/install lab")
    print("has    all that the lab needs: tools, firmware, memory, space")


def make_image(lab: Lab, args: argparse.Namespace) -> None:
    """build the host image if it is not in the cache (--again: with the mirror's newest packages)"""
    one = image.get(args.again)
    print(f"{one.disk}  {acceleration.choose(one.kernel).upper()} on this machine")


def parser() -> argparse.ArgumentParser:
    """All verbs and options."""
    top = argparse.ArgumentParser(prog="lab", description="The whole product on a nested host. See docs/lab.md.")
    top.add_argument("--lab", metavar="FOLDER", default=str(default_lab()), help="the lab's own folder (default %(default)s)")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, does: Verb, *, host: bool = False) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=does.__doc__, description=does.__doc__)
        one.set_defaults(does=does)
        if host:
            one.add_argument("--host", type=int, default=1, metavar="N", help="which host (default 1)")
        return one

    def start_options(one: argparse.ArgumentParser) -> None:
        one.add_argument("--hosts", type=int, choices=(1, 2), default=1, help="hosts, on one private network")
        one.add_argument("--memory", type=int, default=3072, metavar="MIB", help="of each host (default %(default)s)")
        one.add_argument("--secure-boot", action="store_true", help="OVMF with SMM and the Secure Boot variables")
        one.add_argument("--cold", action="store_true", help="boot, even if a saved state fits")
        one.add_argument("--no-packages", action="store_true", help="without Bulkhead's own packages")
        one.add_argument("--packages", metavar="FOLDER", help="take the .deb files of this folder, build none")

    start_options(verb("up", up))
    verb("down", down).add_argument("--forget", action="store_true", help="remove disks and snapshots too")
    verb("status", status)
    one = verb("ssh", ssh, host=True)
    one.add_argument("command", nargs=argparse.REMAINDER)
    verb("snapshot", snapshot).add_argument("name")
    verb("restore", restore).add_argument("name")
    one = verb("run", run)
    start_options(one)
    one.add_argument("tests", nargs="*", metavar="TEST", help="names of tests, or feature IDs")
    one.add_argument("--list", action="store_true", help="only say what there is")
    one.add_argument("--smoke", action="store_true", help="the short part, for ./check")
    one.add_argument("--keep", action="store_true", help="leave the lab up afterwards")
    verb("report", make_report)
    verb("doctor", doctor).add_argument("--memory", type=int, default=3072, metavar="MIB")
    verb("image", make_image).add_argument("--again", action="store_true")
    for name, does in (("power-cut", power_cut), ("power-on", power_on), ("suspend", suspend), ("resume", resume),
                       ("network-cut", network_cut), ("network-join", network_join), ("tpm-swap", tpm_swap), ("devices", devices)):
        verb(name, does, host=True)
    for name, does in (("plug", plug), ("unplug", unplug), ("heal", heal)):
        verb(name, does, host=True).add_argument("device")
    one = verb("bad-sector", bad_sector, host=True)
    one.add_argument("device")
    one.add_argument("sector", type=int, nargs="?", default=2048)
    for name, does in (("disk-full", disk_full), ("disk-free", disk_free)):
        verb(name, does, host=True).add_argument("folder", nargs="?", default="/")
    verb("clock-jump", clock_jump, host=True).add_argument("seconds", type=int)
    verb("screenshot", screenshot, host=True).add_argument("file")
    return top


READING = {ssh, status, devices, make_report, doctor}  # these need no lock


def main(words: list[str]) -> int:
    """The whole command; the exit code: 0, 1 for a fault or failed tests, 130 for Ctrl-C."""
    args = parser().parse_args(words)
    lab = Lab(pathlib.Path(args.lab))
    try:
        if args.does in READING or getattr(args, "list", False):
            args.does(lab, args)
        else:
            with lab.held():
                args.does(lab, args)
    except LabError as error:
        complain(error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


