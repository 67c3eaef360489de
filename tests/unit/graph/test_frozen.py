# SPDX-License-Identifier: Apache-2.0
"""A frozen graph shows one moment, whatever happens to the live one, and from another thread too."""

import threading
from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.graph.reader import GraphReader
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Json, Node
from unit.graph.lab import Lab
from unit.graph.test_random_batches import OPERATIONS, PATHS, apply, make_graph

VALUES = ("x", "1", 1, True, None, "a")


def told(graph: GraphReader) -> dict[str, object]:
    """Return everything that a reader can learn of a graph."""
    answers: dict[str, object] = {
        "nodes": _same(graph.nodes()),
        "edges": _same(graph.edges()),
        "counts": (graph.node_count(), graph.edge_count()),
    }
    for node in "abcde":
        answers[f"node {node}"] = graph.node(node)
        answers[f"revisions {node}"] = list(graph.revisions(node))
        answers[f"out {node}"] = _same(graph.out_edges(node))
        answers[f"in {node}"] = _same(graph.in_edges(node))
    for path in PATHS:
        answers[f"having {path}"] = _same(graph.nodes_having(path))
        answers[f"edges having {path}"] = _same(graph.edges_having(path))
        for value in VALUES:
            answers[f"{path} {value!r}"] = _same(graph.nodes_with(path, value))
    for relation in ("ownership", "layer2"):
        answers[relation] = _same(graph.edges_with("RelationType", relation))
    return answers


def _same(elements: Iterable[Node | Edge]) -> list[tuple[str, int, str]]:
    return sorted((one.id, one.revision, repr(one.metadata)) for one in elements)


@given(st.lists(OPERATIONS, max_size=3), st.lists(OPERATIONS, max_size=4), st.sets(st.sampled_from(PATHS)))
@settings(max_examples=120, deadline=None)
def test_a_frozen_graph_answers_as_at_its_moment(
    before: Sequence[Sequence[tuple[object, ...]]],
    after: Sequence[Sequence[tuple[object, ...]]],
    indexed: set[str],
) -> None:
    graph = make_graph("h")
    for operations in before:
        apply(graph, operations)
    for path in indexed:
        graph.nodes_having(path)
    truth = told(SnapshotGraph(list(graph.nodes()), list(graph.edges())))
    frozen, untouched = graph.freeze(), graph.freeze()

    for operations in after:
        apply(graph, operations)
        assert told(frozen) == truth
    assert told(untouched) == truth

    frozen.release()
    untouched.release()
    live = SnapshotGraph(list(graph.nodes()), list(graph.edges()))
    assert told(graph) == told(live)


def test_a_released_view_costs_the_graph_nothing_more(lab: Lab) -> None:
    frozen = lab.graph.freeze()
    frozen.release()

    lab.node("a", {"Name": "a"})

    assert lab.graph._frozen == ()


def test_another_thread_sees_one_moment_while_the_graph_changes_under_it() -> None:
    graph = make_graph("h")
    _write(graph, turn=0)
    graph.nodes_having("Turn")
    seen: list[set[Json]] = []
    stop = threading.Event()

    def read(frozen: GraphReader) -> None:
        while not stop.is_set():
            turns: set[Json] = {node.metadata["Turn"] for node in frozen.nodes()}
            turns |= {node.metadata["Turn"] for node in frozen.nodes_with("Turn", 0)}
            turns |= {
                edge.metadata["Turn"] for node in frozen.nodes_having("Turn") for edge in frozen.in_edges(node.id)
            }
            seen.append(turns)

    reader = threading.Thread(target=read, args=(graph.freeze(),))
    reader.start()
    turn = 0
    while len(seen) < 20 or turn < 20:
        turn += 1
        _write(graph, turn)
    stop.set()
    reader.join()

    assert all(turns == {0} for turns in seen)


def _write(graph: Graph, turn: int) -> None:
    batch = Batch()
    batch.delete_node(f"n{turn % 60}")
    for number in range(60):
        batch.put_node(f"n{number}", "test", {"Turn": turn})
        batch.put_edge(None, "n0", f"n{number}", "test", {"Turn": turn})
    graph.apply(batch)
