# SPDX-License-Identifier: Apache-2.0
"""What an agent says about its graph on the bus: a snapshot, then numbered batches of changes."""

from typing import Literal

import msgspec

from netsonde.model.elements import Edge, Node

ChangeKind = Literal["added", "updated", "deleted"]


class NodeChange(msgspec.Struct, frozen=True, tag="node"):
    """A node was added, updated or deleted; `node` is its whole new (or last) revision."""

    kind: ChangeKind
    node: Node
    probe: str = ""
    """Which probe saw it; "" where several writers share the element."""


class EdgeChange(msgspec.Struct, frozen=True, tag="edge"):
    """An edge was added, updated or deleted; `edge` is its whole new (or last) revision."""

    kind: ChangeKind
    edge: Edge
    probe: str = ""


Change = NodeChange | EdgeChange


class TopologyBatch(msgspec.Struct, frozen=True):
    """Changes that happened together on one host, in order.

    `epoch` names one run of the agent, `sequence` counts its batches from 1 without a gap: a consumer that sees a
    gap or a new epoch asks the agent for a snapshot. `at_ns` is when the batch was applied (Unix ns).
    """

    host: str
    epoch: str
    sequence: int
    at_ns: int
    changes: list[Change]


class TopologySnapshot(msgspec.Struct, frozen=True):
    """The whole graph of one host as of batch `sequence` of `epoch`."""

    host: str
    epoch: str
    sequence: int
    nodes: list[Node]
    edges: list[Edge]


class InterfaceMetric(msgspec.Struct, frozen=True):
    """Counters of one interface over one interval; counters are deltas, times Unix ms."""

    node_id: str
    node_tid: str
    host: str
    start_ms: int
    last_ms: int
    counters: dict[str, int]
    """Names as the reference spells them: RxBytes, RxPackets, TxBytes, TxErrors, Collisions, …"""
