# SPDX-License-Identifier: Apache-2.0
"""One identity of a virtual machine from either external id, in the revision that brings the id."""

from collections.abc import Callable

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.graph.vm import VmLayer
from netsonde.model.elements import Json, Metadata

ONE, TWO = "8a566101-8736-4522-bbad-29951893d152", "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def graph(now_ms: Callable[[], int]) -> Graph:
    made = Graph("compute-1", "agent.compute-1", now_ms)
    made.add_computed(VmLayer())
    return made


def put(graph: Graph, metadata: Metadata, node: str = "tap") -> None:
    batch = Batch()
    batch.put_node(node, "netlink", {"Name": node, "Type": "tuntap"})
    batch.annotate(node, "ovsdb", metadata)
    graph.apply(batch)


def machine(graph: Graph, node: str = "tap") -> Json:
    found = graph.node(node)
    assert found is not None
    return found.metadata.get("VM")


@pytest.mark.parametrize(
    "ids",
    [
        {"vm-id": ONE},
        {"vm-uuid": ONE},
        {"vm-uuid": ONE.upper()},
        {"vm-id": TWO, "vm-uuid": ONE},
        {"vm-uuid": "", "vm-id": ONE},
    ],
)
def test_either_external_id_is_the_identity(graph: Graph, ids: Metadata) -> None:
    put(graph, {"ExtID": ids})
    assert machine(graph) == {"UUID": ONE}


def test_identity_comes_in_the_same_revision_as_the_id(graph: Graph) -> None:
    put(graph, {})
    events: list[object] = []
    graph.subscribe(lambda batch: events.extend(batch))
    put(graph, {"ExtID": {"vm-id": ONE}})
    assert len(events) == 1
    node = graph.node("tap")
    assert node is not None
    assert node.revision == 2


def test_identity_follows_the_id_and_goes_with_it(graph: Graph) -> None:
    put(graph, {"ExtID": {"vm-id": ONE}})
    put(graph, {"ExtID": {"vm-id": TWO}})
    assert machine(graph) == {"UUID": TWO}
    put(graph, {"ExtID": {"iface-id": "x"}})
    assert machine(graph) is None


def test_what_a_probe_knows_stands_beside_it_and_remains(graph: Graph) -> None:
    put(graph, {"ExtID": {"vm-id": ONE}})
    batch = Batch()
    batch.annotate("tap", "qemu", {"VM": {"UUID": TWO, "Name": "web"}})
    graph.apply(batch)
    assert machine(graph) == {"UUID": ONE, "Name": "web"}
    put(graph, {})
    assert machine(graph) == {"UUID": TWO, "Name": "web"}


@pytest.mark.parametrize("ids", ["text", None, {"vm-id": 7}, {"vm-id": {"a": "b"}}, [], {"vm-id": ""}])
def test_ids_of_another_shape_are_no_identity(graph: Graph, ids: Json) -> None:
    put(graph, {"ExtID": ids})
    assert machine(graph) is None


def test_interface_that_comes_back_has_its_identity_again(graph: Graph) -> None:
    put(graph, {"ExtID": {"vm-id": ONE}})
    batch = Batch()
    batch.delete_node("tap")
    graph.apply(batch)
    put(graph, {"ExtID": {"vm-id": ONE}})
    assert machine(graph) == {"UUID": ONE}
