# SPDX-License-Identifier: GPL-2.0-or-later
"""Two sticks that say the same of themselves are two, told apart by their port."""
FEATURES = ["X12"]
SMOKE = READS_ONLY = True

LIST = """for d in /sys/bus/usb/devices/*/serial; do
  grep -qx LAB000000001 $d || continue; p=${d%/serial}; echo "${p##*/} $(cat $p/idVendor):$(cat $p/idProduct)"; done"""


def test(host):
    host.wait_for(f"[ $({LIST} | wc -l) = 2 ]".replace("\n", " "), 30)
    rows = dict(line.split() for line in host.run(LIST).splitlines())
    assert len(rows) == 2 and len(set(rows.values())) == 1, rows
    assert sorted(name.split("-")[1] for name in rows) == ["1", "2"], rows
    disks = host.run("ls -l /dev/disk/by-path/ | grep usb | grep -v usbv2 | awk '{print $NF}' | sort -u").split()
    assert len(disks) >= 2, disks
