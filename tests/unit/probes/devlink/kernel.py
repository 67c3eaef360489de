# SPDX-License-Identifier: Apache-2.0
"""A kernel with a network card that has devlink, whose messages are composed as net/devlink of Linux does."""

import struct
from collections import deque
from dataclasses import dataclass, field

from netsonde.probes import netlink_wire as wire

FAMILY = 22
GET, PORT_GET, ESWITCH_GET, INFO_GET, HEALTH_GET = 1, 5, 29, 51, 52
DONE = b"done"


def text(kind: int, value: str) -> bytes:
    return wire.attribute(kind, value.encode() + b"\0")


def byte(kind: int, value: int) -> bytes:
    return wire.attribute(kind, bytes([value]))


def short(kind: int, value: int) -> bytes:
    return wire.attribute(kind, struct.pack("=H", value))


def word(kind: int, value: int) -> bytes:
    return wire.attribute(kind, struct.pack("=I", value))


def long(kind: int, value: int) -> bytes:
    return wire.attribute(kind, struct.pack("=Q", value))


def handle(name: str) -> bytes:
    bus, _, device = name.partition("/")
    return text(1, bus) + text(2, device)


def version(kind: int, name: str, value: str) -> bytes:
    return wire.attribute(0x8000 | kind, text(103, name) + text(104, value))


def info(name: str, *versions: bytes, driver: str = "mlx5_core", serial: str = "MT1925X00000") -> bytes:
    return handle(name) + text(98, driver) + (text(99, serial) if serial else b"") + b"".join(versions)


def reporter(name: str, called: str, state: int, errors: int, recoveries: int, port: int | None = None) -> bytes:
    body = text(115, called) + byte(116, state) + long(117, errors) + long(118, recoveries) + long(120, 500)
    return handle(name) + (b"" if port is None else word(3, port)) + wire.attribute(0x8000 | 114, body)


def port(name: str, index: int, flavour: int, *more: bytes) -> bytes:
    return (
        handle(name) + word(3, index) + short(4, 2) + word(6, 7) + text(7, "eth0") + short(77, flavour) + b"".join(more)
    )


def function(mac: str, state: int, opstate: int) -> bytes:
    body = wire.attribute(1, bytes.fromhex(mac.replace(":", ""))) + byte(2, state) + byte(3, opstate)
    return wire.attribute(0x8000 | 145, body)


def switch(name: str, mode: int) -> bytes:
    return handle(name) + short(25, mode) + byte(26, 1) + byte(62, 1)


def message(kind: int, seq: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 2, seq, 0) + body


@dataclass
class Kernel:
    """Answers questions as a netlink socket does; `told`: bodies, or an error number, by command."""

    told: dict[int, list[bytes] | int] = field(default_factory=dict)
    known: bool = True
    """Whether it has devlink."""
    rubbish: bytes = b""
    silent: bool = False
    closed: bool = False
    questions: list[int] = field(default_factory=list)
    _answers: deque[bytes] = field(default_factory=deque)

    def send(self, request: bytes) -> int:
        _, kind, flags, seq, _, command = struct.unpack_from("=IHHIIB", request)
        self.questions.append(command)
        told = self.told.get(command, [])
        if self.silent:
            return len(request)
        if self.rubbish:
            self._answers.append(self.rubbish)
        elif kind == 0x10:
            found = message(0x10, seq, b"\1\2\0\0" + text(2, "devlink") + short(1, FAMILY))
            self._answers.append(found if self.known else self._error(seq, 2))
        elif isinstance(told, int):
            self._answers.append(self._error(seq, told))
        elif flags & wire.NLM_F_DUMP:
            self._answers.append(b"".join(message(FAMILY, seq, bytes([command, 1, 0, 0]) + each) for each in told))
            self._answers.append(message(wire.NLMSG_DONE, seq, bytes(4)))
        else:
            mine = [each for each in told if each.startswith(request[20:])]
            self._answers.append(
                message(FAMILY, seq, bytes([command, 1, 0, 0]) + mine[0]) if mine else self._error(seq, 95)
            )
        return len(request)

    @staticmethod
    def _error(seq: int, number: int) -> bytes:
        return message(wire.NLMSG_ERROR, seq, struct.pack("=i", -number) + bytes(16))

    def recvfrom(self, _: int) -> tuple[bytes, tuple[int, int]]:
        if not self._answers:
            raise TimeoutError("timed out")
        return self._answers.popleft(), (0, 0)

    def close(self) -> None:
        self.closed = True


CARD = "pci/0000:03:00.0"


def card(*, mode: int = 1, errors: int = 0) -> Kernel:
    """Return a kernel with one card in switchdev mode: its uplink, and a representor of virtual function 3."""
    representor = port(
        *(CARD, 65540, 4, short(127, 0), short(128, 3), word(150, 0), byte(149, 0)), function("02:00:00:00:00:03", 1, 1)
    )
    versions = (
        version(100, "fw.psid", "MT_0000000540"),
        version(101, "fw.version", "22.36.1010"),
        version(102, "fw.version", "22.37.1014"),
    )
    reporters = [reporter(CARD, "fw_fatal", 1 if errors else 0, errors, 0), reporter(CARD, "tx", 0, 2, 2, port=65535)]
    return Kernel(
        {
            GET: [handle(CARD) + byte(136, 0)],
            INFO_GET: [info(CARD, *versions)],
            PORT_GET: [port(CARD, 65535, 0), representor],
            HEALTH_GET: list(reporters),
            ESWITCH_GET: [switch(CARD, mode)],
        }
    )
