# SPDX-License-Identifier: Apache-2.0
"""What an engine is: it taps interfaces and meters what it hears, and tells how that goes.

`start` and `stop` return at once; what came of them is told by events. An engine never calls back: the agent reads
its events when its descriptor says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from netsonde.model.captures import Capture, SinkStatus

EventKind = Literal["started", "first_packet", "finished", "failed", "link_gone", "stopped", "listening"]
"""`listening` tells in its reason where a capture waits for what others send."""


@dataclass(frozen=True, slots=True)
class Point:
    """One capture on one network device; `netns` is the inode of its namespace, None = the agent's own.

    Captures of what others send have no device: see `placement`.
    """

    capture: str
    netns: int | None
    ifindex: int


@dataclass(frozen=True, slots=True)
class TapEvent:
    """Something happened to a tap. Times are Unix ms."""

    kind: EventKind
    point: Point
    at_ms: int
    reason: str = ""
    lookback_packets: int = 0
    armed_before_up: bool = False


@dataclass(frozen=True, slots=True)
class TapCounters:
    """Totals since the tap was started."""

    packets: int = 0
    dropped: int = 0
    octets: int = 0
    not_kept: int = 0
    flows_evicted: int = 0
    streams_refused: int = 0
    fragments_lost: int = 0
    source_lost: int = 0
    source_refused: int = 0
    counter_records: int = 0
    """Records in which exporters told their own counters."""
    sinks: tuple[SinkStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class ToldCounters:
    """What exporters count themselves, by the reference's names of counters."""

    interfaces: Sequence[tuple[str, int, Mapping[str, int]]]
    """Exporter, ifIndex and totals of each interface."""
    total: Mapping[str, int]
    """Of all that is counted: interfaces, VLANs, datapaths, processes."""
    grown: Mapping[str, int]
    """What that grew by since the tap was started."""
    levels: Mapping[str, int]
    """Of the total what goes up and down."""


class Engine(Protocol):
    """A way to capture."""

    name: str
    event_fd: int
    """Readable when `events` has something."""

    def start(self, point: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        """Begin; raises UserError, Unsupported or OSError when that is impossible at once."""

    def stop(self, point: Point) -> None:
        """End; unknown points are ignored."""

    def forget(self, capture: str) -> None:
        """Give up what is kept of a capture that was deleted."""

    def arm(self, *, armed: bool) -> None:
        """Keep, or stop keeping, the frames of new interfaces for captures that may match them soon."""

    def events(self) -> Sequence[TapEvent]:
        """Return what happened since the last call."""

    def counters(self) -> Mapping[Point, TapCounters]: ...

    def told(self, point: Point) -> ToldCounters | None:
        """Return what exporters told of their own counters; None where nothing of the kind is sent."""

    def close(self) -> None: ...
