# SPDX-License-Identifier: Apache-2.0
"""From a node to its device: every kind counts, only the namespace and the ifindex matter."""

import pytest

from netsonde.graph.graph import Graph
from netsonde.graph.locate import Location, locate
from netsonde.model.elements import Json, Metadata
from unit.graph.lab import Lab


@pytest.fixture
def host(lab: Lab) -> Lab:
    lab.node("h", {"Type": "host", "Name": "h1"})
    lab.node("ns", {"Type": "netns", "Name": "ns1", "Inode": 4026532000})
    lab.node("br", {"Type": "ovsbridge", "Name": "br-int"})
    lab.edge("h", "ns")
    lab.edge("h", "br")
    return lab


def where(graph: Graph, node_id: str) -> Location | None:
    node = graph.node(node_id)
    assert node is not None
    return locate(graph, node)


@pytest.mark.parametrize("kind", ["tuntap", "veth", "vrf", "wireguard", "bridge", "internal", "anything"])
def test_any_kind_with_an_ifindex_is_a_device(host: Lab, kind: str) -> None:
    host.node("x", {"Type": kind, "Name": "x", "IfIndex": 7})
    host.edge("h", "x")
    assert where(host.graph, "x") == Location(None, 7)


@pytest.mark.parametrize(("owner", "netns"), [("h", None), ("br", None), ("ns", 4026532000)])
def test_the_namespace_is_the_nearest_one_above(host: Lab, owner: str, netns: int | None) -> None:
    host.node("x", {"Type": "veth", "Name": "x", "IfIndex": 7})
    host.edge(owner, "x")
    assert where(host.graph, "x") == Location(netns, 7)


@pytest.mark.parametrize("ifindex", [None, 0, -1, "7", True])
def test_without_an_ifindex_there_is_no_device(host: Lab, ifindex: Json) -> None:
    metadata: Metadata = {"Type": "patch", "Name": "x", "IfIndex": ifindex}
    host.node("x", metadata)
    host.edge("h", "x")
    assert where(host.graph, "x") is None


def test_without_a_known_namespace_there_is_no_device(host: Lab) -> None:
    host.node("x", {"Type": "veth", "Name": "x", "IfIndex": 7})
    assert where(host.graph, "x") is None
    host.node("anon", {"Type": "netns", "Name": "anon"})
    host.edge("anon", "x")
    assert where(host.graph, "x") is None
