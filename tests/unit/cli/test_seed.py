# SPDX-License-Identifier: Apache-2.0
"""What a seed publishes, and what it says when it cannot go where it is sent."""

from netsonde.agent.alone import Surroundings
from netsonde.cli.seed import Seen
from netsonde.graph import Batch, Event, Graph
from netsonde.probes.namespaces import NamespaceRegistry
from unit.cli.conftest import Command


def a_graph(told: list[Event]) -> Graph:
    graph = Graph("web-1", "seed.web-1", lambda: 1)
    graph.subscribe(told.extend)
    batch = Batch()
    batch.put_node("own", "host", {"Name": "web-1", "Type": "host"})
    batch.put_node("eth0", "netlink", {"Name": "eth0", "Type": "veth"})
    batch.put_edge("e1", "own", "eth0", "netlink", {"RelationType": "ownership"})
    graph.apply(batch)
    return graph


def test_a_root_takes_the_place_of_the_host_node() -> None:
    told: list[Event] = []
    registry = NamespaceRegistry()
    try:
        here = Surroundings(a_graph(told), registry, "own")
        rooted, own = Seen(here, "rack1"), Seen(here, "")
        nodes, edges = rooted.state()
        assert ([node.id for node in nodes], [edge.parent for edge in edges]) == (["eth0"], ["rack1"])
        said = [(kind, element.id) for kind, element in rooted.changes(told)]
        assert said == [("added", "eth0"), ("added", "e1")]
        nodes, edges = own.state()
        assert ({node.id for node in nodes}, [edge.parent for edge in edges]) == ({"own", "eth0"}, ["own"])
    finally:
        registry.close()


def test_a_namespace_that_is_not_there_is_named(netsonde: Command) -> None:
    for kind in ("net", "mount"):
        done = netsonde("seed", f"--{kind}", "/nonexistent/ns")
        assert done.status == 1
        assert f"cannot open the {kind} namespace /nonexistent/ns: No such file" in done.err
