# SPDX-License-Identifier: Apache-2.0
"""What a seed publishes, and what it says when it cannot go where it is sent."""

from collections.abc import Iterator

import pytest

from netsonde.agent.alone import Surroundings
from netsonde.cli.seed_shown import Seen, read_filter
from netsonde.graph import Batch, Graph
from netsonde.probes.namespaces import NamespaceRegistry
from unit.cli.conftest import Command


@pytest.fixture
def here() -> Iterator[Surroundings]:
    """Host web-1 with eth0 and br0, and a link between the two."""
    graph = Graph("web-1", "seed.web-1", lambda: 1)
    batch = Batch()
    batch.put_node("own", "host", {"Name": "web-1", "Type": "host"})
    batch.put_node("eth0", "netlink", {"Name": "eth0", "Type": "veth"})
    batch.put_node("br0", "netlink", {"Name": "br0", "Type": "bridge"})
    batch.put_edge("e1", "own", "eth0", "netlink", {"RelationType": "ownership"})
    batch.put_edge("e2", "own", "br0", "netlink", {"RelationType": "ownership"})
    batch.put_edge("e3", "br0", "eth0", "netlink", {"RelationType": "layer2"})
    graph.apply(batch)
    registry = NamespaceRegistry()
    yield Surroundings(graph, registry, "own")
    registry.close()


def told(here: Surroundings, seen: Seen, batch: Batch) -> list[tuple[str, str]]:
    """Apply a batch; return what is published of it."""
    said: list[tuple[str, str]] = []
    unsubscribe = here.graph.subscribe(
        lambda events: said.extend((kind, element.id) for kind, element in seen.changes(events))
    )
    here.graph.apply(batch)
    unsubscribe()
    return said


def published(seen: Seen) -> tuple[set[str], set[tuple[str, str]]]:
    nodes, edges = seen.state()
    return {node.id for node in nodes}, {(edge.parent, edge.child) for edge in edges}


def test_without_a_root_everything_hangs_at_a_host_node_of_its_own(here: Surroundings) -> None:
    seen = Seen(here, "", read_filter(""))
    assert published(seen) == ({"own", "eth0", "br0"}, {("own", "eth0"), ("own", "br0"), ("br0", "eth0")})


def test_a_root_takes_the_place_of_the_host_node(here: Surroundings) -> None:
    seen = Seen(here, "rack1", read_filter(""))
    assert published(seen) == ({"eth0", "br0"}, {("rack1", "eth0"), ("rack1", "br0"), ("br0", "eth0")})
    came = Batch()
    came.put_node("tap1", "netlink", {"Name": "tap1", "Type": "tap"})
    came.put_edge("e4", "own", "tap1", "netlink", {"RelationType": "ownership"})
    came.put_node("own", "host", {"Name": "web-1", "Type": "host", "Kernel": "6.1"})
    assert told(here, seen, came) == [("added", "tap1"), ("added", "e4")]


def test_what_a_filter_does_not_show_is_not_published(here: Surroundings) -> None:
    seen = Seen(here, "rack1", read_filter("G.V().Has('Type', 'veth').SubGraph()"))
    assert published(seen) == ({"eth0"}, {("rack1", "eth0")})


def test_what_begins_to_match_a_filter_comes_with_its_edges_and_goes_with_them(here: Surroundings) -> None:
    seen = Seen(here, "rack1", read_filter("G.V().Has('State', 'UP').SubGraph()"))
    assert published(seen) == (set(), set())
    up = Batch()
    for name in ("eth0", "br0"):
        up.put_node(name, "netlink", {"Name": name, "Type": "veth", "State": "UP"})
    assert told(here, seen, up) == [
        *(("added", one) for one in ("eth0", "br0", "e3")),
        *(("added", one) for one in ("e1", "e2")),
    ]
    down = Batch()
    down.put_node("br0", "netlink", {"Name": "br0", "Type": "bridge", "State": "DOWN"})
    # Of an edge to the root nothing is said: it goes with its node.
    assert told(here, seen, down) == [("deleted", "e3"), ("deleted", "br0")]
    assert published(seen) == ({"eth0"}, {("rack1", "eth0")})


def test_an_edge_to_the_root_is_taken_away_while_its_node_stays(here: Surroundings) -> None:
    seen = Seen(here, "rack1", read_filter(""))
    moved = Batch()
    moved.delete_edge("e1")
    assert told(here, seen, moved) == [("deleted", "e1")]


@pytest.mark.parametrize(
    ("text", "words"),
    [("G.V().Has('Type', 'veth')", "does not give a graph"), ("G.V().Hass('x')", "Hass"), ("G.V(", "never closed")],
)
def test_a_filter_that_gives_no_graph_is_refused_before_anything_runs(netsonde: Command, text: str, words: str) -> None:
    done = netsonde("seed", "--filter", text, "--net", "/nonexistent/ns")
    assert (done.status, words in done.err, "namespace" in done.err) == (1, True, False)


def test_a_namespace_that_is_not_there_is_named(netsonde: Command) -> None:
    for kind in ("net", "mount"):
        done = netsonde("seed", f"--{kind}", "/nonexistent/ns")
        assert done.status == 1
        assert f"cannot open the {kind} namespace /nonexistent/ns: No such file" in done.err
