# SPDX-License-Identifier: Apache-2.0
"""Writes a pcap file of mixed traffic, the same for the same arguments: make_trace.py FILE PACKETS FLOWS [SEED].

TCP connections open, talk in both directions and close; UDP exchanges, echo requests and replies, DNS questions and
answers; a seventh of the conversations is IPv6, a seventh tagged. Conversation lengths are skewed and their packets
interleave, as behind a busy uplink.
"""

import random
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
SIZES = (0, 48, 160, 620, 1180, 1380)
SYN, FIN, ACK, PUSH = 2, 1, 16, 8
DNS_QUESTION = b"\x03www\x07example\x03net\0\0\x01\0\x01"


@dataclass(slots=True)
class Conversation:
    """One five-tuple; `left` packets are still to come, side 0 begins."""

    kind: str
    v6: bool
    vlan: int
    addresses: tuple[bytes, bytes]
    ports: tuple[int, int]
    left: int
    sent: int = 0
    sequences: list[int] = field(default_factory=lambda: [1000, 5000])

    def packet(self, choice: random.Random) -> bytes:
        """Return the next frame."""
        side = self.sent % 2
        protocol, segment = _SEGMENTS[self.kind](self, side, choice)
        self.sent += 1
        self.left -= 1
        return self._framed(side, protocol, segment)

    def _framed(self, side: int, protocol: int, segment: bytes) -> bytes:
        source, destination = self.addresses[side], self.addresses[1 - side]
        if self.v6:
            protocol = 58 if protocol == 1 else protocol
            packet = struct.pack("!IHBB", 0x60000000, len(segment), protocol, 64) + source + destination + segment
            ether_type = 0x86DD
        else:
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), self.sent & 0xFFFF, 0x4000, 64, protocol, 0)
            packet = head + source + destination + segment
            ether_type = 0x0800
        macs = b"\x02\0" + destination[-4:] + b"\x02\0" + source[-4:]
        tag = struct.pack("!HH", 0x8100, self.vlan) if self.vlan else b""
        return macs + tag + struct.pack("!H", ether_type) + packet

    def tcp(self, side: int, choice: random.Random) -> tuple[int, bytes]:
        flags, size = PUSH | ACK, choice.choice(SIZES)
        if self.sent < 2:
            flags, size = SYN | (ACK if self.sent else 0), 0
        elif self.left <= 2:
            flags, size = FIN | ACK, 0
        sequence = self.sequences[side]
        self.sequences[side] = (sequence + size + (flags & (SYN | FIN) != 0)) & 0xFFFFFFFF
        ports = self.ports[side], self.ports[1 - side]
        head = struct.pack("!HHIIBBHHH", *ports, sequence, self.sequences[1 - side], 0x50, flags, 65000, 0, 0)
        return 6, head + bytes(size)

    def udp(self, side: int, choice: random.Random) -> tuple[int, bytes]:
        return self._datagram(side, bytes(choice.choice(SIZES)))

    def dns(self, side: int, _: random.Random) -> tuple[int, bytes]:
        answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01" if side else b""
        flags = 0x8180 if side else 0x0100
        return self._datagram(side, struct.pack("!6H", self.sent // 2, flags, 1, side, 0, 0) + DNS_QUESTION + answer)

    def _datagram(self, side: int, payload: bytes) -> tuple[int, bytes]:
        return 17, struct.pack("!HHHH", self.ports[side], self.ports[1 - side], 8 + len(payload), 0) + payload

    def echo(self, side: int, _: random.Random) -> tuple[int, bytes]:
        kind = (129 if side else 128) if self.v6 else (0 if side else 8)
        return 1, struct.pack("!BBHHH", kind, 0, 0, self.ports[0], self.sent // 2 & 0xFFFF) + bytes(56)


_SEGMENTS = {"tcp": Conversation.tcp, "udp": Conversation.udp, "dns": Conversation.dns, "echo": Conversation.echo}


def conversations(packets: int, flows: int, choice: random.Random) -> list[Conversation]:
    """Return distinct conversations that have `packets` packets together."""
    shares = [1 / (rank + 2) ** 0.8 for rank in range(flows)]
    scale = (packets - flows) / sum(shares)
    lengths = [1 + int(share * scale) for share in shares]
    lengths[0] += packets - sum(lengths)
    return [_conversation(number, length, choice) for number, length in enumerate(lengths)]


def _conversation(number: int, length: int, choice: random.Random) -> Conversation:
    kind = choice.choices(("tcp", "udp", "dns", "echo"), (66, 20, 10, 4))[0]
    v6 = number % 7 == 3
    pair = (struct.pack("!I", 0x0A000000 + number // 200), struct.pack("!I", 0xAC100000 + choice.randrange(4000)))
    prefix = b"\xfd" + bytes(11)
    addresses = (prefix + pair[0], prefix + pair[1]) if v6 else pair
    port = {"tcp": choice.choice((80, 443, 22, 5432)), "udp": 4500, "dns": 53, "echo": 0}[kind]
    vlan = 100 + number % 5 if number % 7 == 5 else 0
    return Conversation(kind, v6, vlan, addresses, (20000 + number % 200 * 200 + number % 199, port), length)


def frames(packets: int, flows: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Yield (time in ns, frame); conversations interleave within a window that slides over them."""
    choice = random.Random(seed)
    waiting = conversations(packets, flows, choice)
    choice.shuffle(waiting)
    active: list[Conversation] = []
    now = 1_700_000_000_000_000_000
    while waiting or active:
        while waiting and len(active) < 4000:
            active.append(waiting.pop())
        index = choice.randrange(len(active))
        now += choice.randrange(500, 20_000)
        yield now, active[index].packet(choice)
        if not active[index].left:
            active[index] = active[-1]
            active.pop()


def write_trace(path: Path, packets: int, flows: int, seed: int = 1) -> None:
    """Write a pcap file with nanosecond times."""
    with path.open("wb", buffering=1 << 20) as out:
        out.write(PCAP_HEADER)
        for now, frame in frames(packets, flows, seed):
            seconds, rest = divmod(now, 1_000_000_000)
            out.write(struct.pack("<IIII", seconds, rest, len(frame), len(frame)) + frame)


if __name__ == "__main__":
    target, *numbers = sys.argv[1:]
    write_trace(Path(target), *map(int, numbers))
