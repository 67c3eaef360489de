# SPDX-License-Identifier: Apache-2.0
"""Requests for flows and packets, as they travel from a query to agents and to history.

A flow itself is a dict in the JSON shape that the reference serves (`UUID`, `Network.A`, `Metric.ABBytes`, …);
between processes flows and packets travel as Arrow IPC streams.
"""

import msgspec

from netsonde.model.elements import Json


class FlowRequest(msgspec.Struct, frozen=True):
    """Which flows to return; None = no restriction, an empty list = nothing."""

    node_tids: list[str] | None = None
    capture_ids: list[str] | None = None
    uuids: list[str] | None = None
    limit: int = 100_000
    """At most so many flows, the most recently active ones first; the answer says when more existed."""


class FlowAnswer(msgspec.Struct, frozen=True):
    """Flows found, and what is known to be missing from them."""

    flows: list[dict[str, Json]]
    missing_hosts: list[str] = []
    """Hosts whose agent did not answer in time."""
    truncated: bool = False


class PacketRequest(msgspec.Struct, frozen=True):
    """Which kept packets to return; None = no restriction, an empty list = nothing."""

    capture_id: str | None = None
    node_tids: list[str] | None = None
    flow_uuids: list[str] | None = None
    after: int = -1
    """Only packets whose number on their interface is greater; -1 = from the first."""
    limit: int = 10_000


class Talker(msgspec.Struct, frozen=True, rename="pascal"):
    """What one IP address sent and received in an interval."""

    address: str
    bytes: int
    packets: int
    flows: int
    """Conversations, each counted once wherever it was captured."""
