# SPDX-License-Identifier: Apache-2.0
"""rtnetlink traffic for tests: a recording of this kernel, and composed messages for kinds that it lacks."""

import json
import struct
from pathlib import Path
from typing import Any, cast

from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.state import DumpName, NamespaceState

RECORDING = Path(__file__).parents[3] / "data" / "netlink" / "lab.json"


class Recording:
    """The lab of tests/data/netlink/lab.json: events while it was built, dumps, events while it was taken down."""

    def __init__(self) -> None:
        data = json.loads(RECORDING.read_text())
        self.events = [bytes.fromhex(text) for text in data["events"]]
        self.later = [bytes.fromhex(text) for text in data["later"]]
        self.stats = [bytes.fromhex(text) for text in data["stats"]]
        self.dumps = {name: [bytes.fromhex(text) for text in dump] for name, dump in data["dumps"].items()}

    def play_dumps(self, state: NamespaceState) -> None:
        for name, datagrams in self.dumps.items():
            state.begin(cast(DumpName, name))
            play(state, datagrams)
            state.finish(cast(DumpName, name))


def at(data: Any, *path: str | int) -> Any:
    """Return what stands at a path of JSON data."""
    for part in path:
        data = data[part]
    return data


def play(state: NamespaceState, datagrams: list[bytes]) -> None:
    for datagram in datagrams:
        for message in wire.messages(datagram):
            state.take(message)


def link_message(
    ifindex: int,
    name: str,
    kind: str = "",
    data: bytes = b"",
    *,
    new: bool = True,
    flags: int = 0x1043,
    extra: bytes = b"",
    slave: tuple[str, bytes] = ("", b""),
) -> bytes:
    """Compose RTM_NEWLINK as the kernel does; `data` is IFLA_INFO_DATA, `extra` more attributes."""
    info = b""
    if kind:
        info += wire.attribute(1, kind.encode() + b"\0")
    if data:
        info += wire.attribute(2, data)
    if slave[0]:
        info += wire.attribute(4, slave[0].encode() + b"\0") + wire.attribute(5, slave[1])
    body = struct.pack("=BxHiII", 0, 1, ifindex, flags, 0)
    body += wire.attribute(3, name.encode() + b"\0") + wire.attribute(4, u32(1500)) + wire.attribute(16, b"\x06")
    body += wire.attribute(1, bytes([2, 0, 0, 0, 0, ifindex])) + extra
    if info:
        body += wire.attribute(18, info)
    return message(wire.RTM_NEWLINK if new else wire.RTM_DELLINK, body)


def message(kind: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body


def lower(ifindex: int, nsid: int | None = None) -> bytes:
    """Compose IFLA_LINK and IFLA_LINK_NETNSID."""
    found = wire.attribute(5, u32(ifindex))
    return found if nsid is None else found + wire.attribute(37, struct.pack("=i", nsid))


def u32(value: int) -> bytes:
    return struct.pack("=I", value)


def route_message(
    prefix: str, gateway: str, oif: int, *, new: bool = True, flags: int = 0, family: int = wire.AF_INET
) -> bytes:
    """Compose an IPv4 route of table 254."""
    address, _, length = prefix.partition("/")
    body = struct.pack("=BBBBBBBBI", family, int(length), 0, 0, 254, 3, 0, 1, 0)
    body += wire.attribute(1, bytes(map(int, address.split(".")))) + wire.attribute(4, u32(oif))
    body += wire.attribute(5, bytes(map(int, gateway.split("."))))
    return message(wire.RTM_NEWROUTE if new else wire.RTM_DELROUTE, body, flags)
