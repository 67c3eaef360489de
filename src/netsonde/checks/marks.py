# SPDX-License-Identifier: Apache-2.0
"""Which packets of an interface were injected for checks: they look like the guest's, and must not be taken for it.

Known by what belongs to one injection alone: an ICMP id, a source port, a DHCP transaction. A question for an address
is what the guest may ask as well.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from netsonde.checks.facts import Packet

Mark: TypeAlias = tuple[str, int, str]
"""Kind of question, its number, the address at the other end."""

_MOST: Final = 20_000


class Marks:
    """Injections of late, by interface; the oldest are forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, Mark], str] = OrderedDict()

    def add(self, node_id: str, mark: Mark, injection: str) -> None:
        self._known[node_id, mark] = injection
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def add_all(self, node_id: str, marks: Iterable[Mark], injection: str) -> None:
        for mark in marks:
            self.add(node_id, mark, injection)

    def injection(self, node_id: str, packet: Packet) -> str:
        """Return the injection (UUID) that a packet belongs to, a question or an answer; "" = none."""
        if not self._known:
            return ""
        found = (self._known.get((node_id, mark), "") for mark in _marks(packet))
        return next(filter(None, found), "")


def _marks(packet: Packet) -> Iterator[Mark]:
    if packet.echo is not None:
        yield "icmp", packet.echo.id, packet.destination if packet.echo.asks else packet.source
    elif packet.dhcp is not None:
        yield "dhcp", packet.dhcp.xid, ""
    elif packet.neighbour is not None:
        if packet.neighbour.asks:
            yield "neighbour", 0, packet.neighbour.address
    elif packet.error is not None and packet.error.port_destination is not None:
        # The guest says of an answer that nobody waits for it.
        yield "dns", packet.error.port_destination, packet.destination
    elif packet.port_source is not None and packet.port_destination is not None:
        kind = "tcp" if packet.tcp_flags else "dns"
        yield kind, packet.port_source, packet.destination
        yield kind, packet.port_destination, packet.source
