#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job on the real thing: ./try, then what must hold on the levels it started.

Runs as root inside tests/integration/sandbox, never elsewhere. Each test is one function whose
docstring is its name and feature IDs. Closes with "N passed, N failed, N skipped".
    tests/integration/sandbox python3 tests/integration/main_job.py [--only WORD,...]
"""
import glob
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BULKHEAD = os.path.join(TOP, "build/bulkhead")
RUN, STATE = "/run/bulkhead", "/var/lib/bulkhead"
CORPORA = os.environ.get("BULKHEAD_CORPORA", os.path.join(os.path.dirname(TOP), "shared/corpora"))
EXAMPLE = os.path.join(TOP, "vmspec/examples/two-levels")


class Skip(Exception):
    """The test cannot run here; the message says why."""


def run(*argv, check=True, timeout=180, **kw):
    """Runs a program; returns CompletedProcess with text output."""
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=timeout, **kw)
    p.stdout = p.stdout.decode("utf-8", "replace")
    p.stderr = p.stderr.decode("utf-8", "replace")
    if check and p.returncode != 0:
        raise AssertionError(f"{' '.join(argv)} ended with {p.returncode}: {p.stdout[-800:]} {p.stderr[-800:]}")
    return p


def bulkhead(*argv, **kw):
    return run(BULKHEAD, *argv, **kw)


def query(*argv):
    return json.loads(bulkhead("--json", *argv).stdout)


def level(name):
    return next((l for l in query("status")["levels"] if l["name"] == name), None)


def states():
    return {l["name"]: l["state"] for l in query("status")["levels"]}


def in_level(name, script, root=True, timeout=60, check=True):
    """Runs a shell script inside a level."""
    return run(BULKHEAD, "run", *(["--root"] if root else []), "--timeout", str(timeout), name, "--",
               "sh", "-c", script, check=check, timeout=timeout + 30)


def until(what, seconds, probe):
    """Waits until probe() is true; says what it waited for when it is not."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            last = probe()
            if last:
                return last
        except (AssertionError, subprocess.TimeoutExpired, ValueError, KeyError, StopIteration) as e:
            last = e
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what} (last: {last})")


def apply(folder):
    return bulkhead("spec", "apply", folder, check=False)


def check_by_daemon(folder):
    """What CheckSpec on the bus answers, as gdbus prints it."""
    paths = [os.path.join(d, f) for d, _, names in os.walk(folder) for f in names if f.endswith(".toml")]
    files = {os.path.relpath(p, folder): open(p, encoding="utf-8").read() for p in paths}
    text = "{" + ", ".join(f"{json.dumps(path)}: {json.dumps(content)}" for path, content in files.items()) + "}"
    return run("gdbus", "call", "--address", f"unix:path={RUN}/bus/socket", "--dest", "org.bulkhead.Host1",
               "--object-path", "/org/bulkhead/Host1", "--method", "org.bulkhead.Host1.CheckSpec", text).stdout


class SpecCopy:
    """A changed copy of the example spec set, thrown away afterwards."""

    def __init__(self, **changes):
        self.folder = f"/tmp/spec-{os.getpid()}-{random.randrange(10**9)}"
        shutil.copytree(EXAMPLE, self.folder)
        for path, edit in changes.items():
            self.edit(path.replace("__", "/") + ".toml", edit)

    def edit(self, path, edit):
        full = os.path.join(self.folder, path)
        old = open(full, encoding="utf-8").read() if os.path.exists(full) else ""
        with open(full, "w", encoding="utf-8") as f:
            f.write(edit(old) if callable(edit) else edit)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


def pids_of(program):
    """Process ids whose executable is one of ours (or libvirtd) in this namespace."""
    found = {}
    for p in glob.glob("/proc/[0-9]*"):
        try:
            exe = os.readlink(p + "/exe").replace(" (deleted)", "")
            args = open(p + "/cmdline", "rb").read().split(b"\0")
        except OSError:
            continue
        if os.path.basename(exe) == program:
            found[int(p[6:])] = [a.decode("utf-8", "replace") for a in args]
    return found


def one_pid(program, *words):
    for pid, args in pids_of(program).items():
        if all(w in args for w in words):
            return pid
    raise AssertionError(f"no {program} {words} runs")


def qemu_pids():
    out = {}
    for pid, args in pids_of("qemu-system-x86_64").items():
        m = re.search(r"guest=bulkhead-([a-z0-9-]+)", " ".join(args))
        if m:
            out[m.group(1)] = pid
    return out


def sha(name, path):
    p = in_level(name, f"sha256sum '{path}'", root=False, check=False)
    return p.stdout.split(" ")[0] if p.returncode == 0 else None


# --- the tests, in the order they run ------------------------------------------------------------


def test_try_first():
    """S7 S9 S14 S19 S21 ./try brings up two levels and shows the main job"""
    p = run(os.path.join(TOP, "try"), timeout=900)
    print(p.stdout)
    for word in ("low, high running", "spoofing refused (3 of 3)", "SHA-256 equal", "refused: no flow leads there",
                 "lent read-only to high, read, taken back"):
        assert word in p.stdout, f"'{word}' is missing in: {p.stdout}"


def test_try_again():
    """A7 ./try a second time finds everything and ends well"""
    before = qemu_pids()
    t0 = time.monotonic()
    run(os.path.join(TOP, "try"), timeout=600)
    print(f"second ./try: {time.monotonic() - t0:.1f} s, levels kept running")
    assert qemu_pids() == before, "a running level was restarted"


def test_restart_levels_ready():
    """S7 ./try --down keeps the state; ./try brings both levels to ready again"""
    in_level("low", "echo kept > /home/user/kept.txt; sync")
    run(os.path.join(TOP, "try"), "--down", timeout=120)
    assert not qemu_pids(), "a level outlived --down"
    t0 = time.monotonic()
    run(os.path.join(TOP, "try"), timeout=600)
    print(f"./try after --down, shows included: {time.monotonic() - t0:.1f} s")
    assert in_level("low", "cat /home/user/kept.txt").stdout.strip() == "kept"


def test_pci_only_virtio():
    """I9 S19 from inside high every PCI device is virtio, host bridge or PCIe port"""
    out = in_level("high", 'for d in /sys/bus/pci/devices/*; do echo "$(cat $d/class) $(cat $d/vendor) $(cat $d/device)"; done').stdout
    rows = [r.split() for r in out.split("\n") if r]
    assert len(rows) > 4, out
    for cls, vendor, _ in rows:
        ok = vendor == "0x1af4" or cls.startswith("0x0600") or cls.startswith("0x0604")
        assert ok, f"a foreign PCI device: {cls} {vendor}\n{out}"
    more = in_level("high", "ls /sys/bus/usb/devices /sys/class/ata_port /sys/bus/serio/devices 2>/dev/null | grep . ; true").stdout
    assert not re.search(r"^(usb|ata|serio)\d", more, re.M), more
    print(f"{len(rows)} PCI functions: " + ", ".join(sorted({' '.join(r) for r in rows})))


def test_no_suid_readonly_root():
    """T5 A1 no SUID bit in a level, its root is read-only"""
    out = in_level("low", "find / -xdev -perm /6000 -type f; touch /usr/x 2>&1; awk '$2==\"/\"{print $3,$4}' /proc/mounts").stdout
    assert "Read-only file system" in out and "erofs" in out, out
    assert not re.search(r"^/", out, re.M), out


def test_uid_per_level():
    """S7 each level's QEMU has a uid of its own, seccomp on, no capability"""
    uids = {}
    for name, pid in qemu_pids().items():
        status = open(f"/proc/{pid}/status", encoding="utf-8").read()
        uids[name] = re.search(r"^Uid:\s+(\d+)", status, re.M).group(1)
        assert re.search(r"^Seccomp:\s+2", status, re.M), status
        assert re.search(r"^CapEff:\s+0+$", status, re.M), status
    assert len(set(uids.values())) == len(uids) >= 2 and "0" not in uids.values(), uids


def test_daemons_confined():
    """B7 every daemon of ours runs as its own uid without privileges it does not need"""
    want_caps = {"bulkhead-netd": 1 << 12}
    seen = {}
    for program in ("bulkhead-hostd", "bulkhead-netd", "bulkhead-brokerd", "bulkhead-agentd",
                    "bulkhead-diode-send", "bulkhead-diode-receive"):
        pids = pids_of(program)
        assert pids, f"{program} does not run"
        for pid in pids:
            status = open(f"/proc/{pid}/status", encoding="utf-8").read()
            uid = int(re.search(r"^Uid:\s+(\d+)", status, re.M).group(1))
            caps = int(re.search(r"^CapEff:\s+([0-9a-f]+)", status, re.M).group(1), 16)
            assert uid not in (0, *seen), f"{program} shares uid {uid}"
            seen[uid] = program
            assert caps & ~want_caps.get(program, 0) == 0, f"{program} CapEff {caps:x}"
            assert re.search(r"^NoNewPrivs:\s+1", status, re.M), program
            if program != "bulkhead-hostd":
                assert re.search(r"^Seccomp:\s+2", status, re.M), f"{program} has no seccomp filter"
    for program in ("bulkhead-agentd", "bulkhead-diode-send", "bulkhead-diode-receive"):
        for pid in pids_of(program):
            assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net"), f"{program} has a network"


def test_nothing_passes_without_rules():
    """S21 I1 with no rule loaded nothing leaves low, in either family"""
    with SpecCopy(levels__low=lambda t: re.sub(r"allow  = \[.*?\n\]\n", "allow = []\n", t, flags=re.S)) as spec:
        p = apply(spec.folder)
        assert p.returncode == 0, p.stderr
        for target in ("203.0.113.1", "2001:db8:77::1"):
            assert in_level("low", f"ping -c 2 -W 1 {target}", check=False).returncode != 0, f"{target} answered"
    assert apply(EXAMPLE).returncode == 0
    for target in ("203.0.113.1", "2001:db8:77::1"):
        assert in_level("low", f"ping -c 1 -W 5 {target}", check=False).returncode == 0, f"{target} is cut off"


def test_spec_against_lattice():
    """I6 S8 a transfer flow from high to low cannot be applied, and the error names the place"""
    with SpecCopy(flows=lambda t: t + '\n[flow.down]\nfrom = "high"\nto = "low"\nkind = "transfer"\n') as spec:
        before = query("flow", "list")
        p = apply(spec.folder)
        assert p.returncode != 0
        text = p.stdout + p.stderr
        assert "B0301" in text and "flows.toml" in text and "Nothing was applied" in text, text
        assert query("flow", "list") == before
        # hostd's own answer has all that the CLI prints: the way, each step with its place.
        found = json.loads(bulkhead("--json", "spec", "check", spec.folder, check=False).stdout)["diagnostics"]
        way = next(d for d in found if d["code"] == "B0301")
        said = check_by_daemon(spec.folder)
        assert way["help"] in said, said
        for note in way["notes"]:
            assert re.search(f"'{note['file']}', (uint32 )?{note['line']}, '{re.escape(note['message'])}'", said), said


def test_spec_with_faults():
    """S7 a spec with faults: all of them at once, file, line and column, nothing applied"""
    with SpecCopy(levels__low=lambda t: t.replace("vcpus  = 1", "vcpu = 1").replace("512 MiB", "512 MiBB")) as spec:
        p = apply(spec.folder)
        text = p.stdout + p.stderr
        assert p.returncode != 0 and 'did you mean "vcpus"' in text and "512 MiBB" in text, text
        assert re.search(r"levels/low\.toml:\d+:\d+", text), text


def test_only_declared_channels():
    """S8 a level sees its own ports only, and no socket of another level can be opened by its QEMU"""
    low = set(in_level("low", "ls /dev/virtio-ports").stdout.split())
    high = set(in_level("high", "ls /dev/virtio-ports").stdout.split())
    assert low == {"org.bulkhead.control", "org.bulkhead.out.up"}, low
    assert high == {"org.bulkhead.control", "org.bulkhead.in.up"}, high


def send(name, size, timeout=90):
    """Makes a file of random bytes in low and hands it to the diode; its SHA-256."""
    in_level("low", f"head -c {size} /dev/urandom > '/home/user/{name}'", root=False)
    digest = sha("low", f"/home/user/{name}")
    run(BULKHEAD, "run", "--timeout", str(timeout), "low", "--", "bulkhead-send", "--to", "high",
        f"/home/user/{name}", timeout=timeout + 30)
    return digest


def arrived(name, digest, seconds=90):
    until(f"{name} arrives whole", seconds, lambda: sha("high", f"/home/user/Incoming/low/{name}") == digest)


def test_names_naughty():
    """S9 naughty file names arrive as they are or are refused with a word; none breaks anything"""
    path = os.path.join(CORPORA, "naughty-strings/blns.txt")
    if not os.path.exists(path):
        raise Skip("no corpora here")
    names = [l for l in open(path, encoding="utf-8").read().split("\n") if l and not l.startswith("#")]
    random.seed(7)
    names = random.sample(names, 25) + ["../../etc/passwd", "-rf", ".bashrc", "a ", "a.", "\x1b[2J.txt"]
    before = set(in_level("high", "ls -A /home/user/Incoming/low 2>/dev/null", root=False).stdout.split("\n"))
    arrived_names = refused = 0
    for n in names:
        # The name travels as bytes in an argument; the file itself has a plain name.
        p = run(BULKHEAD, "run", "--timeout", "60", "low", "--", "bulkhead-send", "--to", "high", "--name", n,
                "/etc/hostname", check=False)
        arrived_names += p.returncode == 0
        refused += p.returncode != 0
        assert "\x1b" not in p.stdout + p.stderr, "a terminal escape came through"
    until("all accepted names arrive", 60, lambda: len(set(in_level(
        "high", "ls -A /home/user/Incoming/low", root=False).stdout.split("\n")) - before) >= 0)
    tree = in_level("high", "find / -xdev -newermt '-60 seconds' -name passwd 2>/dev/null; true").stdout
    assert not tree.strip(), tree
    assert refused >= 6, "hostile names were accepted"
    print(f"{arrived_names} accepted, {refused} refused")


def test_high_cannot_send_down():
    """S8 I6 high is refused to send down, exit 3, and the audit log has it"""
    p = in_level("high", "bulkhead-send --to low /etc/hostname", root=False, check=False)
    assert p.returncode == 3 and "no flow leads from high to low" in p.stdout + p.stderr, p.stdout + p.stderr
    until("audit record", 10, lambda: any(
        r["outcome"] == "refused" and r["actor"] == "level:high" and r["subject"] == "low"
        for r in query("audit", "tail", "--lines", "40")["records"]))


def test_guest_floods_the_ports():
    """I8 a guest that sends a frame of 4 GiB and garbage gains nothing and is heard again afterwards"""
    script = r"""systemctl stop bulkhead-agent; sleep 1
head -c 100000 /dev/urandom > /dev/virtio-ports/org.bulkhead.out.up
printf 'BKH1\311\000\000\000\377\377\377\377\000\000\000\000' > /dev/virtio-ports/org.bulkhead.out.up
head -c 100000 /dev/urandom > /dev/virtio-ports/org.bulkhead.control
printf 'BKH1\001\000\000\000\377\377\377\377\000\000\000\000' > /dev/virtio-ports/org.bulkhead.control
systemctl start bulkhead-agent"""
    pids = {p: one_pid(p, *w) for p, w in (("bulkhead-agentd", ["low"]), ("bulkhead-diode-send", ["up"]))}
    in_level("low", f"systemd-run --quiet --unit=flood sh -c '{script}'")
    time.sleep(5)
    until("low answers again", 60, lambda: in_level("low", "true", check=False).returncode == 0)
    assert level("low")["state"] == "running"
    for program, pid in pids.items():
        rss = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status", encoding="utf-8").read()).group(1))
        assert rss < 32 * 1024, f"{program} grew to {rss} KiB"
    arrived("after-flood.bin", send("after-flood.bin", 300_000))


MID = """schema = 1
title = "Middle"
label = { rank = 1 }
image = "minimal"
[resources]
memory = "384 MiB"
"""


def test_apply_touches_what_it_changes():
    """S7 I1 a changed set under two levels and a transfer: only what changed is touched, the rest is told and kept"""
    qemus = {k: v for k, v in qemu_pids().items() if k in ("low", "high")}
    boots = {l: level(l)["boot_id"] for l in qemus}
    halves = {p: one_pid(p, "up") for p in ("bulkhead-diode-send", "bulkhead-diode-receive")}
    name = f"apply-{random.randrange(10**6)}.bin"
    in_level("low", f"head -c 6000000 /dev/urandom > /home/user/{name}", root=False)
    digest = sha("low", f"/home/user/{name}")
    sender = subprocess.Popen([BULKHEAD, "run", "--timeout", "90", "low", "--", "bulkhead-send", "--to", "high",
                               f"/home/user/{name}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)

    def rules(t):
        return re.sub(r"allow  = \[.*?\n\]\n", "allow = []\n", t, flags=re.S)
    with SpecCopy(levels__low=rules, levels__mid=MID,
                  levels__high=lambda t: re.sub(r'memory *= *"\d+ MiB"', 'memory = "640 MiB"', t)) as spec:
        p = bulkhead("--json", "spec", "apply", "-m", "while it runs", spec.folder)
        answer = json.loads(p.stdout)
        assert answer["restart_needed"] == {"high": ["memory"]}, answer
        assert level("high")["restart_needed"] == ["memory"] and level("low")["restart_needed"] == []
        assert "high: restart needed: memory" in bulkhead("status").stdout
        assert in_level("low", "ping -c 1 -W 1 203.0.113.1", check=False).returncode != 0, "old rules hold"
        arrived(name, digest)
        sender.wait(timeout=60)
        assert sender.returncode == 0
        assert {p: one_pid(p, "up") for p in halves} == halves, "a half was restarted"
        history = query("spec", "history")["versions"]
        assert history[0]["present"] and history[0]["comment"] == "while it runs", history[0]
    p = bulkhead("spec", "rollback", str(history[1]["version"]))
    print(p.stdout.strip().split("\n")[-1])
    assert in_level("low", "ping -c 1 -W 5 203.0.113.1", check=False).returncode == 0, "the rollback gave the rules back"
    assert level("high")["restart_needed"] == []
    assert {k: v for k, v in qemu_pids().items() if k in qemus} == qemus, "a level was restarted"
    assert {l: level(l)["boot_id"] for l in qemus} == boots
    assert any(r["action"] == "spec.rollback" for r in query("audit", "tail", "--lines", "40")["records"])


PEOPLE = {"bh-user": (3001, "bulkhead-user"), "bh-admin": (3002, "bulkhead-admin"),
          "bh-audit": (3003, "bulkhead-audit"), "bh-none": (3004, "bh-nobody")}


class People:
    """Users of our own on this machine while it lasts: the sandbox' /etc is the machine's, so copies lie over it."""

    def __enter__(self):
        self.real = {}
        for p in ("passwd", "group"):
            lines = open(f"/etc/{p}", encoding="utf-8").readlines()
            self.real[p] = "".join(l for l in lines if not l.startswith(("bulkhead", "bh-")))
        for p in self.real:
            self.write(p)
            run("mount", "--bind", f"/run/etc-{p}", f"/etc/{p}")
        shutil.copy(BULKHEAD, "/run/bulkhead-cli")
        os.chmod("/run/bulkhead-cli", 0o755)
        until("the bus knows them", 10, lambda: self.call("bh-user", "list").returncode == 0)
        return self

    def __exit__(self, *_):
        for p in self.real:
            run("umount", f"/etc/{p}", check=False)

    def write(self, which, without=()):
        lines = ""
        for i, (name, (uid, group)) in enumerate(PEOPLE.items()):
            members = "" if name in without else name
            lines += f"{name}:x:{uid}:{uid}::/:/bin/sh\n" if which == "passwd" else f"{group}:x:{3100 + i}:{members}\n"
        with open(f"/run/etc-{which}", "w", encoding="utf-8") as f:
            f.write(self.real[which] + lines)

    def run_as(self, name, *argv):
        uid = str(PEOPLE[name][0])
        return run("setpriv", "--reuid", uid, "--regid", uid, "--init-groups", *argv, check=False, cwd="/")

    def call(self, name, *argv):
        return self.run_as(name, "/run/bulkhead-cli", *argv)

    def gdbus(self, name, dest, method, *argv):
        return self.run_as(name, "gdbus", "call", "--address", f"unix:path={RUN}/bus/socket", "--dest", dest,
                           "--object-path", "/", "--method", method, *argv)


def test_roles_of_callers():
    """S7 I7 who calls gets what its role allows, over the real bus; a stranger does not even connect"""
    with People() as people, SpecCopy() as spec:
        os.chmod(spec.folder, 0o755)
        assert people.call("bh-none", "list").returncode == 5, "a user in no group came in"
        assert people.call("bh-user", "run", "low", "--", "true").returncode == 0
        for who, argv, word in (("bh-user", ("spec", "apply", spec.folder), "the role admin"),
                                ("bh-user", ("spec", "rollback", "1"), "the role admin"),
                                ("bh-user", ("audit", "tail"), "admin or audit"),
                                ("bh-user", ("run", "--root", "low", "--", "true"), "root in level low"),
                                ("bh-audit", ("stop", "low"), "to stop level low"),
                                ("bh-audit", ("device", "lend", "loop0", "high"), "level high")):
            p = people.call(who, *argv)
            assert p.returncode in (3, 125) and word in p.stderr, f"{who} {argv}: {p.returncode} {p.stderr}"
        print(p.stderr.strip())
        assert people.call("bh-audit", "audit", "verify").returncode == 0
        p = people.call("bh-admin", "spec", "apply", "-m", "by an administrator", spec.folder)
        assert p.returncode == 0, p.stderr
        assert query("spec", "history")["versions"][0]["actor"] == "uid:3002"
        records = query("audit", "tail", "--lines", "60")["records"]
        assert any(r["actor"] == "uid:3001" and r["action"] == "spec.apply" and r["outcome"] == "refused" for r in records)
        assert any(r["actor"] == "uid:3003" and r["subject"] == "low" and r["outcome"] == "refused" for r in records)
        # Nobody is hostd, and nobody reaches anybody else.
        p = people.gdbus("bh-admin", "org.freedesktop.DBus", "org.freedesktop.DBus.RequestName", "org.bulkhead.Host1", "0")
        assert "AccessDenied" in p.stderr, p.stdout + p.stderr
        listener = subprocess.Popen([BULKHEAD, "events"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        names = re.findall(r":1\.\d+", people.gdbus("bh-user", "org.freedesktop.DBus", "org.freedesktop.DBus.ListNames").stdout)
        pings = {n: people.gdbus("bh-user", n, "org.freedesktop.DBus.Peer.Ping") for n in names}
        listener.kill()
        listener.wait()
        hostd = re.search(r":1\.\d+", people.gdbus("bh-user", "org.freedesktop.DBus", "org.freedesktop.DBus.GetNameOwner",
                                                  "org.bulkhead.Host1").stdout).group(0)
        assert {n for n, p in pings.items() if p.returncode == 0} == {hostd}, pings
        assert any("AccessDenied" in p.stderr for p in pings.values()), "the listener was not even tried"
        people.write("group", without=("bh-user",))
        until("who left the group is turned away", 15, lambda: people.call("bh-user", "list").returncode in (3, 5))
    until("all is as before", 10, lambda: states()["low"] == "running")


DOWN = """
[flow.down]
from = "high"
to = "low"
kind = "downgrade"
reason = "press releases"
approved-by = ["admin", "audit"]
"""


def test_downgrade_takes_two_people():
    """I6 S8 a downgrade comes into force only when two people with two roles approved exactly it"""
    with People() as people, SpecCopy(flows=lambda t: t + DOWN) as spec, \
            SpecCopy(flows=lambda t: t + DOWN.replace("press", "all")) as other:
        for folder in (spec.folder, other.folder):
            os.chmod(folder, 0o755)
        p = people.call("bh-admin", "spec", "apply", spec.folder)
        assert p.returncode == 3 and "two different people" in p.stderr, p.stdout + p.stderr
        print(p.stderr.strip())
        assert people.call("bh-user", "spec", "approve", spec.folder).returncode == 3
        p = people.call("bh-audit", "spec", "approve", spec.folder)
        assert p.returncode == 0, p.stdout + p.stderr
        print(p.stdout.strip())
        assert people.call("bh-admin", "spec", "apply", other.folder).returncode == 3, "an approval of something else counted"
        assert people.call("bh-admin", "spec", "apply", spec.folder).returncode == 0
        assert next(f for f in query("flow", "list")["flows"] if f["name"] == "down")["kind"] == "downgrade"
        assert level("low")["restart_needed"] == level("high")["restart_needed"] == ["flow down"]
        consent = [r for r in query("audit", "tail", "--lines", "20")["records"] if r["action"] == "downgrade.consent"]
        assert consent[-1]["detail"]["as admin"] == "uid:3002" and consent[-1]["detail"]["as audit"] == "uid:3003", consent
        assert query("spec", "approvals")["approvals"][0]["actor"] == "uid:3003"
    assert apply(EXAMPLE).returncode == 0
    assert level("low")["restart_needed"] == [], "the flow is gone: nothing waits for a restart"


def kill_during_work(victim, find, expect_same_qemu=True):
    """kill -9 while a transfer and a start are under way; everything must be true again after it."""
    with SpecCopy(levels__mid=MID) as spec:
        assert apply(spec.folder).returncode == 0
        if level("mid")["state"] not in ("stopped", "failed"):
            bulkhead("stop", "--force", "mid")
        qemus = {k: v for k, v in qemu_pids().items() if k in ("low", "high")}
        name = f"kill-{victim}-{random.randrange(10**6)}.bin"
        in_level("low", f"head -c 6000000 /dev/urandom > /home/user/{name}", root=False)
        digest = sha("low", f"/home/user/{name}")
        bulkhead("start", "--no-wait", "mid")
        sender = subprocess.Popen([BULKHEAD, "run", "--timeout", "90", "low", "--", "bulkhead-send", "--to", "high",
                                   f"/home/user/{name}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(random.uniform(0.2, 2.5))
        pid = find()
        os.kill(pid, signal.SIGKILL)
        t0 = time.monotonic()
        until(f"status is true again after kill of {victim}", 15,
              lambda: {k: v for k, v in states().items() if k in ("low", "high")} == {"low": "running", "high": "running"})
        took = time.monotonic() - t0
        until(f"{victim} is back", 15, lambda: find() != pid)
        now = {k: v for k, v in qemu_pids().items() if k in ("low", "high")}
        assert now == qemus, f"a level died: {qemus} -> {now}"
        sender.wait(timeout=120)
        out = sender.stdout.read().decode("utf-8", "replace")
        # The command's connection may have been cut (hostd); the hand-over in the guest goes on or is repeated.
        if sender.returncode != 0:
            time.sleep(2)
            if sha("high", f"/home/user/Incoming/low/{name}") != digest:
                run(BULKHEAD, "run", "--timeout", "90", "low", "--", "bulkhead-send", "--to", "high", f"/home/user/{name}")
        arrived(name, digest)
        # All or nothing: what lies there under this name is whole (several copies only if sent twice).
        sums = in_level("high", f"cd /home/user/Incoming/low && sha256sum {name.replace('.bin', '')}*", root=False).stdout
        assert all(l.startswith(digest) for l in sums.strip().split("\n")), sums
        until("mid is running, or failed with a reason", 120, lambda: level("mid")["state"] in ("running", "failed", "stopped"))
        if level("mid")["state"] != "running":
            bulkhead("start", "mid", timeout=180)
        assert level("mid")["state"] == "running"
        assert "ok" in bulkhead("audit", "verify").stdout.lower()
        print(f"{victim} killed: status true again after {took:.1f} s; send: {out.strip()[-60:]!r}")


def test_kill_hostd():
    """I8 kill -9 of hostd during a transfer and a start"""
    kill_during_work("hostd", lambda: one_pid("bulkhead-hostd"))


def test_kill_netd():
    """I1 kill -9 of netd during a transfer and a start"""
    kill_during_work("netd", lambda: one_pid("bulkhead-netd"))


def test_kill_agentd():
    """I8 kill -9 of agentd during a transfer and a start"""
    kill_during_work("agentd", lambda: one_pid("bulkhead-agentd", "low"))


def test_kill_diode_send():
    """I4 kill -9 of the sending half during a transfer and a start"""
    kill_during_work("diode-send", lambda: one_pid("bulkhead-diode-send", "up"))


def test_kill_diode_receive():
    """I4 kill -9 of the receiving half during a transfer and a start"""
    kill_during_work("diode-receive", lambda: one_pid("bulkhead-diode-receive", "up"))


def test_kill_libvirtd():
    """I8 kill -9 of libvirtd during a transfer and a start"""
    kill_during_work("libvirtd", lambda: one_pid("libvirtd"))


def loop_device():
    out = run("losetup", "-n", "-O", "NAME", "-j", "/var/cache/bulkhead/try/medium.img").stdout.split()
    if not out:
        raise Skip("no loop device here")
    return os.path.basename(out[0])


def owners(device):
    return [l for l in ("low", "high", "mid") if device_disks(l, device)]


def device_disks(name, device):
    p = run("virsh", "-c", "qemu:///system", "dumpxml", f"bulkhead-{name}", check=False)
    return f"/dev/{device}" in p.stdout


def test_kill_brokerd():
    """I2 kill -9 of brokerd (and work around it): a lent device stays in one place"""
    dev = loop_device()
    bulkhead("device", "lend", dev, "high")
    try:
        kill_during_work("brokerd", lambda: one_pid("bulkhead-brokerd"))
        row = next(d for d in query("device", "list")["devices"] if d["id"] == dev)
        assert row["level"] == "high", row
        with SpecCopy(levels__mid=MID + '[devices]\nstorage = "manual"\n') as spec:
            assert apply(spec.folder).returncode == 0
            p = bulkhead("device", "lend", dev, "mid", check=False)
            assert p.returncode != 0 and "high" in p.stderr, p.stderr
        assert owners(dev) == ["high"], owners(dev)
        os.kill(one_pid("bulkhead-hostd"), signal.SIGKILL)
        until("hostd is back", 10, lambda: states()["high"] == "running")
        until("the device is still high's", 10,
              lambda: next(d for d in query("device", "list")["devices"] if d["id"] == dev)["level"] == "high")
    finally:
        bulkhead("device", "take-back", dev, check=False)
    until("the device is the host's again", 15,
          lambda: next(d for d in query("device", "list")["devices"] if d["id"] == dev)["state"] == "host")
    assert owners(dev) == []


def test_denied_later_is_taken_back():
    """I2 a rule that denies a device takes it back from the level that has it"""
    dev = loop_device()
    bulkhead("stop", "--force", "mid", check=False)   # a set without it can be applied then
    bulkhead("device", "lend", dev, "high")   # and at once back: the guest is still plugging it in
    with SpecCopy(devices=lambda t: t + '\n[[rule]]\naction = "deny"\nlevel = "high"\nclass = "storage"\n') as spec:
        assert apply(spec.folder).returncode == 0
        assert owners(dev) == [], owners(dev)
        assert next(d for d in query("device", "list")["devices"] if d["id"] == dev)["state"] == "host"
        assert states()["high"] == "running"
    apply(EXAMPLE)


def test_two_lends_at_once():
    """I2 two lends of one device at the same moment: one level has it, the other is told who"""
    dev = loop_device()
    with SpecCopy(levels__low=lambda t: t + '\n[devices]\nstorage = "manual"\n',
                  devices=lambda t: "schema = 1\n") as spec:
        assert apply(spec.folder).returncode == 0
        for _ in range(2):
            racers = {l: subprocess.Popen([BULKHEAD, "device", "lend", dev, l], stdout=subprocess.DEVNULL,
                                          stderr=subprocess.PIPE, text=True) for l in ("low", "high")}
            words = {l: r.communicate(timeout=60)[1] for l, r in racers.items()}
            winners = [l for l, r in racers.items() if r.returncode == 0]
            assert len(winners) == 1 and owners(dev) == winners, (winners, owners(dev), words)
            loser = "high" if winners == ["low"] else "low"
            assert winners[0] in words[loser], words
            bulkhead("device", "take-back", dev)
    apply(EXAMPLE)


def test_qemu_killed():
    """I8 I2 kill -9 of a level's QEMU: failed with a reason, rules, tap and device back, and it starts again"""
    dev = loop_device()
    bulkhead("device", "lend", dev, "high")
    for name in ("high", "low"):
        os.kill(qemu_pids()[name], signal.SIGKILL)
        until(f"{name} is failed", 20, lambda: level(name)["state"] == "failed")
        assert "ended by itself" in level(name)["reason"], level(name)
    assert "bh-low" not in os.listdir("/sys/class/net")
    assert next(d for d in query("device", "list")["devices"] if d["id"] == dev)["state"] == "host"
    assert owners(dev) == []
    bulkhead("start", "low", "high", timeout=180)


def test_tampered_audit_log():
    """I7 hostd does not start on a log that was changed while it was down, and says which line and what to do"""
    log = f"{STATE}/hostd/audit.log"
    good = open(log, "rb").read()
    pid = one_pid("bulkhead-hostd")
    lines = good.split(b"\n")
    lines[2] = lines[2].replace(b"uid:0", b"uid:7").replace(b"hostd", b"hosts")
    open(log, "wb").write(b"\n".join(lines))
    os.kill(pid, signal.SIGKILL)
    try:
        until("hostd's log says so", 20, lambda: "line 3" in open(f"{RUN}/super/log/hostd.log", encoding="utf-8").read())
        assert bulkhead("status", check=False).returncode != 0
        assert set(qemu_pids()) >= {"low", "high"}, "levels live on"
        print([l for l in open(f"{RUN}/super/log/hostd.log", encoding="utf-8") if "line 3" in l][-1].strip())
    finally:
        open(log, "wb").write(good)
    until("hostd is back", 60, lambda: states()["high"] == "running")
    assert "ok" in bulkhead("audit", "verify").stdout.lower()


def test_full_disk():
    """I8 a full disk below the levels: one clear sentence, nothing half-made, and it starts once there is room"""
    bulkhead("stop", "high")
    run("mount", "-t", "tmpfs", "-o", "size=8m,mode=711", "tmpfs", f"{STATE}/levels")
    run("chown", "--reference", f"{STATE}/hostd", f"{STATE}/levels")
    try:
        p = bulkhead("start", "high", check=False)
        assert p.returncode != 0 and ("room" in p.stderr or "space" in p.stderr or "MiB" in p.stderr), p.stderr
        print(p.stderr.strip())
        assert "high" not in qemu_pids()
    finally:
        run("umount", f"{STATE}/levels")
    bulkhead("start", "high", timeout=180)


def test_mounted_device_refused():
    """I2 a device that the host uses is not lent"""
    dev = loop_device()
    os.makedirs("/run/mnt", exist_ok=True)
    run("mount", "-o", "ro", f"/dev/{dev}", "/run/mnt")
    try:
        p = bulkhead("device", "lend", dev, "high", check=False)
        assert p.returncode != 0, "a mounted device was lent"
        print(p.stderr.strip())
    finally:
        run("umount", "/run/mnt")


def test_guest_that_never_says_hello():
    """I8 a guest that never says hello: failed with the step and the reason, nothing left running"""
    src = f"{STATE}/images/minimal"
    mute = f"{STATE}/images/mute"
    shutil.copytree(src, mute)
    m = json.load(open(mute + "/manifest.json", encoding="utf-8"))
    m["name"] = "mute"
    m["cmdline"] += " systemd.mask=bulkhead-agent.service"
    json.dump(m, open(mute + "/manifest.json", "w", encoding="utf-8"))
    with SpecCopy(levels__mid=MID.replace('"minimal"', '"mute"'),
                  host=lambda t: t + '\n[guest]\nhello-timeout = "10 s"\n') as spec:
        assert apply(spec.folder).returncode == 0
        if level("mid")["state"] != "stopped":
            bulkhead("stop", "--force", "mid", check=False)
        p = bulkhead("start", "mid", check=False)
        assert p.returncode != 0 and "hello" in (p.stdout + p.stderr).lower(), p.stdout + p.stderr
        print(p.stderr.strip())
        assert level("mid")["state"] == "failed"
        assert "mid" not in qemu_pids()
        assert "bh-mid" not in os.listdir("/sys/class/net")


def test_image_not_ours():
    """A5 an image whose content is not what its manifest says is refused before it runs"""
    bad = f"{STATE}/images/bad"
    shutil.copytree(f"{STATE}/images/minimal", bad)
    m = json.load(open(bad + "/manifest.json", encoding="utf-8"))
    m["name"] = "bad"
    json.dump(m, open(bad + "/manifest.json", "w", encoding="utf-8"))
    with open(bad + "/root.erofs", "r+b") as f:
        f.seek(100_000)
        old = f.read(1)
        f.seek(100_000)
        f.write(bytes([old[0] ^ 1]))
    with SpecCopy(levels__mid=MID.replace('"minimal"', '"bad"')) as spec:
        assert apply(spec.folder).returncode == 0
        bulkhead("stop", "--force", "mid", check=False)
        p = bulkhead("start", "mid", check=False)
        assert p.returncode != 0 and "root.erofs" in p.stderr and "SHA-256" in p.stderr, p.stderr
        print(p.stderr.strip())
    with SpecCopy(levels__mid=MID.replace('"minimal"', '"absent"')) as spec:
        assert apply(spec.folder).returncode == 0
        p = bulkhead("start", "mid", check=False)
        assert p.returncode != 0 and "absent" in p.stderr, p.stderr
        print(p.stderr.strip())
    apply(EXAMPLE)


def test_foreign_domain_with_our_name():
    """I8 a domain of that name which is not ours is left alone, and the start says so"""
    with SpecCopy(levels__mid=MID) as spec:
        assert apply(spec.folder).returncode == 0
        bulkhead("stop", "--force", "mid", check=False)
        until("mid stopped", 20, lambda: level("mid")["state"] in ("stopped", "failed"))
        xml = ("<domain type='qemu'><name>bulkhead-mid</name><memory unit='MiB'>64</memory>"
               "<os><type machine='q35'>hvm</type></os><devices/></domain>")
        open("/run/foreign.xml", "w", encoding="utf-8").write(xml)
        run("virsh", "-c", "qemu:///system", "create", "/run/foreign.xml")
        try:
            p = bulkhead("start", "mid", check=False)
            assert p.returncode != 0 and "bulkhead-mid" in p.stderr, p.stderr
            print(p.stderr.strip())
            assert "bulkhead-mid" in run("virsh", "-c", "qemu:///system", "list", "--name").stdout
        finally:
            run("virsh", "-c", "qemu:///system", "destroy", "bulkhead-mid", check=False)
    apply(EXAMPLE)


def test_audit_chain():
    """I7 T11 the audit chain verifies, and a changed byte, a lost line and a swapped line are found"""
    p = bulkhead("audit", "verify")
    print(p.stdout.strip())
    lines = open(f"{STATE}/hostd/audit.log", encoding="utf-8").read().split("\n")[:-1]
    assert len(lines) > 20
    for word in ("level.start", "spec.apply", "device.lend", "flow."):
        assert any(word in l for l in lines), f"no {word} record"

    def verdict(changed):
        open("/run/audit-copy", "w", encoding="utf-8").write("\n".join(changed) + "\n")
        return bulkhead("audit", "verify", "/run/audit-copy", check=False).returncode

    assert verdict(lines) == 0
    assert verdict(lines[:5] + [lines[5].replace("uid:", "uld:", 1) if "uid:" in lines[5] else lines[5].replace("a", "e", 1)] + lines[6:]) != 0
    assert verdict(lines[:7] + lines[8:]) != 0
    assert verdict(lines[:3] + [lines[4], lines[3]] + lines[5:]) != 0


def test_idle_cost():
    """S7 what hostd costs when idle (figures)"""
    pid = one_pid("bulkhead-hostd")
    def ticks():
        f = open(f"/proc/{pid}/stat", encoding="utf-8").read().rsplit(")", 1)[1].split()
        return int(f[11]) + int(f[12])
    t0 = ticks()
    time.sleep(10)
    pss = re.search(r"^Pss:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup", encoding="utf-8").read(), re.M).group(1)
    print(f"hostd idle: PSS {int(pss) / 1024:.1f} MiB, CPU {(ticks() - t0) / 10:.2f} % of one core")


def test_state_folder_unwritable():
    """I8 an unwritable state folder: one clear sentence, nothing starts"""
    bulkhead("stop", "high")
    run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", f"{STATE}/levels")
    try:
        p = bulkhead("start", "high", check=False)
        assert p.returncode != 0, "started without a writable state folder"
        print(p.stderr.strip())
        assert "high" not in qemu_pids()
    finally:
        run("umount", f"{STATE}/levels")
    bulkhead("start", "high", timeout=180)


def test_missing_qemu():
    """I8 a missing QEMU: one clear sentence, and doctor says what to install"""
    run("mount", "--bind", "/dev/null", "/usr/bin/qemu-system-x86_64")
    try:
        p = bulkhead("doctor", check=False)
        assert p.returncode != 0 and "qemu" in p.stdout.lower(), p.stdout
    finally:
        run("umount", "/usr/bin/qemu-system-x86_64")


def test_down_and_purge_leave_nothing():
    """S7 ./try --purge removes every trace"""
    cache = "/var/cache/bulkhead"
    # The caches are shared with the world outside this sandbox: purge an empty stand-in.
    run("mount", "-t", "tmpfs", "tmpfs", cache)
    os.makedirs(cache + "/images")
    # A group as setup/install makes them where they are not there yet.
    group = f"bulkhead-test-{os.getpid()}"
    run("groupadd", "--system", group)
    os.makedirs(f"{STATE}/setup", exist_ok=True)
    with open(f"{STATE}/setup/made-groups", "a", encoding="utf-8") as f:
        f.write(group + "\n")
    run(os.path.join(TOP, "try"), "--purge", timeout=180,
        env={k: v for k, v in os.environ.items() if k != "BULKHEAD_SHARED_CACHE"})
    assert not os.listdir(cache), os.listdir(cache)
    run("umount", cache, check=False)
    assert not os.path.exists(RUN), os.listdir(RUN)
    left = os.listdir(STATE) if os.path.exists(STATE) else []
    assert not left, left
    assert run("getent", "group", group, check=False).returncode != 0, "the group is still there"
    assert not qemu_pids()
    assert "bulkhead" not in run("nft", "list", "tables").stdout
    assert not [i for i in os.listdir("/sys/class/net") if i.startswith(("bh-", "bhu-"))]
    assert "bulkhead" not in run("ip", "netns", "list").stdout
    for p in ("bulkhead-superd", "bulkhead-hostd", "libvirtd", "virtlogd"):
        assert not pids_of(p), f"{p} still runs"


def main(namespace):
    """Runs the test_ functions of a module, in their order."""
    if os.path.exists("/run/systemd/private") or not os.path.ismount("/run"):
        sys.exit(f"{sys.argv[0]} runs inside tests/integration/sandbox")
    only = sys.argv[2].split(",") if len(sys.argv) > 2 and sys.argv[1] == "--only" else None
    tests = [(n, f) for n, f in namespace.items() if n.startswith("test_") and callable(f)]
    if only:
        tests = [t for t in tests if t[0] == "test_try_first" or any(w in t[0] for w in only)]
    passed = failed = skipped = 0
    for name, test in tests:
        t0 = time.monotonic()
        try:
            test()
            passed, word = passed + 1, "ok"
        except Skip as e:
            print(f"skipped: {e}")
            skipped, word = skipped + 1, "skip"
        except Exception:  # noqa: BLE001: the story goes on with the next test
            traceback.print_exc(file=sys.stdout)
            failed, word = failed + 1, "FAIL"
            for log in glob.glob(f"{RUN}/super/log/*.log"):
                print(f"--- {log}\n" + "".join(open(log, encoding="utf-8", errors="replace").readlines()[-15:]))
            if name == "test_try_first":
                print("without it nothing else can run")
                print(f"{word:>4} {test.__doc__}  {time.monotonic() - t0:.0f} s", flush=True)
                break
        print(f"{word:>4} {test.__doc__}  {time.monotonic() - t0:.0f} s", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(globals())
