# SPDX-License-Identifier: Apache-2.0
"""One tap: a capture on one interface, as its agent sees it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from netsonde.aio import backoff
from netsonde.captures.engines._api import Point, TapCounters, TapEvent
from netsonde.captures.exporters import Reading
from netsonde.model.captures import NodeCaptureState, NodeStatus
from netsonde.model.elements import Node


@dataclass(slots=True)
class Tap:
    """State of one tap. `retry_at` and `unmatched_at` are monotonic seconds, None = not waiting for it."""

    node_id: str
    point: Point
    name: str
    tid: str
    since: int
    state: NodeCaptureState = "starting"
    reason: str = ""
    first_packet_at: int = 0
    lookback_packets: int = 0
    armed_before_up: bool = False
    listens_on: str = ""
    counters: TapCounters = field(default_factory=TapCounters)
    unmatched_at: float | None = None
    retry_at: float | None = None
    reading: Reading = field(init=False)
    delays: Iterator[float] = field(default_factory=backoff)

    def __post_init__(self) -> None:
        self.reading = Reading(self.since)

    def enter(self, state: NodeCaptureState, reason: str, at_ms: int) -> bool:
        """Change the state; tell whether that is news."""
        if (state, reason) == (self.state, self.reason):
            return False
        if state != self.state:
            self.since = at_ms
        self.state, self.reason = state, reason
        return True

    def note(self, event: TapEvent) -> None:
        """Keep what an event tells beside the state."""
        if event.kind == "started":
            self.armed_before_up = event.armed_before_up
            self.lookback_packets = event.lookback_packets
        elif event.kind == "first_packet":
            self.first_packet_at = event.at_ms
        elif event.kind == "listening":
            self.listens_on = event.reason

    def status(self, host: str) -> NodeStatus:
        return NodeStatus(
            node_id=self.node_id,
            node_tid=self.tid,
            name=self.name,
            host=host,
            state=self.state,
            reason=self.reason,
            since=self.since,
            first_packet_at=self.first_packet_at,
            lookback_packets=self.lookback_packets,
            armed_before_up=self.armed_before_up,
            packets_received=self.counters.packets,
            packets_dropped=self.counters.dropped,
            bytes_received=self.counters.octets,
            packets_not_kept=self.counters.not_kept,
            flows_evicted=self.counters.flows_evicted,
            streams_refused=self.counters.streams_refused,
            fragments_lost=self.counters.fragments_lost,
            listens_on=self.listens_on,
            source_lost=self.counters.source_lost,
            source_refused=self.counters.source_refused,
            sinks=list(self.counters.sinks),
        )


def text_of(node: Node, key: str) -> str:
    value = node.metadata.get(key)
    return value if isinstance(value, str) else ""
