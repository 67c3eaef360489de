# SPDX-License-Identifier: Apache-2.0
"""TIDs: the reference's vectors, and when they come, stay and go."""

from collections.abc import Callable

import pytest

from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.graph import Graph
from netsonde.graph.tid import TidLayer
from netsonde.model.elements import Metadata

HOST = "0689e113-1b57-5949-9c58-8a46197ca490"


@pytest.fixture
def compute(now_ms: Callable[[], int]) -> Graph:
    made = Graph("compute-1", "agent.compute-1", now_ms)
    made.add_computed(TidLayer())
    put(made, "h", None, {"Type": "host", "Name": "compute-1"})
    return made


def put(graph: Graph, node_id: str, owner: str | None, metadata: Metadata) -> None:
    batch = Batch()
    batch.put_node(node_id, "p", metadata)
    if owner is not None:
        batch.put_edge(None, owner, node_id, "p", {"RelationType": OWNERSHIP})
    graph.apply(batch)


def tid(graph: Graph, node_id: str) -> object:
    node = graph.node(node_id)
    assert node is not None
    return node.metadata.get("TID")


def test_vectors_of_the_reference(compute: Graph) -> None:
    put(compute, "eth0", "h", {"Type": "device", "Name": "eth0"})
    put(compute, "ns1", "h", {"Type": "netns", "Name": "ns1", "Path": "/var/run/netns/ns1"})
    put(compute, "inner", "ns1", {"Type": "veth", "Name": "eth0"})
    row = "dbf994e5-7625-4ff6-805b-e8c02b2ee9a7"
    put(compute, "br", "h", {"Type": "ovsbridge", "Name": "br0", "UUID": row})
    assert tid(compute, "h") == HOST
    assert tid(compute, "eth0") == "1bbd6f8a-9b91-5e19-9b8a-e17fc33429f4"
    assert tid(compute, "ns1") == "e4daa6b6-57ff-5898-9bc9-f70432e3eeea"
    assert tid(compute, "inner") == "36df2198-0f53-5dfa-9c8f-9ed83f9199e8"
    assert tid(compute, "br") == "024facec-d3fd-5340-a41b-ef11bcfbe9d4"


def test_an_ovs_port_is_found_below_its_bridge(compute: Graph) -> None:
    put(compute, "br", "h", {"Type": "ovsbridge", "Name": "br0", "UUID": "u1"})
    put(compute, "port", "br", {"Type": "ovsport", "Name": "p0", "UUID": "u2"})
    assert tid(compute, "port") is not None


def test_the_tid_is_in_the_first_revision(compute: Graph) -> None:
    put(compute, "eth0", "h", {"Type": "device", "Name": "eth0"})
    node = compute.node("eth0")
    assert node is not None
    assert node.revision == 1


def test_a_node_without_owner_or_name_has_none_until_it_gets_them(compute: Graph) -> None:
    put(compute, "x", None, {"Type": "device"})
    assert tid(compute, "x") is None
    put(compute, "x", "h", {"Type": "device"})
    assert tid(compute, "x") is None
    put(compute, "x", None, {"Type": "device", "Name": "eth0"})
    assert tid(compute, "x") == "1bbd6f8a-9b91-5e19-9b8a-e17fc33429f4"


def test_children_that_came_first_get_theirs_with_the_owner(compute: Graph) -> None:
    put(compute, "inner", None, {"Type": "veth", "Name": "eth0"})
    batch = Batch()
    batch.put_edge(None, "ns1", "inner", "p", {"RelationType": OWNERSHIP})
    compute.apply(batch)
    put(compute, "ns1", "h", {"Type": "netns", "Name": "ns1", "Path": "/var/run/netns/ns1"})
    assert tid(compute, "inner") == "36df2198-0f53-5dfa-9c8f-9ed83f9199e8"


def test_a_rename_keeps_the_tid_and_another_owner_changes_it(compute: Graph) -> None:
    put(compute, "eth0", "h", {"Type": "device", "Name": "eth0"})
    put(compute, "eth0", "h", {"Type": "device", "Name": "wan0"})
    assert tid(compute, "eth0") == "1bbd6f8a-9b91-5e19-9b8a-e17fc33429f4"
    put(compute, "ns1", "h", {"Type": "netns", "Name": "ns1", "Path": "/var/run/netns/ns1"})
    put(compute, "eth0", "ns1", {"Type": "device", "Name": "wan0"})
    assert tid(compute, "eth0") not in (None, "1bbd6f8a-9b91-5e19-9b8a-e17fc33429f4")


def test_a_node_that_loses_its_owner_loses_its_tid(compute: Graph) -> None:
    put(compute, "eth0", "h", {"Type": "device", "Name": "eth0"})
    batch = Batch()
    batch.delete_node("h")
    compute.apply(batch)
    assert tid(compute, "eth0") is None


def test_annotations_do_not_change_a_tid(compute: Graph) -> None:
    batch = Batch()
    batch.annotate("tap", "ovsdb", {"Type": "internal"})
    compute.apply(batch)
    put(compute, "tap", "h", {"Type": "tuntap", "Name": "tap0"})
    early = tid(compute, "tap")
    put(compute, "tap2", "h", {"Type": "tuntap", "Name": "tap0"})
    assert early == tid(compute, "tap2")


def test_a_fabric_node_is_its_own_tid(compute: Graph) -> None:
    put(compute, "tor", None, {"Type": "switch", "Name": "TOR", "Probe": "fabric"})
    assert tid(compute, "tor") == "tor"


def test_namespace_that_was_seen_by_its_maker_before_its_file_gets_the_tid_of_the_file(compute: Graph) -> None:
    put(compute, "ns1", "h", {"Type": "netns", "Name": "unshare-7", "Path": "/proc/7/ns/net"})
    put(compute, "inner", "ns1", {"Type": "veth", "Name": "eth0"})
    put(compute, "ns1", "h", {"Type": "netns", "Name": "ns1", "Path": "/var/run/netns/ns1"})
    assert tid(compute, "ns1") == "e4daa6b6-57ff-5898-9bc9-f70432e3eeea"
    assert tid(compute, "inner") == "36df2198-0f53-5dfa-9c8f-9ed83f9199e8"


def test_namespace_that_only_processes_hold_keeps_its_tid_when_the_first_of_them_ends(compute: Graph) -> None:
    put(compute, "ns1", "h", {"Type": "netns", "Name": "sleep-7", "Path": "/proc/7/ns/net"})
    before = tid(compute, "ns1")
    put(compute, "ns1", "h", {"Type": "netns", "Name": "sleep-8", "Path": "/proc/8/ns/net"})
    assert tid(compute, "ns1") == before
