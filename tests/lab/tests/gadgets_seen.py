# SPDX-License-Identifier: GPL-2.0-or-later
"""The gadgets of the lab are seen as what they play: sound card, stick, keyboard with a stick in it, printer, camera."""
FEATURES = ["X12"]
SMOKE = READS_ONLY = True

# product ID -> interface classes, as lsusb counts them (1 sound, 3 HID, 7 printer, 8 storage, 14 video)
EXPECTED = {"0101": {"01"}, "0104": {"08"}, "0105": {"03", "08"}, "0106": {"07"}, "0102": {"0e"}}
CLASSES = """for d in /sys/bus/usb/devices/*; do [ -f $d/idVendor ] && [ "$(cat $d/idVendor)" = 1d6b ] || continue
  grep -q ^lab- $d/serial 2>/dev/null || continue; echo $(cat $d/idProduct) $(cat $d/*:*/bInterfaceClass); done"""


def test(host):
    host.wait_for("lsusb | grep -q 1d6b:0102", 60)
    found = {line.split()[0]: set(line.split()[1:]) for line in host.run(CLASSES).splitlines()}
    assert found == EXPECTED, found
    assert "UAC2" in host.run("arecord -l; aplay -l"), "the sound card has no stream"
    assert host.outcome("test -c /dev/usb/lp0").code == 0, "the printer has no node"
    assert "vivid" in host.run("v4l2-ctl --list-devices"), "no virtual camera"
    assert "Loopback" in host.run("aplay -l"), "no loopback sound card"
