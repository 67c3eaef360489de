# SPDX-License-Identifier: Apache-2.0
"""What an analyzer believes of what an agent publishes: of its own host, and in JSON."""

from typing import Any

import msgspec
import pytest

from netsonde.bus.topology import decode_batch, encode_batch
from netsonde.errors import WireError
from netsonde.model.elements import Edge, Node
from netsonde.model.topology import EdgeChange, NodeChange, TopologyBatch


def node(metadata: dict[Any, Any], **other: Any) -> NodeChange:
    told: dict[str, Any] = {"id": "n", "host": "h", "origin": "agent.h", "created_at": 1, "updated_at": 1} | other
    return NodeChange("updated", Node(metadata=metadata, **told))


def sent(*changes: NodeChange | EdgeChange, **other: Any) -> bytes:
    told: dict[str, Any] = {"host": "h", "epoch": "e", "sequence": 1, "at_ns": 1} | other
    return encode_batch(TopologyBatch(changes=list(changes), **told))


def test_an_agent_speaks_of_its_own_host_and_of_what_several_hosts_see() -> None:
    shared = EdgeChange("deleted", Edge("e", {"a": [1, {"b": None}]}, "", "agent.h", 1, 2, 3))
    told: list[NodeChange | EdgeChange] = [node({"Name": "x", "Share": 0.5, "Up": True}), shared]
    assert decode_batch(sent(*told), "h").changes == told


@pytest.mark.parametrize(
    "change",
    [
        node({}, origin="agent.other"),
        node({}, host="other"),
        EdgeChange("deleted", Edge("e", {}, "h", "agent.other", 1, 1)),
        node({}, created_at=2**63),
        node({}, updated_at=-1),
        node({}, deleted_at=2**60),
        node({}, revision=2**64 - 1),
    ],
)
def test_a_batch_is_refused_that_speaks_for_another_host_or_of_no_time(change: NodeChange | EdgeChange) -> None:
    with pytest.raises(WireError):
        decode_batch(sent(change), "h")


def test_a_batch_of_another_host_or_of_no_time_is_refused() -> None:
    for wrong in ({"host": "other"}, {"at_ns": 2**63}, {"at_ns": -1}):
        with pytest.raises(WireError):
            decode_batch(sent(**wrong), "h")


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [msgspec.msgpack.Ext(5, b"x"), b"bytes", {1: 2}, [{(1, 2): 3}], nested(400)],
    ids=["extension", "bytes", "a number for a name", "a list for a name", "nested deeply"],
)
def test_metadata_that_json_cannot_hold_are_refused(value: Any) -> None:
    """One of them in the graph, and nobody gets the graph any more."""
    with pytest.raises(WireError, match="no JSON"):
        decode_batch(sent(node({"Name": "x", "Odd": value})), "h")
