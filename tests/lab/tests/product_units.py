# SPDX-License-Identifier: GPL-2.0-or-later
"""The installed daemons run under systemd, with every task confined: no new privileges, seccomp, exposure at most 1.5."""
from bhlab import product

FEATURES = ["B7"]
SNAPSHOT = "ready"
READS_ONLY = True

TASKS = """for p in $(systemctl show -P ControlGroup {unit} | sed 's#^#/sys/fs/cgroup#; s#$#/cgroup.procs#' | xargs cat); do
  for t in /proc/$p/task/*; do awk '/^NoNewPrivs|^Seccomp:/ {{ printf "%s ", $2 }} END {{ print "" }}' $t/status; done; done"""
LIMIT = 1.5


def test(host):
    assert set(product.units_active(host).values()) == {"active"}, product.units_active(host)
    for unit in product.UNITS:
        tasks = host.run(TASKS.format(unit=unit)).split("\n")[:-1]
        assert tasks and all(task.split() == ["1", "2"] for task in tasks), f"{unit}: {tasks}"
        line = host.run(f"systemd-analyze security --no-pager {unit} | tail -n 1")
        assert float(line.split(": ")[1].split()[0]) <= LIMIT, line
