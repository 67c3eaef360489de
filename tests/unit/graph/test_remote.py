# SPDX-License-Identifier: Apache-2.0
"""The merged graph: resyncs are diffs, users' writes stay, shared objects outlive one observer."""

from collections.abc import Callable

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Edge, Metadata, Node
from netsonde.model.topology import Change, EdgeChange, NodeChange, TopologyBatch, TopologySnapshot


@pytest.fixture
def merged(now_ms: Callable[[], int]) -> Graph:
    return Graph("analyzer", "analyzer.a", now_ms)


def node(node_id: str, metadata: Metadata, host: str = "h1", *, at: int = 10, revision: int = 1) -> Node:
    return Node(node_id, metadata, host, f"agent.{host}", at, at, revision=revision)


def edge(edge_id: str, parent: str, child: str, host: str = "h1") -> Edge:
    return Edge(edge_id, {"RelationType": "layer2"}, host, f"agent.{host}", 10, 10, parent=parent, child=child)


def sync(graph: Graph, *nodes: Node, edges: tuple[Edge, ...] = (), host: str = "h1") -> list[tuple[str, str]]:
    events = graph.replace_origin(TopologySnapshot(host, "e", 1, list(nodes), list(edges)))
    return [(event.kind, event.element.id) for event in events]


def send(graph: Graph, *changes: Change, host: str = "h1") -> None:
    graph.apply_remote(TopologyBatch(host, "e", 1, 0, list(changes)))


def served(graph: Graph, node_id: str) -> Node:
    found = graph.node(node_id)
    assert found is not None
    return found


def test_a_resync_of_a_restarted_agent_changes_only_what_changed(merged: Graph) -> None:
    sync(merged, node("a", {"Name": "a"}, revision=7), node("b", {"MTU": 1}), edges=(edge("ab", "a", "b"),))
    again = (node("a", {"Name": "a"}, at=50), node("b", {"MTU": 2}, at=50), node("c", {}, at=50))
    assert sync(merged, *again, edges=(edge("ab", "a", "b"),)) == [("updated", "b"), ("added", "c")]
    assert served(merged, "a").revision == 7
    assert served(merged, "b").created_at == 10


def test_what_a_snapshot_lacks_is_deleted(merged: Graph) -> None:
    sync(merged, node("a", {}), node("b", {}), edges=(edge("ab", "a", "b"),))
    assert sync(merged, node("a", {})) == [("deleted", "ab"), ("deleted", "b")]


def test_another_host_is_not_touched(merged: Graph) -> None:
    sync(merged, node("a", {}))
    sync(merged, node("x", {}, "h2"), host="h2")
    assert sync(merged) == [("deleted", "a")]
    assert merged.node("x") is not None


def test_revisions_only_grow_whatever_the_agent_counts(merged: Graph) -> None:
    sync(merged, node("a", {"K": 1}, revision=7))
    sync(merged, node("a", {"K": 2}, revision=1))
    assert served(merged, "a").revision == 8
    send(merged, NodeChange("updated", node("a", {"K": 3}, revision=2)))
    assert served(merged, "a").revision == 9


def test_a_users_write_and_the_agents_next_revision_are_both_kept(merged: Graph) -> None:
    sync(merged, node("a", {"K": 1}))
    batch = Batch()
    batch.annotate("a", "user", {"Site": "Lyon"})
    merged.apply(batch)
    send(merged, NodeChange("updated", node("a", {"K": 2}, revision=2, at=20)))
    assert served(merged, "a").metadata == {"K": 2, "Site": "Lyon"}
    batch = Batch()
    batch.drop_layer("a", "user")
    merged.apply(batch)
    assert served(merged, "a").metadata == {"K": 2}
    assert served(merged, "a").revision == 4


def test_an_object_that_two_agents_see_lives_until_the_second_forgets_it(merged: Graph) -> None:
    switch = Node("sw", {"Name": "sw"}, "", "agent.h1", 10, 10)
    other = Node("sw", {"Name": "sw", "Port": 1}, "", "agent.h2", 20, 20)
    send(merged, NodeChange("added", switch))
    send(merged, NodeChange("added", other), host="h2")
    assert served(merged, "sw").metadata == {"Name": "sw", "Port": 1}
    merged.drop_origin("agent.h1")
    assert served(merged, "sw").origin == "agent.h2"
    merged.drop_origin("agent.h2")
    assert merged.node("sw") is None


def test_an_edge_to_another_agents_node_comes_back_with_it(merged: Graph) -> None:
    sync(merged, node("a", {}))
    sync(merged, node("x", {}, "h2"), edges=(edge("ax", "a", "x", "h2"),), host="h2")
    merged.drop_origin("agent.h1")
    assert merged.edge_count() == 0
    sync(merged, node("a", {}))
    assert merged.edge("ax") is not None


def test_a_deletion_over_the_bus_is_repeated(merged: Graph) -> None:
    sync(merged, node("a", {}), node("b", {}), edges=(edge("ab", "a", "b"),))
    send(merged, EdgeChange("deleted", edge("ab", "a", "b")), NodeChange("deleted", node("b", {})))
    assert (merged.node_count(), merged.edge_count()) == (1, 0)
