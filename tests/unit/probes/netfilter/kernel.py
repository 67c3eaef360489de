# SPDX-License-Identifier: Apache-2.0
"""A kernel with nftables, whose messages are composed as net/netfilter/nf_tables_api.c does."""

import struct
from collections import deque
from dataclasses import dataclass, field

from netsonde.probes import netlink_wire as wire

INET, IPV4, IPV6 = 1, 2, 10
_NEW = {1: 0, 4: 3, 7: 6, 10: 9}
"""Questions, and the messages that answer them."""


def message(kind: int, body: bytes, *, flags: int = 2) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def error(number: int) -> bytes:
    return message(wire.NLMSG_ERROR, struct.pack("=i", -number) + bytes(16))


@dataclass
class Kernel:
    """Answers questions as a netlink socket does. `rows`: family and table of each, by question (1, 4, 7, 10)."""

    rows: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    generation: int = 1
    refusal: int = 0
    """Error number of every answer."""
    interruptions: int = 0
    """Dumps of tables in which something changes."""
    breaks_off: int = 0
    """Error number with which every dump ends."""
    rubbish: bytes = b""
    silent: bool = False
    closed: bool = False
    questions: list[int] = field(default_factory=list)
    _answers: deque[bytes] = field(default_factory=deque)

    def send(self, request: bytes) -> int:
        kind = struct.unpack_from("=IH", request)[1]
        assert kind >> 8 == 10
        self.questions.append(kind & 0xFF)
        if self.silent:
            return len(request)
        if self.rubbish:
            self._answers.append(self.rubbish)
        elif self.refusal:
            self._answers.append(error(self.refusal))
        elif kind & 0xFF == 16:
            number = wire.attribute(1, struct.pack("!I", self.generation))
            self._answers.append(message(10 << 8 | 15, bytes(4) + number))
        else:
            self._answers.extend([self._dump(kind & 0xFF), self._done()])
        return len(request)

    def _done(self) -> bytes:
        return message(wire.NLMSG_DONE, struct.pack("=i", -self.breaks_off))

    def _dump(self, question: int) -> bytes:
        flags = 2
        if question == 1 and self.interruptions:
            self.interruptions -= 1
            flags |= wire.NLM_F_DUMP_INTR
        return b"".join(
            message(10 << 8 | _NEW[question], struct.pack("=BBH", family, 0, 0) + _named(table), flags=flags)
            for family, table in self.rows.get(question, [])
        )

    def recvfrom(self, _: int) -> tuple[bytes, tuple[int, int]]:
        if not self._answers:
            raise TimeoutError("timed out")
        return self._answers.popleft(), (0, 0)

    def close(self) -> None:
        self.closed = True


def _named(table: str) -> bytes:
    return wire.attribute(1, table.encode() + b"\0") + wire.attribute(4, bytes(40))
