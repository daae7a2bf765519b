# SPDX-License-Identifier: GPL-2.0-or-later
"""The other end of host 1's cable `lan`, held by the test itself: it hears every frame and plays one machine there.

Only with a lab of one host; with two, the second host holds that end.
"""
import contextlib
import pathlib
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType

MAC = bytes.fromhex("525400bb0001")
ARP, IPV4, ICMP, TCP = 0x0806, 0x0800, 1, 6


@dataclass(frozen=True)
class Packet:
    """An IPv4 packet that was seen: addresses as text, `port` the TCP or UDP destination (0 for others)."""

    source: str
    target: str
    protocol: int
    port: int


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def parse(frame: bytes) -> Packet | None:
    """The IPv4 packet in an Ethernet frame, None if there is none."""
    if len(frame) < 34 or frame[12:14] != b"\x08\x00":
        return None
    start = 14 + (frame[14] & 15) * 4
    protocol = frame[23]
    port = struct.unpack("!H", frame[start + 2:start + 4])[0] if protocol in (6, 17) and len(frame) >= start + 4 else 0
    return Packet(socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34]), protocol, port)


class Wire:
    """A `with` block during which the test is the machine `address` on the cable: it answers ARP and ping, and refuses TCP."""

    def __init__(self, lab: pathlib.Path, address: str) -> None:
        self.path, self.peer = lab / "lan2.sock", lab / "lan1.sock"
        self.address = socket.inet_aton(address)
        self.packets: list[Packet] = []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.over = threading.Event()

    def __enter__(self) -> "Wire":
        self.path.unlink(missing_ok=True)
        self.sock.bind(str(self.path))
        self.sock.settimeout(0.2)
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.over.set()
        self.thread.join()
        self.sock.close()
        self.path.unlink(missing_ok=True)

    def listen(self) -> None:
        """Until the block ends."""
        while not self.over.is_set():
            try:
                frame = self.sock.recv(65536)
            except TimeoutError:
                continue
            packet = parse(frame)
            if packet:
                self.packets.append(packet)
            answer = self.answer(frame, packet)
            if answer:
                with contextlib.suppress(OSError):  # the host may be off
                    self.sock.sendto(answer, str(self.peer))

    def answer(self, frame: bytes, packet: Packet | None) -> bytes | None:
        """What the machine says to a frame."""
        if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\x00\x01" and frame[38:42] == self.address:
            return (frame[6:12] + MAC + frame[12:20] + b"\x00\x02" + MAC + self.address + frame[22:32]).ljust(60, b"\0")
        if not packet or frame[30:34] != self.address:
            return None
        header = (frame[14] & 15) * 4
        length = struct.unpack("!H", frame[16:18])[0]
        body = frame[14 + header:14 + length]
        if packet.protocol == ICMP and body[:1] == b"\x08":
            return self.ip(frame, ICMP, self.echo(body))
        if packet.protocol == TCP and len(body) >= 20 and body[13] & 2:
            return self.ip(frame, TCP, self.reset(frame, body))
        return None

    @staticmethod
    def echo(body: bytes) -> bytes:
        """The answer to a ping."""
        plain = b"\x00\x00\x00\x00" + body[4:]
        return plain[:2] + struct.pack("!H", checksum(plain)) + plain[4:]

    def reset(self, frame: bytes, body: bytes) -> bytes:
        """RST to a SYN: the packet came, nobody listens."""
        source, target, sequence = struct.unpack("!HHI", body[:8])
        plain = struct.pack("!HHIIBBHHH", target, source, 0, (sequence + 1) & 0xFFFFFFFF, 0x50, 0x14, 0, 0, 0)
        pseudo = self.address + frame[26:30] + struct.pack("!BBH", 0, TCP, len(plain))
        return plain[:16] + struct.pack("!H", checksum(pseudo + plain)) + plain[18:]

    def ip(self, frame: bytes, protocol: int, body: bytes) -> bytes:
        """An answering IPv4 frame."""
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0, self.address, frame[26:30])
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        return (frame[6:12] + MAC + b"\x08\x00" + head + body).ljust(60, b"\0")
