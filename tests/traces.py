# SPDX-License-Identifier: Apache-2.0
"""Traces of every encapsulation, made by hand: `python tests/traces.py` writes tests/data/flows/NAME.pcap.

Each shows a ping and its answer inside (or what its name says); beside it lies NAME.flows.json, what the meter makes
of it. A trace recorded elsewhere can lie there too: the test takes every file of the folder.
"""

import struct
from collections.abc import Callable, Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "data/flows"
MAC = {name: bytes.fromhex(f"52540000000{digit}") for name, digit in (("a", 1), ("b", 2), ("x", 8), ("y", 9))}
IP4 = {"a": bytes([10, 0, 0, 1]), "b": bytes([10, 0, 0, 2]), "x": bytes([192, 0, 2, 1]), "y": bytes([192, 0, 2, 2])}
IP6 = {name: bytes.fromhex("fd00") + bytes(13) + bytes([last]) for name, last in zip("abxy", (1, 2, 8, 9), strict=True)}
Trace = tuple[int, list[bytes]]
"""Link type and frames."""
TO_B, TO_A = ("a", "b"), ("b", "a")
"""The ends of the conversation; x and y are the ends of the tunnel around it, x on the side of a."""


def ethernet(ends: tuple[str, str], kind: int, payload: bytes, tags: Iterable[tuple[int, int]] = ()) -> bytes:
    source, destination = ends
    tag_bytes = b"".join(struct.pack("!HH", tpid, vlan) for tpid, vlan in tags)
    return MAC[destination] + MAC[source] + tag_bytes + struct.pack("!H", kind) + payload


def ipv4(ends: tuple[str, str], protocol: int, payload: bytes, *, number: int = 1, place: int = 0) -> bytes:
    """`place` is the field of flags and offset."""
    source, destination = ends
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), number, place, 64, protocol, 0)
    head += IP4[source] + IP4[destination]
    words = sum(struct.unpack("!10H", head))
    words = (words & 0xFFFF) + (words >> 16)
    words = (words & 0xFFFF) + (words >> 16)
    return head[:10] + struct.pack("!H", words ^ 0xFFFF) + head[12:] + payload


def ipv6(ends: tuple[str, str], protocol: int, payload: bytes) -> bytes:
    source, destination = ends
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + IP6[source] + IP6[destination] + payload


def udp(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def echo(ends: tuple[str, str], identifier: int = 7, size: int = 24) -> bytes:
    return struct.pack("!BBHHH", 8 if ends == TO_B else 0, 0, 0, identifier, 1) + bytes(size)


def ping(ends: tuple[str, str], **more: int) -> bytes:
    return ipv4(ends, 1, echo(ends, **more))


def ping_frame(ends: tuple[str, str], tags: Iterable[tuple[int, int]] = ()) -> bytes:
    return ethernet(ends, 0x0800, ping(ends), tags)


def outer(ends: tuple[str, str]) -> tuple[str, str]:
    return ("x", "y") if ends == TO_B else ("y", "x")


def in_ipv4(ends: tuple[str, str], protocol: int, payload: bytes) -> bytes:
    return ethernet(outer(ends), 0x0800, ipv4(outer(ends), protocol, payload))


def in_udp(ends: tuple[str, str], source: int, destination: int, payload: bytes) -> bytes:
    return in_ipv4(ends, 17, udp(source, destination, payload))


def both(make: Callable[[tuple[str, str]], bytes], link_type: int = 1) -> Trace:
    return link_type, [make(TO_B), make(TO_A)]


def gre(kind: int, payload: bytes, *, key: int | None = None, sequence: int | None = None) -> bytes:
    flags = (0x2000 if key is not None else 0) | (0x1000 if sequence is not None else 0)
    fields = b"".join(struct.pack("!I", field) for field in (key, sequence) if field is not None)
    return struct.pack("!HH", flags, kind) + fields + payload


def label(number: int, *, bottom: bool) -> bytes:
    return struct.pack("!I", number << 12 | (0x100 if bottom else 0) | 64)


def vxlan(vni: int, payload: bytes, flags: int = 0x08, protocol: int = 0) -> bytes:
    return struct.pack("!BHBI", flags, 0, protocol, vni << 8) + payload


def geneve(vni: int, kind: int, payload: bytes, options: bytes = b"") -> bytes:
    return struct.pack("!BBHI", len(options) // 4, 0, kind, vni << 8) + options + payload


def gtpu(teid: int, payload: bytes) -> bytes:
    """A packet with a sequence number and an extension header of 4 bytes (PDU session container)."""
    rest = struct.pack("!HBB", 1, 0, 0x85) + bytes([1, 0, 9, 0]) + payload
    return struct.pack("!BBHI", 0x36, 255, len(rest), teid) + rest


def ppp(packet: bytes) -> bytes:
    return struct.pack("!H", 0x0021) + packet


def pppoe(ends: tuple[str, str]) -> bytes:
    body = ppp(ping(ends))
    return ethernet(outer(ends), 0x8864, struct.pack("!BBHH", 0x11, 0, 0x1234, len(body)) + body)


def l2tp_2(ends: tuple[str, str]) -> bytes:
    body = b"\xff\x03" + ppp(ping(ends))
    return in_udp(ends, 1701, 1701, struct.pack("!HHHH", 0x4002, 8 + len(body), 11, 22) + body)


def l2tp_3(ends: tuple[str, str]) -> bytes:
    """Over IP: session, a cookie of 4 bytes, Ethernet."""
    return in_ipv4(ends, 115, struct.pack("!II", 33, 0xC00C1E00) + ping_frame(ends))


def erspan_2(ends: tuple[str, str]) -> bytes:
    header = struct.pack("!HHI", 0x1000, 100, 5)
    return in_ipv4(TO_B, 47, gre(0x88BE, header + ping_frame(ends), sequence=1))


def erspan_3(ends: tuple[str, str]) -> bytes:
    header = struct.pack("!HHIHH", 0x2000, 101, 0, 0, 1) + bytes(8)
    return in_ipv4(TO_B, 47, gre(0x22EB, header + ping_frame(ends), sequence=1))


def authentication(message: bytes) -> bytes:
    """ICMP behind a header with a check value of 12 bytes."""
    return struct.pack("!BBHII", 1, 4, 0, 0x1000, 1) + bytes(12) + message


def same_addresses() -> Trace:
    """The same conversation in two VNIs, and in two VLANs of one of them."""
    frames = [
        in_udp(ends, port, 4789, vxlan(vni, ping_frame(ends, tags)))
        for ends, port in ((TO_B, 50001), (TO_A, 50002))
        for vni, tags in ((10, ()), (11, ()), (11, ((0x8100, 5),)))
    ]
    return 1, frames


def cooked(ends: tuple[str, str]) -> bytes:
    return struct.pack("!HHH", 0, 1, 6) + MAC[ends[0]] + bytes(2) + struct.pack("!H", 0x0800) + ping(ends)


def cooked_2(ends: tuple[str, str]) -> bytes:
    return struct.pack("!HHIHBB", 0x0800, 0, 3, 1, 0, 6) + MAC[ends[0]] + bytes(2) + ping(ends)


def pieces_4(ends: tuple[str, str], size: int, number: int) -> list[bytes]:
    """An IPv4 ping in three fragments, in their order."""
    message = echo(ends, size=size)
    cuts = [message[:80], message[80:160], message[160:]]
    fields = [0x2000, 0x2000 | 80 // 8, 160 // 8]
    return [
        ethernet(ends, 0x0800, ipv4(ends, 1, cut, number=number, place=field))
        for cut, field in zip(cuts, fields, strict=True)
    ]


def fragments_4() -> Trace:
    """A ping in three pieces, the last one first and one sent twice; its answer whole."""
    first, middle, last = pieces_4(TO_B, 200, 1)
    return 1, [last, first, first, middle, ethernet(TO_A, 0x0800, ping(TO_A, size=200))]


def fragments_6() -> Trace:
    """A datagram in two pieces, and a piece whose rest never comes."""
    datagram = udp(4000, 5000, bytes(100))
    header = struct.Struct("!BBHI")
    frames = [
        ethernet(TO_B, 0x86DD, ipv6(TO_B, 44, header.pack(17, 0, field, number) + cut))
        for cut, field, number in ((datagram[:64], 1, 1), (datagram[64:], 64, 1), (datagram[:64], 1, 2))
    ]
    return 1, frames


def teardrop() -> Trace:
    """Two pieces that overlap, and one that ends beyond 64 KiB."""
    pieces = [(bytes(80), 0x2000, 1), (bytes(80), 0x2000 | 40 // 8, 1), (bytes(80), 0x1FFF, 2)]
    return 1, [ethernet(TO_B, 0x0800, ipv4(TO_B, 17, cut, number=number, place=place)) for cut, place, number in pieces]


def fragmented_tunnel() -> Trace:
    """A VXLAN datagram that was cut in two on its way."""
    whole = udp(50001, 4789, vxlan(10, ethernet(TO_B, 0x0800, ping(TO_B, size=200))))
    return 1, [
        ethernet(("x", "y"), 0x0800, ipv4(("x", "y"), 17, cut, place=place))
        for cut, place in ((whole[:96], 0x2000), (whole[96:], 96 // 8))
    ]


ENTROPY = label(7, bottom=False) + label(0xABCDE, bottom=True)
TRACES: dict[str, Callable[[], Trace]] = {
    "vxlan": lambda: both(lambda ends: in_udp(ends, 50001, 4789, vxlan(10, ping_frame(ends)))),
    "vxlan-8472": lambda: both(lambda ends: in_udp(ends, 50001, 8472, vxlan(10, ping_frame(ends)))),
    "vxlan-gpe-ip": lambda: both(lambda ends: in_udp(ends, 50001, 4790, vxlan(10, ping(ends), 0x0C, 1))),
    "vxlan-same-addresses": same_addresses,
    "geneve-options": lambda: both(
        lambda ends: in_udp(ends, 50001, 6081, geneve(10, 0x6558, ping_frame(ends), b"\x01\x02\x80\x01abcd"))
    ),
    "gre": lambda: both(lambda ends: in_ipv4(ends, 47, gre(0x0800, ping(ends)))),
    "gre-key-sequence": lambda: both(lambda ends: in_ipv4(ends, 47, gre(0x0800, ping(ends), key=77, sequence=1))),
    "gre-gre": lambda: both(
        lambda ends: in_ipv4(ends, 47, gre(0x0800, ipv4(outer(ends), 47, gre(0x0800, ping(ends), key=2)), key=1))
    ),
    "nvgre": lambda: both(lambda ends: in_ipv4(ends, 47, gre(0x6558, ping_frame(ends), key=5001 << 8 | 0x42))),
    "mpls-ethernet": lambda: both(
        lambda ends: ethernet(outer(ends), 0x8847, label(16, bottom=False) + label(17, bottom=True) + ping(ends))
    ),
    "mpls-pseudowire": lambda: both(
        lambda ends: ethernet(outer(ends), 0x8847, label(16, bottom=True) + bytes(4) + ping_frame(ends))
    ),
    "mpls-entropy-label": lambda: both(
        lambda ends: ethernet(outer(ends), 0x8847, label(16, bottom=False) + ENTROPY + ping(ends))
    ),
    "mpls-gre": lambda: both(lambda ends: in_ipv4(ends, 47, gre(0x8847, label(16, bottom=True) + ping(ends)))),
    "mpls-udp": lambda: both(lambda ends: in_udp(ends, 50001, 6635, label(16, bottom=True) + ping(ends))),
    "erspan-2": lambda: both(erspan_2),
    "erspan-3": lambda: both(erspan_3),
    "ip-in-ip": lambda: both(lambda ends: in_ipv4(ends, 4, ping(ends))),
    "6in4": lambda: both(lambda ends: in_ipv4(ends, 41, ipv6(ends, 17, udp(4000, 4000, b"hello")))),
    "4in6": lambda: both(lambda ends: ethernet(outer(ends), 0x86DD, ipv6(outer(ends), 4, ping(ends)))),
    "gtp-u": lambda: both(lambda ends: in_udp(ends, 2152, 2152, gtpu(0x01020304, ping(ends)))),
    "l2tp-2": lambda: both(l2tp_2),
    "l2tp-3": lambda: both(l2tp_3),
    "pppoe": lambda: both(pppoe),
    "ipsec-ah": lambda: both(lambda ends: ethernet(ends, 0x0800, ipv4(ends, 51, authentication(echo(ends))))),
    "qinq": lambda: both(lambda ends: ping_frame(ends, ((0x88A8, 100), (0x8100, 200)))),
    "link-sll": lambda: both(cooked, 113),
    "link-sll2": lambda: both(cooked_2, 276),
    "link-raw": lambda: both(ping, 101),
    "link-null": lambda: both(lambda ends: struct.pack("<I", 2) + ping(ends), 0),
    "fragments-ipv4": fragments_4,
    "fragments-ipv6": fragments_6,
    "fragments-teardrop": teardrop,
    "fragments-vxlan": fragmented_tunnel,
}


def pcap(trace: Trace) -> bytes:
    """A file with the frames a millisecond apart."""
    link_type, frames = trace
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type)]
    for index, frame in enumerate(frames):
        out += [struct.pack("<IIII", 1_700_000_000, index * 1000, len(frame), len(frame)), frame]
    return b"".join(out)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in TRACES.items():
        (FOLDER / f"{name}.pcap").write_bytes(pcap(make()))
