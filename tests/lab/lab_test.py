#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own code, as far as it needs no lab: what it starts, whom it ends, what it reports."""
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bhlab import packages, process, report, testing, wire  # noqa: E402: the path comes first
from bhlab.machine import Machine, Settings  # noqa: E402
from bhlab.places import LabFolder  # noqa: E402
from bhlab.words import LabError, spell  # noqa: E402


class TestFiles(unittest.TestCase):
    """The lab's tests as files."""

    def test_every_file_is_a_test_that_names_known_features(self):
        self.assertGreater(len(testing.all_tests()), 10)

    def test_a_snapshot_is_provided_before_it_is_started_from(self):
        there = {"bare", "ready"}
        for test in testing.all_tests():
            self.assertIn(test.snapshot, there, test.name)
            there.add(test.provides)

    def test_selecting_a_test_selects_what_it_stands_on(self):
        names = [t.name for t in testing.select(["product_flow"], False)]
        self.assertEqual(names, ["product_levels", "product_flow"])

    def test_a_feature_selects_its_tests_and_a_stranger_is_refused(self):
        self.assertIn("product_levels", [t.name for t in testing.select(["S7"], False)])
        with self.assertRaises(LabError):
            testing.select(["no-such-test"], False)


class Processes(unittest.TestCase):
    """Background programs, found again by pid and start time."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def test_a_started_program_is_found_and_ended(self):
        one = process.Process(self.path / "pid")
        one.start(["sleep", "60"], self.path / "log")
        self.assertIsNotNone(one.pid())
        one.kill()
        self.assertIsNone(one.pid())

    def test_cannot_end_a_stranger_that_was_given_the_pid(self):
        with subprocess.Popen(["sleep", "60"]) as stranger:
            record = {"pid": stranger.pid, "start": process.start_time(stranger.pid) - 1}
            (self.path / "pid").write_text(json.dumps(record), encoding="ascii")
            process.Process(self.path / "pid").kill()
            self.assertIsNone(stranger.poll(), "a stranger was killed")
            stranger.kill()

    def test_a_torn_record_is_no_program(self):
        (self.path / "pid").write_text("{\"pid\": 1", encoding="ascii")
        self.assertIsNone(process.Process(self.path / "pid").pid())


class CommandLine(unittest.TestCase):
    """What QEMU is told."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.lab = LabFolder(pathlib.Path(self.folder.name))
        self.lab.key.with_name("ssh-key.pub").write_text("ssh-ed25519 AAAA lab\n", encoding="ascii")

    def tearDown(self):
        self.folder.cleanup()

    def command(self, **more):
        settings = Settings(**{"image": "x", "image_disk": "/x", "acceleration": "tcg", "ports": [2200, 2201]} | more)
        machine = Machine(self.lab, settings, 1)
        return machine, machine.command([d.name for d in machine.devices.values() if d.savable], paused=False)

    def test_ssh_is_reachable_on_loopback_only_and_nothing_leads_out(self):
        _, command = self.command()
        user = next(w for w in command if w.startswith("user,"))
        self.assertIn("restrict=on", user)
        self.assertIn("hostfwd=tcp:127.0.0.1:2200-:22", user)

    def test_devices_that_cannot_be_saved_are_not_there_from_the_start(self):
        machine, command = self.command()
        drivers = [json.loads(w)["driver"] for w in command if w.startswith("{\"driver\"")]
        self.assertIn("usb-storage", drivers)
        for device in machine.devices.values():
            if not device.savable:
                self.assertNotIn(device.parts[0]["driver"], drivers)

    def test_the_two_sticks_differ_in_nothing_but_port_and_medium(self):
        machine, _ = self.command()
        one, two = (machine.devices[n].parts[0] for n in ("stick-a", "stick-b"))
        self.assertEqual({k for k in one if one[k] != two[k]}, {"id", "drive", "port"})

    def test_secure_boot_keeps_its_variables_behind_smm(self):
        _, command = self.command(secure_boot=True)
        self.assertTrue(any("smm=on" in w for w in command))
        self.assertTrue(any("secure,value=on" in w for w in command))


class Reports(unittest.TestCase):
    """The table of features."""

    def test_one_failure_outweighs_passed_tests_and_a_pass_outweighs_skipped_ones(self):
        def of(*words):
            return report.verdict([{"result": w} for w in words])
        self.assertEqual([of("ok", "FAIL"), of("skip", "ok"), of("skip"), of()], ["FAIL", "ok", "skip", "none"])

    def test_cannot_inject_markup_by_a_title(self):
        entry = {"features": ["S7"], "title": "<script>x</script>", "result": "ok", "reason": "", "seconds": 1, "when": "", "commit": ""}
        with tempfile.TemporaryDirectory() as folder:
            lab = LabFolder(pathlib.Path(folder))
            lab.results.write_text(json.dumps({"t": entry}), encoding="utf-8")
            text = report.write(lab)[1].read_text(encoding="utf-8")
        self.assertNotIn("<script>", text)
        self.assertIn("&lt;script&gt;", text)

    def test_times_read_well(self):
        self.assertEqual([spell(1.26), spell(41.4), spell(83)], ["1.3 s", "41 s", "1 m 23 s"])


class Cable(unittest.TestCase):
    """The test's end of the cable."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.host = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.host.bind(str(self.path / "lan1.sock"))
        self.host.settimeout(5)

    def tearDown(self):
        self.host.close()
        self.folder.cleanup()

    def ask(self, frame):
        with wire.Wire(self.path, "192.0.2.77") as cable:
            self.host.sendto(frame, str(self.path / "lan2.sock"))
            return self.host.recv(2000), cable.packets

    def test_it_answers_arp_for_its_address(self):
        mac = bytes.fromhex("525400000001")
        frame = b"\xff" * 6 + mac + bytes.fromhex("0806000108000604 0001") + mac + bytes([192, 0, 2, 1]) + bytes(6) + bytes([192, 0, 2, 77])
        answer, _ = self.ask(frame)
        self.assertEqual((answer[:6], answer[20:22], answer[28:32]), (mac, b"\x00\x02", bytes([192, 0, 2, 77])))

    def test_it_answers_ping_with_right_checksums_and_notes_the_packet(self):
        icmp = bytes.fromhex("0800 0000 0001 0001") + b"abcdefgh"
        head = bytes.fromhex("45000024 00000000 40010000") + bytes([192, 0, 2, 1, 192, 0, 2, 77])
        answer, packets = self.ask(wire.MAC + b"\x52\x54\0\0\0\1" + b"\x08\x00" + head + icmp)
        self.assertEqual(answer[34], 0)
        self.assertEqual(wire.checksum(answer[14:34]), 0)
        self.assertEqual(wire.checksum(answer[34:50]), 0)
        self.assertEqual(packets, [wire.Packet("192.0.2.1", "192.0.2.77", 1, 0)])

    def test_cannot_be_stopped_by_a_torn_frame(self):
        self.assertIsNone(wire.parse(b"\x00" * 12 + b"\x08\x00" + b"\x4f"))
        self.assertIsNone(wire.parse(b""))


class Repository(unittest.TestCase):
    """Our packages on the way to apt."""

    def test_an_index_names_each_file_with_size_and_hash(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder) / "p/DEBIAN"
            root.mkdir(parents=True)
            (root / "control").write_text("Package: p\nVersion: 1\nArchitecture: all\nMaintainer: m <m@m.invalid>\nDescription: d\n", encoding="ascii")
            subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(root.parent), f"{folder}/p_1_all.deb"], check=True, capture_output=True)
            text = packages.index(pathlib.Path(folder)).decode()
            size = (pathlib.Path(folder) / "p_1_all.deb").stat().st_size
        self.assertIn("Package: p\n", text)
        self.assertIn(f"Filename: ./p_1_all.deb\nSize: {size}\nSHA256: ", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
