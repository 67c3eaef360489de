# SPDX-License-Identifier: Apache-2.0
"""Requests for flows and packets, as they travel from a query to agents and to history.

A flow itself is a dict in the JSON shape that the reference serves (`UUID`, `Network.A`, `Metric.ABBytes`, …);
between processes flows and packets travel as Arrow IPC streams.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from netsonde.model.elements import Json


class FlowTest(msgspec.Struct, frozen=True):
    """A test of one column of the flow batches (`netsonde.flows.schema`), in the column's own unit."""

    column: str
    operator: Literal["in", "not_in", "range", "network"]
    """One of the values; none of them; from the first to the second, both included, None = open; in a CIDR."""
    values: list[str | int | None]


class FlowRequest(msgspec.Struct, frozen=True):
    """Which flows to return; None = no restriction, an empty list = nothing."""

    node_tids: list[str] | None = None
    capture_ids: list[str] | None = None
    uuids: list[str] | None = None
    where: list[list[FlowTest]] = []
    """Of each member at least one test must hold. Only narrows: who asks tests again what comes back."""
    limit: int = 100_000
    """At most so many flows, the most recently active ones first; the answer says when more existed."""


class FlowAnswer(msgspec.Struct, frozen=True):
    """Flows found, and what is known to be missing from them."""

    flows: list[dict[str, Json]]
    missing_hosts: list[str] = []
    """Hosts whose agent did not answer in time."""
    truncated: bool = False


class PacketAnswer(msgspec.Struct, frozen=True):
    """Packets found, and what is known to be missing from them."""

    batches: Sequence[bytes]
    """Arrow IPC streams."""
    missing_hosts: Sequence[str] = ()
    """Hosts whose agent did not answer in time."""


class FlowPeriod(msgspec.Struct, frozen=True):
    """What one report of a flow counted since the report before; times Unix ms."""

    uuid: str
    start_ms: int
    last_ms: int
    ab_packets: int
    ab_bytes: int
    ba_packets: int
    ba_bytes: int


class PacketRequest(msgspec.Struct, frozen=True):
    """Which kept packets to return; None = no restriction, an empty list = nothing."""

    capture_id: str | None = None
    node_tids: list[str] | None = None
    flow_uuids: list[str] | None = None
    after: int = -1
    """Only packets whose number on their interface is greater; -1 = from the first."""
    limit: int = 10_000
    since_ns: dict[str, int] = {}
    """By TID: only packets seen at this Unix time or later; heeded by agents alone, for streams that go on."""


class Talker(msgspec.Struct, frozen=True, rename="pascal"):
    """What one IP address sent and received in an interval."""

    address: str
    bytes: int
    packets: int
    flows: int
    """Conversations, each counted once wherever it was captured."""


def flow_numbers(uuids: Sequence[str]) -> list[int]:
    """Return the numbers that UUIDs of flows write in hexadecimal; what writes none is nowhere and left out."""
    found = []
    for uuid in uuids:
        try:
            number = int(uuid, 16)
        except ValueError:
            continue
        if 0 <= number < 1 << 64:
            found.append(number)
    return found
