# SPDX-License-Identifier: Apache-2.0
"""Engines `sflow`, `netflow` and `pcapsocket`: what exporters and programs send becomes flows of the node.

Datagrams can be forged by whoever reaches the socket: they are taken at the address of `capture.listen`, the loopback
unless the operator names another; packets over TCP only on the loopback.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from netsonde.captures.engines._api import Point, TapEvent
from netsonde.captures.engines.packet import ListenOn
from netsonde.captures.engines.told import Telling
from netsonde.captures.settings import CaptureSettings
from netsonde.errors import UserError
from netsonde.model.captures import Capture


class Listens(Protocol):
    """What PacketEngine gives these engines."""

    def listen(self, point: Point, capture: Capture, source: ListenOn, *, ifname: str, node_tid: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Listening:
    """What the core is told for an engine, and where it waits when the capture names no port."""

    kind: str
    port: int
    for_others: bool
    """Whether what other hosts send is meant."""


_LOOPBACK: Final = "127.0.0.1"
LISTENING: Final[Mapping[str, Listening]] = {
    "sflow": Listening("sflow", 6343, for_others=True),
    "netflow": Listening("records", 2055, for_others=True),
    "pcapsocket": Listening("pcap", 0, for_others=False),
}


class ListenEngine(Telling):
    """Implements Engine."""

    def __init__(self, name: str, core: Listens, settings: CaptureSettings, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self.name = name
        self._core = core
        self._how = LISTENING[name]
        host = settings.listen if self._how.for_others else _LOOPBACK
        self._host = f"[{host}]" if ":" in host else host
        self._now_ms = now_ms

    def start(self, point: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        source = ListenOn(self._how.kind, f"{self._host}:{capture.port or self._how.port}")
        try:
            address = self._core.listen(point, capture, source, ifname=ifname, node_tid=node_tid)
        except ValueError as refused:
            raise UserError(str(refused), hint="give the capture another Port, or look at capture.listen") from refused
        self.tell(TapEvent("listening", point, self._now_ms(), address))

    def stop(self, point: Point) -> None:
        """The core stops what listens, as it stops every tap."""
