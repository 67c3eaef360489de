# SPDX-License-Identifier: Apache-2.0
"""Traces of conversations, made by hand: `python tests/application_traces.py` writes tests/data/flows/NAME.pcap.

quic.pcap beside them was made with another library, since it takes AES: the client's Initial of RFC 9001 A.2, and the
same hello in version 2, spread over two datagrams in the wrong order.
"""

import struct
from collections.abc import Callable, Iterable

from traces import FOLDER, IP4, IP6, MAC, TO_A, TO_B, Trace, ethernet, ipv4, ipv6, pcap, udp

SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
SYN_OPTIONS = bytes([2, 4, 5, 180, 1, 3, 3, 7])
"""Maximum segment size 1460, window shift 7."""


class Connection:
    """A TCP connection from a to b whose frames are collected; numbers follow from what was sent."""

    def __init__(self, port: int, *, version: int = 4, start: tuple[int, int] = (1000, 9000)) -> None:
        self.ports = {TO_B: (40000, port), TO_A: (port, 40000)}
        self.sent = dict(zip((TO_B, TO_A), start, strict=True))
        self.version = version
        self.frames: list[bytes] = []

    def segment(self, ends: tuple[str, str], flags: int, payload: bytes = b"", **more: int) -> bytes:
        """Return a frame; `at` instead of the next sequence number, `window` instead of an open one."""
        back = TO_A if ends == TO_B else TO_B
        options = SYN_OPTIONS if flags & SYN else b""
        head = struct.pack("!HHII", *self.ports[ends], more.get("at", self.sent[ends]), self.sent[back])
        head += struct.pack("!BBHHH", (5 + len(options) // 4) << 4, flags, more.get("window", 502), 0, 0) + options
        if self.version == 6:
            return ethernet(ends, 0x86DD, ipv6(ends, 6, head + payload))
        return ethernet(ends, 0x0800, ipv4(ends, 6, head + payload))

    def send(self, ends: tuple[str, str], flags: int, payload: bytes = b"", **more: int) -> None:
        self.frames.append(self.segment(ends, flags, payload, **more))
        self.sent[ends] += len(payload) + bool(flags & SYN) + bool(flags & FIN)

    def open(self) -> "Connection":
        self.send(TO_B, SYN)
        self.send(TO_A, SYN | ACK)
        self.send(TO_B, ACK)
        return self

    def say(self, ends: tuple[str, str], *pieces: bytes) -> "Connection":
        """Send pieces, the last one pushed, and let the other side acknowledge them."""
        for piece in pieces:
            self.send(ends, ACK | (PSH if piece is pieces[-1] else 0), piece)
        self.send(TO_A if ends == TO_B else TO_B, ACK)
        return self

    def close(self) -> Trace:
        self.send(TO_B, FIN | ACK)
        self.send(TO_A, FIN | ACK)
        self.send(TO_B, ACK)
        return 1, self.frames


def troubled() -> Trace:
    """A segment sent twice, two that change places, a gap that stays, a closed window."""
    tcp = Connection(7000).open().say(TO_B, b"request")
    tcp.frames.append(tcp.segment(TO_B, ACK | PSH, b"request", at=1001))
    tcp.say(TO_A, b"first ", b"second ", b"third")
    tcp.frames[-2], tcp.frames[-3] = tcp.frames[-3], tcp.frames[-2]
    tcp.sent[TO_A] += 100
    tcp.say(TO_A, b"behind a gap")
    tcp.send(TO_B, ACK, window=0)
    return tcp.close()


def refused() -> Trace:
    """A SYN that is sent twice, and refused."""
    tcp = Connection(7001)
    tcp.send(TO_B, SYN)
    tcp.frames.append(tcp.segment(TO_B, SYN, at=1000))
    tcp.send(TO_A, RST | ACK, window=0)
    return 1, tcp.frames


def closed(port: int, *said: tuple[tuple[str, str], Iterable[bytes]], version: int = 4) -> Trace:
    tcp = Connection(port, version=version).open()
    for ends, pieces in said:
        tcp.say(ends, *pieces)
    return tcp.close()


def vector(content: bytes, size: int) -> bytes:
    """Return bytes behind their length in `size` bytes."""
    return len(content).to_bytes(size, "big") + content


def extension(kind: int, value: bytes) -> bytes:
    return struct.pack("!H", kind) + vector(value, 2)


def client_hello(name: bytes) -> bytes:
    """Return a client's hello for a name, with h2 and http/1.1, and values that mean nothing (GREASE)."""
    extensions = (
        extension(0x0A0A, b"")
        + extension(0, vector(b"\0" + vector(name, 2), 2))
        + extension(16, vector(vector(b"h2", 1) + vector(b"http/1.1", 1), 2))
        + extension(43, vector(bytes.fromhex("3a3a03040303"), 1))
        + extension(13, vector(bytes.fromhex("040308040401"), 2))
    )
    body = b"\3\3" + bytes(32) + vector(bytes(32), 1)
    body += vector(bytes.fromhex("2a2a13011302c02f"), 2) + vector(b"\0", 1) + vector(extensions, 2)
    return b"\1" + vector(body, 3)


def server_hello(version: int, cipher: int, extensions: bytes) -> bytes:
    body = struct.pack("!H", version) + bytes(32) + vector(b"", 1) + struct.pack("!HB", cipher, 0)
    return b"\2" + vector(body + vector(extensions, 2), 3)


def record(message: bytes, kind: int = 22) -> bytes:
    return bytes([kind]) + b"\3\3" + vector(message, 2)


def tls_1_3() -> Trace:
    """A hello in two records and three segments, the first two of which change places."""
    message = client_hello(b"www.example.org")
    stream = record(message[:50]) + record(message[50:])
    tcp = Connection(443).open().say(TO_B, stream[:40], stream[40:90], stream[90:])
    tcp.frames[3], tcp.frames[4] = tcp.frames[4], tcp.frames[3]
    answer = server_hello(0x0303, 0x1301, extension(43, b"\3\4"))
    return tcp.say(TO_A, record(answer) + record(b"x" * 40, 23)).close()


def starttls() -> Trace:
    """SMTP, then TLS 1.2."""
    answer = server_hello(0x0303, 0xC02F, extension(16, vector(vector(b"h2", 1), 2)))
    return closed(
        25,
        (TO_A, [b"220 mail.example.org ESMTP\r\n"]),
        (TO_B, [b"STARTTLS\r\n"]),
        (TO_A, [b"220 go ahead\r\n"]),
        (TO_B, [record(client_hello(b"mail.example.org"))]),
        (TO_A, [record(answer)]),
        version=6,
    )


REQUEST = b"GET /latest/meta-data HTTP/1.1\r\nHost: 169.254.169.254\r\nUser-Agent: curl/8.5.0\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nServer: metadata\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def http_joined() -> Trace:
    """The beginning of the connection was not seen, only a response's end, and the next request."""
    link_type, frames = closed(8080, (TO_A, [b"x" * 30]), (TO_B, [REQUEST]), (TO_A, [RESPONSE[:50], RESPONSE[50:]]))
    return link_type, frames[3:]


def dns(number: int, flags: int, name: bytes, kind: int, *answers: tuple[int, bytes]) -> bytes:
    """Return a message about a name in wire form; `answers` are types and data."""
    message = struct.pack("!6H", number, flags, 1, len(answers), 0, 0) + name + struct.pack("!HH", kind, 1)
    return message + b"".join(b"\xc0\x0c" + struct.pack("!HHI", of, 1, 300) + vector(data, 2) for of, data in answers)


NAME = b"\7example\3org\0"


def dns_over_tcp() -> Trace:
    """Two questions in one segment, the answers cut elsewhere than between them."""
    ask = [vector(dns(number, 0x0100, NAME, kind), 2) for number, kind in ((1, 1), (2, 28))]
    answers = vector(dns(1, 0x8180, NAME, 1, (1, IP4["y"])), 2) + vector(dns(2, 0x8180, NAME, 28, (28, IP6["y"])), 2)
    return closed(53, (TO_B, [ask[0] + ask[1]]), (TO_A, [answers[:20], answers[20:70], answers[70:]]))


SIP_HEADERS = b"From: <sip:a@example.org>\r\nTo: <sip:b@example.org>\r\nCall-ID: 77@10.0.0.1\r\nCSeq: 1 INVITE\r\n\r\n"


def pdu(kind: int, name: bytes, value: bytes) -> bytes:
    """Return a message of SNMP 2c with one binding."""

    def element(tag: int, content: bytes) -> bytes:
        return bytes([tag]) + vector(content, 1)

    binding = element(0x30, element(0x30, element(6, name) + value))
    body = element(2, b"\x12\x34") + element(2, b"\0") + element(2, b"\0") + binding
    return element(0x30, element(2, b"\1") + element(4, b"secret") + element(kind, body))


SYSTEM_DESCRIPTION = bytes.fromhex("2b06010201010100")


def datagrams(source: int, destination: int, *messages: bytes) -> Trace:
    """Messages there and back over UDP, in turns."""
    ports = {TO_B: (source, destination), TO_A: (destination, source)}
    turns = zip(messages, (TO_B, TO_A) * len(messages), strict=False)
    return 1, [ethernet(ends, 0x0800, ipv4(ends, 17, udp(*ports[ends], message))) for message, ends in turns]


def ntp(mode: int, stratum: int, reference: bytes) -> bytes:
    return bytes([4 << 3 | mode, stratum, 6, 0xEC]) + bytes(8) + reference + bytes(32)


def bfd(state: int, mine: int, yours: int) -> bytes:
    return struct.pack("!BBBBIIIII", 1 << 5, state << 6, 3, 24, mine, yours, 300_000, 300_000, 0)


def vrrp() -> Trace:
    two = struct.pack("!BBBBBBH", 0x21, 7, 100, 1, 0, 1, 0) + IP4["y"] + bytes(8)
    three = struct.pack("!BBBBHH", 0x31, 8, 200, 1, 100, 0) + IP6["y"]
    return 1, [ethernet(TO_B, 0x0800, ipv4(TO_B, 112, two)), ethernet(TO_B, 0x86DD, ipv6(TO_B, 112, three))]


def lldp() -> Trace:
    def element(kind: int, value: bytes) -> bytes:
        return struct.pack("!H", kind << 9 | len(value)) + value

    message = (
        element(1, b"\4" + MAC["a"])
        + element(2, b"\5Ethernet1")
        + element(3, struct.pack("!H", 120))
        + element(4, b"uplink")
        + element(5, b"leaf-1")
        + element(6, b"A switch")
        + element(7, struct.pack("!HH", 0x14, 0x14))
        + element(8, b"\5\1" + IP4["a"] + b"\2\0\0\0\1\0")
        + element(127, b"\x00\x80\xc2\x01\x00\x05")
        + element(0, b"")
    )
    return 1, [ethernet(TO_B, 0x88CC, message)]


def logical(header: bytes, content: bytes) -> bytes:
    """Return a frame that tells its length, padded."""
    body = header + content
    return ethernet(TO_B, len(body), body + bytes(46 - len(body)))


def stp() -> Trace:
    bridges = struct.pack("!H", 32768) + MAC["a"], struct.pack("!H", 32769) + MAC["b"]
    tree = struct.pack("!HBBB8sI8sHHHHH", 0, 2, 2, 1, bridges[0], 4, bridges[1], 0x8001, 256, 5120, 512, 3840)
    change = struct.pack("!HBB", 0, 0, 0x80)
    return 1, [
        logical(b"\x42\x42\3", tree),
        logical(b"\x42\x42\3", change),
        logical(b"\xaa\xaa\3\0\0\x0c\x01\x0b", tree),
        logical(b"\xaa\xaa\3\0\0\0\x08\0", ipv4(TO_B, 17, udp(1, 2, b"snap"))),
        logical(b"\xe0\xe0\3", b"something else"),
    ]


def multicast() -> Trace:
    """A host joins groups, in IGMP 2 and 3 and in MLD 1 and 2, and leaves one."""
    three = struct.pack("!BBHHHBBH", 0x22, 0, 0, 0, 1, 4, 0, 0) + bytes([239, 1, 1, 1])
    group = bytes.fromhex("ff02") + bytes(13) + b"\xfb"
    mld_2 = struct.pack("!BBHHHBBH", 143, 0, 0, 0, 1, 4, 0, 0) + group
    mld_1 = struct.pack("!BBHI", 132, 0, 0, 0) + group
    return 1, [
        ethernet(TO_B, 0x0800, ipv4(TO_B, 2, struct.pack("!BBH", 0x16, 0, 0) + bytes([239, 1, 1, 1]))),
        ethernet(TO_A, 0x0800, ipv4(TO_A, 2, three)),
        ethernet(TO_B, 0x86DD, ipv6(TO_B, 58, mld_2)),
        ethernet(TO_A, 0x86DD, ipv6(TO_A, 58, mld_1)),
    ]


def arp(operation: int, sender: str, target: str) -> bytes:
    asked = bytes(6) if operation == 1 else MAC[target]
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + MAC[sender] + IP4[sender] + asked + IP4[target]


def neighbors() -> Trace:
    """Questions for the owner of an address and answers, in ARP and in neighbour discovery; one that nobody answers."""
    ask = struct.pack("!BBHI", 135, 0, 0, 0) + IP6["b"] + b"\1\1" + MAC["a"]
    answer = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + IP6["b"] + b"\2\1" + MAC["b"]
    return 1, [
        ethernet(TO_B, 0x0806, arp(1, "a", "b")),
        ethernet(TO_A, 0x0806, arp(2, "b", "a")),
        ethernet(("a", "x"), 0x0806, arp(1, "a", "y")),
        ethernet(TO_B, 0x86DD, ipv6(TO_B, 58, ask)),
        ethernet(TO_A, 0x86DD, ipv6(TO_A, 58, answer)),
    ]


def errors() -> Trace:
    """A port where nobody listens, a TCP connection beyond a filter, and an error about something never seen."""
    asked = ipv4(TO_B, 17, udp(40000, 5000, b"hello"))
    six = ipv6(TO_B, 17, udp(40000, 5000, b"hello"))
    syn = Connection(7002).segment(TO_B, SYN)
    unknown = ipv4(("a", "y"), 17, udp(1, 2, b""))

    def refused(code: int, quoted: bytes) -> bytes:
        return ethernet(TO_A, 0x0800, ipv4(TO_A, 1, struct.pack("!BBHI", 3, code, 0, 0) + quoted))

    return 1, [
        ethernet(TO_B, 0x0800, asked),
        refused(3, asked),
        syn,
        # RFC 792: eight bytes of the TCP header only.
        refused(13, syn[14:42]),
        refused(1, unknown[:28]),
        ethernet(TO_B, 0x86DD, six),
        ethernet(TO_A, 0x86DD, ipv6(TO_A, 58, struct.pack("!BBHI", 1, 4, 0, 0) + six)),
    ]


def rare_records() -> Trace:
    """EDNS with a code of more bits, and types of which zone files have a text."""
    edns = struct.pack("!BHHIH", 0, 41, 1232, 1 << 24 | 0x8000, 0)
    answers = ((65, b"\0\1\0" + struct.pack("!HH", 1, 3) + b"\2h2"), (257, b"\0\5issueca.example"), (65280, b"\1\2"))
    message = dns(5, 0x8180, NAME, 255, *answers)
    message = message[:10] + struct.pack("!H", 1) + message[12:] + edns
    local = dns(0, 0, b"\4vm-1\5local\0", 1)[:-2] + b"\x80\1"
    asked, multicast_dns = datagrams(40000, 53, dns(5, 0x0100, NAME, 255), message), datagrams(5353, 5353, local)
    return 1, asked[1] + multicast_dns[1]


HELLO_OF_OPENFLOW = {version: struct.pack("!BBHI", version, 0, 8, 1) for version in (4, 6)}

TRACES: dict[str, Callable[[], Trace]] = {
    "tcp-troubled": troubled,
    "tcp-refused": refused,
    "tls-1.3": tls_1_3,
    "tls-starttls": starttls,
    "http": lambda: closed(8080, (TO_B, [REQUEST[:30], REQUEST[30:]]), (TO_A, [RESPONSE])),
    "http-joined": http_joined,
    "dns-tcp": dns_over_tcp,
    "sip": lambda: datagrams(
        5060, 5060, b"INVITE sip:b@example.org SIP/2.0\r\n" + SIP_HEADERS, b"SIP/2.0 180 Ringing\r\n" + SIP_HEADERS
    ),
    "sip-tcp": lambda: closed(5061, (TO_B, [b"INVITE sip:b@example.org SIP/2.0\r\n" + SIP_HEADERS])),
    "snmp": lambda: datagrams(
        40000, 161, pdu(0xA0, SYSTEM_DESCRIPTION, b"\5\0"), pdu(0xA2, SYSTEM_DESCRIPTION, b"\4\2ok")
    ),
    "ntp": lambda: datagrams(40000, 123, ntp(3, 0, bytes(4)), ntp(4, 2, IP4["y"])),
    "bfd": lambda: (1, datagrams(49152, 3784, bfd(1, 1, 0))[1] + datagrams(49152, 3784, bfd(3, 1, 2))[1]),
    "wireguard": lambda: datagrams(
        40000,
        51820,
        struct.pack("<II", 1, 11) + bytes(140),
        struct.pack("<III", 2, 22, 11) + bytes(80),
        struct.pack("<IIQ", 4, 22, 0) + bytes(16),
    ),
    "vrrp": vrrp,
    "lldp": lldp,
    "stp": stp,
    "multicast": multicast,
    "neighbors": neighbors,
    "icmp-errors": errors,
    "dns-rare": rare_records,
    "openflow": lambda: closed(6653, (TO_B, [HELLO_OF_OPENFLOW[6]]), (TO_A, [HELLO_OF_OPENFLOW[4]])),
}


if __name__ == "__main__":
    for name, make in TRACES.items():
        (FOLDER / f"{name}.pcap").write_bytes(pcap(make()))
