# SPDX-License-Identifier: Apache-2.0
"""A history in a real chDB for tests, and the sample that the language's reference uses."""

from collections.abc import Awaitable, Callable

from history_rows import now_ms
from netsonde.history.history import History
from netsonde.history.settings import HistorySettings
from netsonde.model.elements import Edge, Node
from netsonde.model.flows import FlowRequest, FlowTest
from netsonde.model.topology import Change, EdgeChange, NodeChange, TopologyBatch

SETTINGS = HistorySettings(memory_mib=512)
BEGIN = now_ms() - 60_000
"""The time that is second 1000 of the sample history."""
Reopen = Callable[..., Awaitable[History]]


def at(second: int) -> int:
    return BEGIN + (second - 1000) * 1000


def node(name: str, second: int, revision: int = 1, created: int = 1000, **metadata: str) -> Node:
    return Node(name, {"Name": name, **metadata}, "h", "agent.h", at(created), at(second), revision=revision)


def edge(name: str, second: int) -> Edge:
    return Edge(name, {"RelationType": "ownership"}, "h", "agent.h", at(second), at(second), parent="H", child=name[1])


def batch(sequence: int, second: int, *changes: Change, epoch: str = "e") -> TopologyBatch:
    return TopologyBatch("h", epoch, sequence, at(second) * 1_000_000, list(changes))


async def write_sample(history: History) -> None:
    """The history that the language's reference uses for its examples."""
    await history.write_changes(
        [
            batch(
                1,
                1000,
                NodeChange("added", node("H", 1000)),
                NodeChange("added", node("A", 1000, State="DOWN")),
                EdgeChange("added", edge("HA", 1000)),
            ),
            batch(2, 1010, NodeChange("updated", node("A", 1010, 2, State="UP"))),
        ],
        2,
    )
    b = node("B", 1015, created=1015, State="UP")
    await history.write_changes([batch(3, 1015, NodeChange("added", b), EdgeChange("added", edge("HB", 1015)))], 3)
    await history.write_changes(
        [batch(4, 1020, EdgeChange("deleted", edge("HA", 1000)), NodeChange("deleted", node("A", 1010, 2)))], 4
    )


async def seen(history: History, start: int, last: int) -> list[tuple[str, object]]:
    graph = await history.graph(at(start), at(last))
    return sorted(((each.id, each.metadata.get("State")) for each in graph.nodes()), key=str)


async def check_sample(history: History) -> None:
    assert await seen(history, 999, 999) == []
    assert await seen(history, 1000, 1000) == [("A", "DOWN"), ("H", None)]
    assert await seen(history, 1009, 1009) == [("A", "DOWN"), ("H", None)]
    assert await seen(history, 1010, 1010) == [("A", "UP"), ("H", None)]
    assert await seen(history, 1020, 1020) == [("B", "UP"), ("H", None)]
    assert await seen(history, 991, 1021) == [("A", "DOWN"), ("A", "UP"), ("B", "UP"), ("H", None)]
    assert await seen(history, 1025, 1030) == [("B", "UP"), ("H", None)]
    assert await seen(history, 1020, 1030) == [("A", "UP"), ("B", "UP"), ("H", None)]


HOUR_MS = 3_600_000


ENDS = {
    "network_protocol": "IPV4",
    "network_a": "10.0.0.200",
    "network_b": "10.0.0.3",
    "transport_protocol": "TCP",
    "transport_a": 51234,
    "transport_b": 80,
}


def chosen(column: str, *values: int) -> FlowRequest:
    return FlowRequest(where=[[FlowTest(column, "in", list(values))]])
