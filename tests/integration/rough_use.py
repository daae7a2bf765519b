#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job under rough use: guests that panic, people in a hurry, a ./try that is killed.

Runs as root inside tests/integration/sandbox, as main_job.py, whose words it uses.
    tests/integration/sandbox python3 tests/integration/rough_use.py [--only WORD,...]
"""
import json
import os
import random
import re
import signal
import stat
import subprocess
import time

from main_job import (BULKHEAD, EXAMPLE, MID, STATE, TOP, SpecCopy, apply, bulkhead, in_level, level, loop_device, main,
                      one_pid, owners, query, qemu_pids, run, states, test_try_first, until)


def device(dev):
    return next(d for d in query("device", "list")["devices"] if d["id"] == dev)


def both_run():
    return states() == {"low": "running", "high": "running"}


def ends_with_a_medium(how, words):
    """A guest that ends by `how` while it has a medium: status says why, the medium is free, it starts again."""
    dev = loop_device()
    bulkhead("device", "lend", dev, "high")
    assert owners(dev) == ["high"]
    in_level("high", f"systemd-run --quiet sh -c 'sleep 1; {how}'")
    t0 = time.monotonic()
    until("high is up no more", 90, lambda: level("high")["state"] in ("failed", "stopped"))
    row = level("high")
    print(f"after {time.monotonic() - t0:.1f} s: {row['state']}: {row['reason']}")
    assert any(w in row["reason"] for w in words), row
    until("the medium is the host's", 10, lambda: device(dev)["state"] == "host")
    assert owners(dev) == [] and "high" not in qemu_pids()
    bulkhead("start", "high", timeout=180)
    assert device(dev)["state"] == "host", "a restart gives nothing back"


def test_panic_with_a_medium():
    """I8 I2 a guest's kernel panics while a medium is lent to it: status says why, the medium is free"""
    ends_with_a_medium("echo c > /proc/sysrq-trigger", ("from inside", "ended by itself"))


def test_reboot_with_a_medium():
    """I8 I2 a guest reboots while a medium is lent to it: status says why, the medium is free"""
    ends_with_a_medium("systemctl reboot", ("from inside",))


def test_silent_agent():
    """I8 a level whose agent falls silent is said to be unheard, is not run in in vain, and is heard again"""
    in_level("high", "systemd-run --quiet sh -c 'sleep 1; systemctl stop bulkhead-agent; sleep 45; systemctl start bulkhead-agent'")
    until("status says that high is unheard", 50, lambda: "said nothing" in level("high")["reason"])
    assert level("high")["state"] == "running"
    print(bulkhead("status").stdout.split("\n\n")[1])
    t0 = time.monotonic()
    p = in_level("high", "true", check=False)
    assert p.returncode != 0 and "said nothing" in p.stderr and time.monotonic() - t0 < 5, p
    until("high is heard again", 60, lambda: level("high")["reason"] == "" and in_level("high", "true").returncode == 0)


def test_mounted_medium_taken_back():
    """I2 I8 a guest that has the medium mounted and open while it is taken back: it is pulled or the way out is named"""
    dev = loop_device()
    bulkhead("device", "lend", dev, "high")
    in_level("high", "mkdir -p /run/m; for i in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/vdc ] && break; sleep 0.5; done;"
                     "mount -t ext4 -o ro,noload /dev/vdc /run/m && systemd-run --quiet sh -c 'exec 3</run/m/hello.txt; sleep 600'")
    t0 = time.monotonic()
    p = bulkhead("device", "take-back", dev, check=False)
    print(f"take-back of a mounted medium: exit {p.returncode} after {time.monotonic() - t0:.1f} s: {(p.stdout + p.stderr).strip()}")
    row = device(dev)
    if p.returncode == 0:
        assert row["state"] == "host" and owners(dev) == [], row
        out = in_level("high", "ls /dev/vdc; cat /run/m/hello.txt; dd if=/dev/vdc count=1 2>&1 | tail -1", check=False)
        print(f"the guest then: {(out.stdout + out.stderr).strip()!r}")
    else:
        assert "unmount" in p.stderr and row["level"] == "high", (p.stderr, row)
    assert states()["high"] == "running"
    in_level("high", "umount -l /run/m", check=False)
    if p.returncode != 0:
        bulkhead("device", "take-back", dev)
    bulkhead("device", "lend", dev, "high")   # and the port it had is usable again
    bulkhead("device", "take-back", dev)
    assert owners(dev) == [] and device(dev)["state"] == "host"


def test_twenty_callers_at_once():
    """I8 twenty calls of start, stop and status at once on two levels: none crashes, and the end is true"""
    daemons = {p: one_pid(p) for p in ("bulkhead-hostd", "bulkhead-netd", "bulkhead-brokerd")}
    for _ in range(3):
        calls = [["status"]] * 8 + [["start", "low"]] * 3 + [["stop", "low"]] * 3 + [["start", "high"]] * 3 + [["stop", "high"]] * 3
        random.shuffle(calls)
        t0 = time.monotonic()
        procs = [(c, subprocess.Popen([BULKHEAD, *c], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)) for c in calls]
        said = {}
        for c, p in procs:
            out = p.communicate(timeout=240)[0]
            assert p.returncode >= 0 and p.returncode in (0, 1, 2, 3, 4, 5), (c, p.returncode, out)
            if c[0] == "status":
                assert p.returncode == 0, out
            said.setdefault((" ".join(c), p.returncode, out.strip().split("\n")[-1] if c[0] != "status" else ""), []).append(1)
        for (c, rc, out), n in sorted(said.items()):
            print(f"  {len(n)} x {c}: {rc} {out}")
        until("no level is on its way", 120, lambda: all(s in ("running", "stopped", "failed") for s in states().values()))
        now = states()
        up = {l for l, s in now.items() if s == "running"}
        assert set(qemu_pids()) == up, (now, qemu_pids())
        assert "failed" not in now.values(), query("status")
        assert ("bh-low" in os.listdir("/sys/class/net")) == (now["low"] == "running"), now
        print(f"20 calls: {time.monotonic() - t0:.1f} s, then {now}")
    assert {p: one_pid(p) for p in daemons} == daemons, "a daemon crashed"
    bulkhead("start", "low", "high", timeout=240)
    assert both_run()


def test_apply_races_start_and_stop():
    """I6 I7 spec apply while levels start and stop: each apply is whole or refused, and the end is true"""
    bulkhead("stop", "--force", "low", check=False)
    with SpecCopy(levels__mid=MID) as with_mid:
        ends = []
        t_end = time.monotonic() + 45
        toggler = subprocess.Popen(["bash", "-c", f"for i in 1 2 3 4 5 6 7 8; do {BULKHEAD} start --no-wait low mid; sleep 0.$RANDOM; "
                                    f"{BULKHEAD} stop --force low mid; sleep 0.$RANDOM; done"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while toggler.poll() is None and time.monotonic() < t_end:
            for folder in (with_mid.folder, EXAMPLE):
                p = apply(folder)
                ends.append(p.returncode)
                if p.returncode != 0:
                    assert "Nothing was applied" in p.stdout + p.stderr or "mid" in p.stdout + p.stderr, p.stdout + p.stderr
        toggler.wait(timeout=120)
        print(f"{len(ends)} applies, {sum(1 for e in ends if e)} refused")
    bulkhead("stop", "--force", "mid", check=False)
    until("no level is on its way", 60, lambda: all(s in ("running", "stopped", "failed") for s in states().values()))
    assert apply(EXAMPLE).returncode == 0
    assert set(states()) == {"low", "high"}, states()
    assert "bh-mid" not in os.listdir("/sys/class/net") and "mid" not in qemu_pids()
    bulkhead("start", "low", "high", timeout=180)
    for target in ("203.0.113.1", "2001:db8:77::1"):
        in_level("low", f"ping -c 1 -W 5 {target}")
    assert in_level("low", "exec 3<>/dev/tcp/203.0.113.1/22", check=False).returncode != 0
    assert "ok" in bulkhead("audit", "verify").stdout.lower()


# The guest's sender lingers for 0.3 s after each file: ten thousand take an hour.
COUNT = int(os.environ.get("BULKHEAD_MANY_FILES", "150"))


def test_many_small_files():
    """S9 I4 many small files in a row: each that was handed over arrives whole, each step of each is on record"""
    in_level("low", f"mkdir -p /home/user/many; cd /home/user/many; for i in $(seq {COUNT}); do echo $i > s$i; done", root=False,
             timeout=300)
    t0 = time.monotonic()
    p = in_level("low", "cd /home/user/many; ls | xargs -n 500 bulkhead-send --to high | grep -c ': handed over to high$'",
                 root=False, timeout=COUNT + 120)
    handed = int(p.stdout)
    took = time.monotonic() - t0
    count = "cd /home/user/Incoming/low; ls | grep -c '^s[0-9]*$'; for f in s*; do read -r x < $f; [ \"s$x\" = $f ] || echo wrong $f; done"
    until("all are there and whole", 60, lambda: in_level("high", count, root=False, timeout=300).stdout.split() == [str(COUNT)])
    print(f"{handed} of {COUNT} handed over in {took:.0f} s, {took / COUNT:.2f} s each; all there after {time.monotonic() - t0:.0f} s")
    assert handed == COUNT
    mine = {f"s{i}" for i in range(1, COUNT + 1)}
    with open(f"{STATE}/hostd/audit.log", encoding="utf-8") as log:
        records = [json.loads(line) for line in log if '"flow.' in line]
    for action in ("flow.accept", "flow.publish", "flow.hand-over"):
        named = [r["detail"]["name"] for r in records if r["action"] == action and r["detail"].get("name") in mine]
        assert len(named) == COUNT and set(named) == mine, f"{action}: {len(named)} records, {len(set(named))} names"
    assert "ok" in bulkhead("audit", "verify").stdout.lower()
    assert both_run()


def test_kvm_of_a_foreign_group():
    """I8 S7 a /dev/kvm that libvirt's user may not open: said so, and the levels start with TCG in their usual time"""
    run(os.path.join(TOP, "try"), "--down", timeout=120)
    os.mknod("/run/kvm", stat.S_IFCHR, os.makedev(10, 232))
    os.chmod("/run/kvm", 0o660)
    os.chown("/run/kvm", 0, 1)
    run("mount", "--bind", "/run/kvm", "/dev/kvm")
    try:
        p = run(os.path.join(TOP, "try"), timeout=600)
        print("\n".join(l for l in p.stdout.split("\n") if re.match(r" [56]/9", l)))
        assert "/dev/kvm may not be opened" in p.stdout, p.stdout
        run(os.path.join(TOP, "try"), "--down", timeout=120)
    finally:
        run("umount", "/dev/kvm")
    run(os.path.join(TOP, "try"), timeout=600)


def test_try_after_one_that_left_forged_addresses():
    """A7 forged addresses that a killed ./try left in the level: the next one ends well"""
    bulkhead("run", "--root", "low", "--", "sh", "-c",
             "d=$(basename $(ls -d /sys/class/net/* | grep -v /lo$ | head -n 1)); "
             "ip addr add 198.51.100.7/32 dev $d; ip -6 addr add 2001:db8:bad::7/128 dev $d nodad")
    p = run(os.path.join(TOP, "try"), timeout=600, check=False)
    assert p.returncode == 0, p.stdout + p.stderr


def test_try_killed_at_any_moment():
    """A7 ./try killed with -9 at any moment, from nothing on: the next one ends well"""
    for whole_group in (True, False, True, False):
        if random.random() < 0.7:
            run(os.path.join(TOP, "try"), "--down", timeout=120)
        t = subprocess.Popen([os.path.join(TOP, "try")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, start_new_session=True)
        moment = random.uniform(0.3, 30)
        time.sleep(moment)
        if whole_group:
            os.killpg(t.pid, signal.SIGKILL)
        else:
            t.kill()
        t.wait()
        p = run(os.path.join(TOP, "try"), timeout=600, check=False)
        print(f"killed {'with its group ' if whole_group else ''}after {moment:.1f} s; then exit {p.returncode}")
        assert p.returncode == 0, p.stdout + p.stderr
        assert both_run()
        assert owners(loop_device()) == []


if __name__ == "__main__":
    main(globals())
