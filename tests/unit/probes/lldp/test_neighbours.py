# SPDX-License-Identifier: Apache-2.0
"""Who is known how long, what that makes of the graph, and that several hosts share it."""

from itertools import count

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.graph.tid import TidLayer
from netsonde.model.topology import TopologySnapshot
from netsonde.probes.contributions import ContributionPublisher
from netsonde.probes.lldp.frame import Advertisement, read_frame
from netsonde.probes.lldp.neighbours import MOST_ON_AN_INTERFACE, Neighbours
from netsonde.probes.lldp.translate import neighbourhood, switch_id
from unit.probes.lldp.frames import frame, tlv

_ticks = count(1)


def now_ms() -> int:
    return next(_ticks)


def said(name: str = "leaf-3", port: str = "Ethernet7", ttl: int = 120) -> Advertisement:
    return read_frame(frame(tlv(5, name.encode()), port=b"\x05" + port.encode(), ttl=ttl))


def test_neighbour_holds_for_its_time_and_each_frame_renews_it() -> None:
    table = Neighbours()
    assert table.hear("eth0", said(ttl=10), 100.0)
    assert not table.hear("eth0", said(ttl=10), 105.0)
    assert table.next_expiry() == 115.0
    assert not table.expire(114.9)
    assert table.expire(115.0)
    assert (len(table), table.next_expiry()) == (0, None)


def test_neighbour_that_says_goodbye_is_gone_at_once() -> None:
    table = Neighbours()
    table.hear("eth0", said(), 0.0)
    assert table.hear("eth0", said(ttl=0), 1.0)
    assert not table.hear("eth0", said(ttl=0), 2.0)
    assert len(table) == 0


def test_change_of_what_it_says_is_told_and_made_known() -> None:
    table = Neighbours()
    table.hear("eth0", said("leaf-3"), 0.0)
    assert table.hear("eth0", said("leaf-4"), 1.0)
    assert [one.chassis["SysName"] for _, one in table] == ["leaf-4"]


def test_interface_that_goes_takes_its_neighbours_along() -> None:
    table = Neighbours()
    table.hear("eth0", said(), 0.0)
    table.hear("eth1", said(port="Ethernet8"), 0.0)
    assert table.interface_gone("eth0")
    assert not table.interface_gone("eth0")
    assert [node for node, _ in table] == ["eth1"]


def test_flood_of_neighbours_on_one_interface_is_cut_and_counted() -> None:
    table = Neighbours()
    for number in range(1000):
        table.hear("eth0", said(port=f"p{number}"), 0.0)
    assert len(table) == MOST_ON_AN_INTERFACE
    assert table.refused == 1000 - MOST_ON_AN_INTERFACE
    assert table.hear("eth1", said(), 0.0)


def test_two_cables_to_one_switch_are_one_switch_with_two_ports() -> None:
    found = neighbourhood([("eth0", said()), ("eth1", said(port="Ethernet8"))])
    names = sorted(str(node["Name"]) for node in found.nodes.values())
    assert names == ["Ethernet7", "Ethernet8", "leaf-3"]
    relations = sorted(str(edge["RelationType"]) for _, _, edge in found.edges.values())
    assert relations == ["layer2"] * 4 + ["ownership"] * 2


def test_switches_that_count_themselves_are_told_apart_by_their_names() -> None:
    one, other = (read_frame(frame(tlv(5, name), chassis=b"\x071")) for name in (b"left", b"right"))
    assert switch_id(one) != switch_id(other)
    renamed = [read_frame(frame(tlv(5, name))) for name in (b"before", b"after")]
    assert switch_id(renamed[0]) == switch_id(renamed[1])


def host(name: str, port: str) -> tuple[Graph, str]:
    """Return the graph of an agent that hears the switch on a port of its own."""
    graph, batch = Graph(name, f"agent.{name}", now_ms), Batch()
    graph.add_computed(TidLayer())
    batch.put_node(f"{name}-eth0", "netlink", {"Name": "eth0", "Type": "device"})
    ContributionPublisher[str]("lldp", host="").put(batch, "all", neighbourhood([(f"{name}-eth0", said(port=port))]))
    graph.apply(batch)
    return graph, switch_id(said())


def test_switch_is_the_same_node_on_every_host_and_belongs_to_none() -> None:
    (left, switch), (right, same) = host("h1", "Ethernet1"), host("h2", "Ethernet2")
    assert switch == same
    for graph in (left, right):
        node = graph.node(switch)
        assert node is not None
        assert (node.host, node.metadata["TID"]) == ("", switch)


def test_switch_that_one_host_loses_stays_as_long_as_another_hears_it() -> None:
    merged = Graph("analyzer", "analyzer", now_ms)
    for name, port in (("h1", "Ethernet1"), ("h2", "Ethernet2")):
        graph, switch = host(name, port)
        merged.replace_origin(TopologySnapshot(name, "e", 1, list(graph.nodes()), list(graph.edges())))
    assert len(merged.nodes_with("Type", "switchport")) == 2
    merged.replace_origin(TopologySnapshot("h1", "e", 2, [], []))
    assert merged.node(switch) is not None
    (left,) = merged.nodes_with("Type", "switchport")
    assert left.metadata["Name"] == "Ethernet2"
    merged.replace_origin(TopologySnapshot("h2", "e", 2, [], []))
    assert merged.node(switch) is None
