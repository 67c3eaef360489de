# SPDX-License-Identifier: Apache-2.0
import random

import msgspec
import pytest

from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Node
from netsonde.query.pace import Look, nothing
from netsonde.query.remembered import Remembered, RememberedElements
from netsonde.query.result import dump


def node(number: int, revision: int = 1) -> Node:
    return Node(f"n{number}", {"Name": f"eth{number}"}, "h", "agent.h", 1, revision, revision=revision)


def text(remembered: RememberedElements[Node], nodes: list[Node], look: Look = nothing) -> bytes:
    return b"[" + b",".join(remembered.parts(nodes, look)) + b"]"


@pytest.mark.parametrize("count", [0, 1, 128, 1000])
def test_the_json_is_that_of_the_nodes(count: int) -> None:
    nodes = [node(number) for number in range(count)]

    assert text(RememberedElements(), nodes) == msgspec.json.encode(nodes)


def test_a_dump_with_what_is_remembered_is_that_of_the_graph_by_time_of_creation() -> None:
    nodes = [Node(f"n{at}", {}, "h", "agent.h", at * 7919 % 5003, 1) for at in range(5_000)]
    edges = [
        Edge(f"e{at}", {}, "h", "agent.h", at * 31 % 4001, 1, parent="n0", child=f"n{at}") for at in range(1, 4_000)
    ]
    graph = SnapshotGraph(nodes, edges)
    remembered = Remembered()
    expected = {
        "Nodes": sorted(nodes, key=lambda one: one.created_at),
        "Edges": sorted(edges, key=lambda one: one.created_at),
    }

    for known in (None, remembered, remembered):
        assert dump(graph, nothing, known) == msgspec.json.encode(expected)
    assert remembered.size


def test_the_json_follows_nodes_that_come_go_and_change() -> None:
    pick = random.Random(7)
    remembered = RememberedElements[Node]()
    nodes = [node(number) for number in range(2_000)]
    for turn in range(60):
        for at in pick.sample(range(len(nodes)), len(nodes) // 50):
            nodes[at] = node(int(nodes[at].id[1:]), turn + 2)
        nodes += [node(10_000 * (turn + 1) + number) for number in range(pick.randrange(400))]
        gone = pick.randrange(len(nodes))
        del nodes[gone : gone + pick.randrange(200)]

        assert text(remembered, nodes) == msgspec.json.encode(nodes)


def test_only_runs_with_a_change_are_encoded_again() -> None:
    nodes = [node(number) for number in range(12_800)]
    remembered = RememberedElements[Node]()
    text(remembered, nodes)
    looks: list[None] = []
    nodes[5_000] = node(5_000, 2)

    text(remembered, nodes, lambda: looks.append(None))

    # One run, and the whole.
    assert len(looks) == 2
