# SPDX-License-Identifier: Apache-2.0
"""A daemon that speaks libvirt's protocol at a Unix socket and has the domains that a test gives it."""

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from netsonde.probes.libvirt import daemon as calls
from netsonde.probes.libvirt.rpc import MESSAGE, REMOTE_PROGRAM, REPLY
from netsonde.probes.libvirt.xdr import Unpacker, optional_string, signed, string, unsigned

DATA = Path(__file__).parents[3] / "data/libvirt"
WEB = UUID("8a566101-8736-4522-bbad-29951893d152")
RUNNING, PAUSED, SHUT_OFF = 1, 3, 5


def described(name: str) -> str:
    """Return a description as `virsh dumpxml` wrote it."""
    return (DATA / f"{name}.xml").read_text()


@dataclass
class Fake:
    """A domain of the daemon."""

    name: str
    xml: str
    state: int = RUNNING
    addresses: dict[int, list[tuple[str, str, list[str]]]] = field(default_factory=dict)
    """By source: name in the guest, MAC, addresses."""


class Daemon:
    """Answers as libvirtd does; a test changes `domains` and tells of it with `tell`."""

    def __init__(self, **domains: Fake) -> None:
        self.domains: dict[UUID, Fake] = {UUID(uuid): fake for uuid, fake in domains.items()}
        self.refused: dict[int, int] = {}
        """Error number by procedure."""
        self.hung: set[int] = set()
        """Procedures that are never answered."""
        self.late: set[int] = set()
        """Procedures whose answers are kept until `let_go`."""
        self.kept: list[tuple[asyncio.StreamWriter, bytes]] = []
        self.auth = 0
        self.asked: list[int] = []
        self._connections: list[asyncio.StreamWriter] = []
        self._ended: list[asyncio.Event] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.append(writer)
        ended = asyncio.Event()
        self._ended.append(ended)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    (length,) = struct.unpack(">I", await reader.readexactly(4))
                    self._answer(writer, await reader.readexactly(length - 4))
        finally:
            writer.close()
            ended.set()

    def tell(self, uuid: UUID, name: str = "") -> None:
        """Say that something happened to a domain."""
        known = self.domains.get(uuid)
        body = signed(0) + string(name or (known.name if known else "?")) + uuid.bytes + signed(-1) + signed(5, 0)
        self.send(body)

    def send(self, body: bytes, kind: int = MESSAGE) -> None:
        for writer in self._connections:
            writer.write(_message(318, kind, 0, 0, body))

    def write(self, data: bytes) -> None:
        for writer in self._connections:
            writer.write(data)

    def let_go(self) -> None:
        """Give the answers that were kept."""
        self.late.clear()
        for writer, answer in self.kept:
            writer.write(answer)

    def drop(self) -> None:
        """Close every connection."""
        for writer in self._connections:
            writer.close()
        self._connections.clear()

    async def stop(self) -> None:
        """Close every connection and wait until nobody serves one any more."""
        self.drop()
        for ended in self._ended:
            await ended.wait()

    def _answer(self, writer: asyncio.StreamWriter, message: bytes) -> None:
        header = struct.unpack(">IIiiIi", message[:24])
        procedure, serial = header[2], header[4]
        self.asked.append(procedure)
        if procedure in self.hung:
            return
        arguments = Unpacker(message[24:])
        code, body = self.refused.get(procedure, 0), b""
        if not code:
            code, body = self._result(procedure, arguments)
        if code:
            body = signed(code, 10) + optional_string("no") + signed(2)
        answer = _message(procedure, REPLY, serial, -1 if code else 0, body)
        if procedure in self.late:
            self.kept.append((writer, answer))
        else:
            writer.write(answer)

    def _result(self, procedure: int, arguments: Unpacker) -> tuple[int, bytes]:
        if procedure == calls.AUTH_LIST:
            return 0, unsigned(1) + signed(self.auth)
        if procedure == calls.CONNECT_GET_LIB_VERSION:
            return 0, (9_000_000).to_bytes(8, "big")
        if procedure == calls.CONNECT_LIST_ALL_DOMAINS:
            domains = [string(fake.name) + uuid.bytes + signed(-1) for uuid, fake in self.domains.items()]
            return 0, unsigned(len(domains)) + b"".join(domains) + unsigned(len(domains))
        if procedure in (calls.CONNECT_OPEN, calls.CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY):
            return 0, unsigned(0)
        arguments.string()
        fake = self.domains.get(UUID(bytes=arguments.opaque(16)))
        return (calls.NO_DOMAIN, b"") if fake is None else self._of(fake, procedure, arguments)

    def _of(self, fake: Fake, procedure: int, arguments: Unpacker) -> tuple[int, bytes]:
        if procedure == calls.DOMAIN_GET_STATE:
            return 0, signed(fake.state, 1)
        if procedure == calls.DOMAIN_GET_XML_DESC:
            return 0, string(fake.xml)
        arguments.signed()
        interfaces = fake.addresses.get(arguments.unsigned(), [])
        return 0, unsigned(len(interfaces)) + b"".join(map(_interface, interfaces))


def _interface(interface: tuple[str, str, list[str]]) -> bytes:
    name, mac, addresses = interface
    packed = [signed(0) + string(one.partition("/")[0]) + unsigned(int(one.partition("/")[2])) for one in addresses]
    return string(name) + optional_string(mac) + unsigned(len(packed)) + b"".join(packed)


def _message(procedure: int, kind: int, serial: int, status: int, body: bytes) -> bytes:
    header = struct.pack(">IIIiiIi", 28 + len(body), REMOTE_PROGRAM, 1, procedure, kind, serial, status)
    return header + body
