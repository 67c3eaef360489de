# SPDX-License-Identifier: Apache-2.0
"""Engines `sflow`, `netflow` and `pcapsocket`: what exporters and programs send becomes flows of the node.

Exporters may be anywhere, so datagrams are taken on every address; packets over TCP only on the loopback.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from netsonde.captures.engines._api import Point, TapEvent
from netsonde.captures.engines.packet import ListenOn
from netsonde.captures.engines.told import Telling
from netsonde.errors import UserError
from netsonde.model.captures import Capture


class Listens(Protocol):
    """What PacketEngine gives these engines."""

    def listen(self, point: Point, capture: Capture, source: ListenOn, *, ifname: str, node_tid: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Listening:
    """What the core is told for an engine, and where it waits when the capture names no port."""

    kind: str
    host: str
    port: int


LISTENING: Final[Mapping[str, Listening]] = {
    "sflow": Listening("sflow", "0.0.0.0", 6343),
    "netflow": Listening("records", "0.0.0.0", 2055),
    "pcapsocket": Listening("pcap", "127.0.0.1", 0),
}


class ListenEngine(Telling):
    """Implements Engine."""

    def __init__(self, name: str, core: Listens, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self.name = name
        self._core = core
        self._how = LISTENING[name]
        self._now_ms = now_ms

    def start(self, point: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        source = ListenOn(self._how.kind, f"{self._how.host}:{capture.port or self._how.port}")
        try:
            address = self._core.listen(point, capture, source, ifname=ifname, node_tid=node_tid)
        except ValueError as refused:
            raise UserError(str(refused), hint="give the capture another Port") from refused
        self.tell(TapEvent("listening", point, self._now_ms(), address))

    def stop(self, point: Point) -> None:
        """The core stops what listens, as it stops every tap."""
