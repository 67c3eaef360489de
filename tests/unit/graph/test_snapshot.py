# SPDX-License-Identifier: Apache-2.0
"""Graphs of given revisions: newest per id for reading one, all of them for an interval."""

from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Node


def revision(number: int, state: str) -> Node:
    return Node("a", {"State": state}, "h", "agent.h", 1000, 1000 + number, revision=number)


GRAPH = SnapshotGraph(
    [revision(2, "UP"), revision(1, "DOWN"), Node("h", {"Type": "host"}, "h", "agent.h", 1, 1)],
    [Edge("ha", {"RelationType": "ownership"}, "h", "agent.h", 1, 1, parent="h", child="a")],
)


def test_a_node_is_its_newest_revision() -> None:
    node = GRAPH.node("a")
    assert node is not None
    assert node.metadata["State"] == "UP"
    assert [found.revision for found in GRAPH.revisions("a")] == [1, 2]
    assert GRAPH.node("zz") is None
    assert GRAPH.edge("zz") is None


def test_every_revision_is_listed_and_found_by_its_values() -> None:
    assert GRAPH.node_count() == len(list(GRAPH.nodes())) == 3
    assert GRAPH.edge_count() == len(list(GRAPH.edges())) == 1
    assert [node.revision for node in GRAPH.nodes_with("State", "DOWN")] == [1]
    assert len(GRAPH.nodes_having("State")) == 2
    assert [edge.id for edge in GRAPH.edges_with("Parent", "h")] == ["ha"]
    assert len(GRAPH.edges_having("RelationType")) == 1


def test_edges_are_found_from_both_ends() -> None:
    assert [edge.id for edge in GRAPH.out_edges("h")] == [edge.id for edge in GRAPH.in_edges("a")] == ["ha"]
    assert GRAPH.out_edges("a") == ()
    assert [edge.id for edge in GRAPH.edge_revisions("ha")] == ["ha"]
