# SPDX-License-Identifier: Apache-2.0
"""Shortest paths equal networkx's, go to the nearest target, and are the same each time."""

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.graph.shortest_path import shortest_path
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Node

NAMES = [f"n{number:02}" for number in range(12)]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=24)


def make(pairs: list[tuple[str, str]], relation: str = "layer2") -> SnapshotGraph:
    nodes = [Node(name, {}, "h", "agent.h", 1, 1) for name in NAMES]
    edges = [
        Edge(f"e{number}", {"RelationType": relation}, "h", "agent.h", 1, 1, parent=parent, child=child)
        for number, (parent, child) in enumerate(pairs)
    ]
    return SnapshotGraph(nodes, edges)


def ids(graph: SnapshotGraph, start: str, targets: list[str]) -> list[str]:
    return [node.id for node in shortest_path(graph, start, targets)]


@given(PAIRS, st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_the_path_is_the_first_among_the_shortest(pairs: list[tuple[str, str]], start: str, targets: list[str]) -> None:
    peer = nx.Graph()
    peer.add_nodes_from(NAMES)
    peer.add_edges_from(pairs)
    paths = [
        path
        for goal in set(targets)
        if nx.has_path(peer, start, goal)
        for path in nx.all_shortest_paths(peer, start, goal)
    ]
    expected: list[str] = min(paths, key=lambda path: (len(path), path), default=[])
    assert ids(make(pairs), start, targets) == expected


def test_the_nearest_target_is_taken() -> None:
    graph = make([("n00", "n01"), ("n01", "n02"), ("n00", "n09")])
    assert ids(graph, "n00", ["n02", "n09"]) == ["n00", "n09"]


def test_edges_that_are_not_accepted_are_not_used() -> None:
    graph = make([("n00", "n01")], "ownership")
    assert shortest_path(graph, "n00", ["n01"], lambda edge: edge.metadata["RelationType"] == "layer2") == []


def test_unknown_ends_have_no_path() -> None:
    assert ids(make([]), "zz", ["n00"]) == []
    assert ids(make([]), "n00", ["zz"]) == []


def test_a_search_ends_when_a_look_at_the_clock_says_so() -> None:
    def look() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        shortest_path(make([("n00", "n01")]), "n00", ["n05"], look=look)
