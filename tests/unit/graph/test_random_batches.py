# SPDX-License-Identifier: Apache-2.0
"""Properties that hold after any batches: indexes equal scans, replicas equal their source, ownership is a forest."""

from collections.abc import Sequence
from itertools import count

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.graph.batch import OWNERSHIP, Batch, relation_type
from netsonde.graph.events import Event, to_changes
from netsonde.graph.graph import Graph
from netsonde.graph.paths import is_present, parse_path, values_at
from netsonde.graph.tid import TidLayer
from netsonde.model.elements import Json, Metadata
from netsonde.model.topology import TopologyBatch, TopologySnapshot

NODES = st.sampled_from(["a", "b", "c", "d", "e"])
OWNERS = st.sampled_from(["netlink", "ovsdb", "user"])
VALUES: st.SearchStrategy[Json] = st.one_of(
    st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["x", "1"]), st.lists(st.integers(0, 2), max_size=2)
)
METADATA: st.SearchStrategy[Metadata] = st.dictionaries(
    st.sampled_from(["Name", "Type", "K"]), VALUES, max_size=3
).flatmap(lambda flat: st.builds(lambda value: {**flat, "Deep": {"k": value}}, VALUES))
RELATIONS = st.sampled_from([OWNERSHIP, "layer2"])
PATHS = ("Name", "K", "Deep.k", "@ID", "@Revision", "TID")
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put_node"), NODES, OWNERS, METADATA),
        st.tuples(st.just("annotate"), NODES, OWNERS, METADATA),
        st.tuples(st.just("drop_layer"), NODES, OWNERS),
        st.tuples(st.just("delete_node"), NODES),
        st.tuples(st.just("put_edge"), st.none(), NODES, NODES, OWNERS, RELATIONS.map(lambda r: {"RelationType": r})),
        st.tuples(st.just("delete_edge"), st.builds(lambda a, b: a + b, NODES, NODES)),
    ),
    max_size=8,
)


def make_graph(host: str) -> Graph:
    ticks = count(1)
    return Graph(host, f"agent.{host}", lambda: next(ticks))


def apply(graph: Graph, operations: Sequence[tuple[object, ...]]) -> Sequence[Event]:
    batch = Batch()
    for name, *arguments in operations:
        getattr(batch, str(name))(*arguments)
    return graph.apply(batch)


def contents(graph: Graph) -> tuple[list[tuple[str, str, str, str]], list[tuple[str, str, str, str]]]:
    nodes = sorted((n.id, n.host, n.origin, repr(sorted(n.metadata.items()))) for n in graph.nodes())
    return nodes, sorted((e.id, e.parent, e.child, repr(e.metadata)) for e in graph.edges())


@given(st.lists(OPERATIONS, max_size=6))
@settings(max_examples=80, deadline=None)
def test_indexes_equal_scans(batches: Sequence[Sequence[tuple[object, ...]]]) -> None:
    graph = make_graph("h")
    for path in PATHS:
        graph.nodes_having(path)
    for operations in batches:
        apply(graph, operations)
        for path in PATHS:
            parsed = parse_path(path)
            having = {node.id for node in graph.nodes() if is_present(node, parsed)}
            assert {node.id for node in graph.nodes_having(path)} == having
            for value in ("x", "1", 1, True, None, "a"):
                scan = {n.id for n in graph.nodes() if any(same(found, value) for found in values_at(n, parsed))}
                assert {node.id for node in graph.nodes_with(path, value)} == scan


def same(found: Json, value: Json) -> bool:
    return isinstance(found, bool) == isinstance(value, bool) and found == value


@given(st.lists(OPERATIONS, max_size=6))
@settings(max_examples=80, deadline=None)
def test_a_replica_fed_by_batches_or_by_a_snapshot_equals_its_source(
    batches: Sequence[Sequence[tuple[object, ...]]],
) -> None:
    source, replica, resynced = make_graph("h"), make_graph("analyzer"), make_graph("analyzer")
    source.add_computed(TidLayer())
    for number, operations in enumerate(batches, 1):
        events = apply(source, operations)
        changes = TopologyBatch("h", "e", number, 0, to_changes(events))
        wire = msgspec.msgpack.encode(changes)
        replica.apply_remote(msgspec.msgpack.decode(wire, type=TopologyBatch))
        assert contents(replica) == contents(source)
        assert not replica._waiting_edges
        resynced.replace_origin(TopologySnapshot("h", "e", number, list(source.nodes()), list(source.edges())))
        assert contents(resynced) == contents(source)
    assert replica.drop_origin("agent.h") is not None
    assert replica.node_count() == replica.edge_count() == 0


@given(st.lists(OPERATIONS, max_size=6))
@settings(max_examples=60, deadline=None)
def test_events_tell_the_whole_story(batches: Sequence[Sequence[tuple[object, ...]]]) -> None:
    graph = make_graph("h")
    graph.add_computed(TidLayer())
    revisions: dict[str, int] = {}
    for operations in batches:
        for event in apply(graph, operations):
            known = revisions.pop(event.element.id, 0)
            assert (known == 0) == (event.kind == "added")
            assert event.kind != "updated" or event.element.revision == known + 1
            assert event.kind == "deleted" or revisions.setdefault(event.element.id, event.element.revision)
        assert set(revisions) == {n.id for n in graph.nodes()} | {e.id for e in graph.edges()}


@given(st.lists(OPERATIONS, max_size=6))
@settings(max_examples=60, deadline=None)
def test_every_node_has_one_owner_at_most_and_no_ring_is_owned(
    batches: Sequence[Sequence[tuple[object, ...]]],
) -> None:
    graph = make_graph("h")
    for operations in batches:
        apply(graph, operations)
        owners = [(e.child, e.parent) for e in graph.edges() if relation_type(e.metadata) == OWNERSHIP]
        assert len(owners) == len(dict(owners))
        for node, _ in owners:
            assert_ends(node, dict(owners))


def assert_ends(node: str, owners: dict[str, str]) -> None:
    seen = {node}
    above = owners.get(node)
    while above is not None:
        assert above not in seen
        seen.add(above)
        above = owners.get(above)
