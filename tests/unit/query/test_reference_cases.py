# SPDX-License-Identifier: Apache-2.0
"""The cases of the reference's own tests, on its four-node fixture; flows as its flow tests make them."""

from typing import Any

import pytest

from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Json, Metadata
from netsonde.query import QueryError, Sources, evaluate, parse, run
from unit.query.lab import FakeAgents, make_edge, make_node

_NODES: dict[str, Metadata] = {
    "n1": {"Value": 1, "Type": "intf", "Bytes": 1024, "List": ["111", "222"], "Map": {"a": 1}},
    "n2": {"Value": 2, "Type": "intf", "Bytes": 2024, "IPV4": ["10.0.0.1", "10.0.1.2"]},
    "n3": {"Value": 3, "IPV4": "192.168.0.34/24", "Map": {}, "MTU": 1500},
    "n4": {"Value": 4, "Name": "Node4", "Bytes": 4024, "IPV4": "192.168.1.34", "Indexes": [5, 6]},
}
_EDGES: dict[str, tuple[str, Metadata]] = {
    "e1": ("n1 n2", {"Direction": "Left"}),
    "e2": ("n2 n3", {"Direction": "Left"}),
    "e3": ("n3 n4", {}),
    "e4": ("n1 n4", {}),
    "e5": ("n1 n3", {"Mode": "Direct"}),
}


def fixture() -> SnapshotGraph:
    nodes = [make_node(id, metadata, 1) for id, metadata in _NODES.items()]
    edges = [make_edge(id, ends, {"Name": id, **metadata}, 1) for id, (ends, metadata) in _EDGES.items()]
    return SnapshotGraph(nodes, edges)


COUNTS = [
    ("G.V().Has('Value',1)", 1),
    ("G.V().Has('Type','intf')", 2),
    ("G.V().HasEither('Type','intf','Name','Node4')", 3),
    ("G.V().HasEither('Bytes',1024,'Bytes',2024)", 2),
    ("G.V().Has('List','111')", 1),
    ("G.V().Has('Indexes',6)", 1),
    ("G.V().Has('Value',1).Out().Has('Value',2).OutE().Has('Direction','Left').OutV().Out()", 1),
    ("G.V().Has('Value',3).BothE()", 3),
    ("G.V().Has('Value',1).Out().Has('Value',4)", 1),
    ("G.V().Has('Value',1).OutE().Has('Mode','Slow').OutV()", 0),
    ("G.V().Has('Value',1).OutE().Has('Mode','Direct').OutV()", 1),
    ("G.V().Has('Type')", 2),
    ("G.V().Values('Type')", 2),
    ("G.V().Values('Map')", 1),
    ("G.V().Has('Value',Within(1,2,4))", 3),
    ("G.V().Has('Value',Within(1.0,2,4))", 3),
    ("G.V().Has('Value',Without(1,3))", 2),
    ("G.V().Has('Value',Lt(3))", 2),
    ("G.V().Has('Value',Gt(3))", 1),
    ("G.V().Has('Value',Lte(3))", 3),
    ("G.V().Has('Value',Gte(3))", 2),
    ("G.V().Has('Value',Inside(1,4))", 2),
    ("G.V().Has('Value',Between(1,4))", 3),
    ("G.V().Has('Value',Ne(1))", 3),
    ("G.V().Has('MTU',Ne(1200))", 1),
    ("G.V().Has('MTU',Ne(''))", 1),
    ("G.V().Has('MTU',Ne(1500))", 0),
    ("G.V().Has('Unknown',Ne(''))", 0),
    ("G.V().Has('Value',Nee(1))", 3),
    ("G.V().Has('MTU',Nee(1200))", 4),
    ("G.V().Has('MTU',Nee(''))", 4),
    ("G.V().Has('MTU',Nee(1500))", 3),
    ("G.V().Has('Unknown',Nee(''))", 4),
    ("G.V().HasKey('Name')", 1),
    ("G.V().HasKey('Unknown')", 0),
    ("G.V().HasKey('List')", 1),
    ("G.V().HasNot('Name')", 3),
    ("G.V().Has('Name',Regex('.*ode.*'))", 1),
    ("G.V().Has('Name',Regex('ode5'))", 0),
    ("G.V().Has('Name',Regex('Node.*'))", 1),
    ("G.V().Has('Name',Regex('^Node4$'))", 1),
    ("G.V().Has('IPV4',Ipv4Range('192.168.0.0/24'))", 1),
    ("G.V().Has('IPV4',Ipv4Range('192.168.0.0/16'))", 2),
    ("G.V().Has('IPV4',Ipv4Range('192.168.0.0/26'))", 1),
    ("G.V().Has('IPV4',Ipv4Range('192.168.0.77/26'))", 0),
    ("G.V().Has('IPV4',Ipv4Range('192.168.2.0/24'))", 0),
    ("G.V().Has('IPV4',Ipv4Range('10.0.0.0/24'))", 1),
    ("G.V().Has('Value',2).Both()", 2),
    ("G.E().Has('Name','e3').BothV()", 2),
    ("G.V().Out().Has('Value',4)", 2),
    ("G.V().Out().Has('Value',4).Dedup()", 1),
    ("G.E().Dedup('Direction')", 4),
    ("G.V().Dedup('Type')", 3),
    ("G.V().Has('Value',1).ShortestPathTo(Metadata('Value',3))", 1),
    ("G.V().Has('Value',Within(1,2)).ShortestPathTo(Metadata('Value',3))", 2),
    ("G.V().Has('Value',2).ShortestPathTo(Metadata('Value',4)).SubGraph().V()", 3),
    ("G.E().Has('Direction','Left').SubGraph().V()", 3),
    ("G.E().Has('Direction','Left').SubGraph().E()", 2),
    ("G.V().Has('Type','intf').SubGraph().V()", 2),
    ("G.V().Has('Type','intf').SubGraph().E()", 1),
    ("G.V().SubGraph('Name',Without('e2','e3','e4','e5')).E()", 1),
    *[
        (f"G.V(){step}.Limit(1)", 1)
        for step in (
            ".Has('Value',NE('ZZZ'))",
            ".HasNot('ZZZ')",
            ".HasKey('Value')",
            ".HasKey('Value').HasKey('Value')",
            ".Out()",
            ".In()",
            ".Both()",
            ".Dedup()",
            ".OutE()",
            ".InE()",
            ".BothE()",
            ".BothE().InV()",
            ".BothE().OutV()",
        )
    ],
]


@pytest.mark.parametrize(("query", "count"), COUNTS)
def test_cases_of_the_traversal_tests_hold(query: str, count: int) -> None:
    assert len(evaluate(parse(query), fixture())) == count


def test_paths_follow_only_the_chosen_edges() -> None:
    direct: Any = evaluate(parse("G.V('n1').ShortestPathTo(Metadata('Value',3))"), fixture())
    left: Any = evaluate(parse("G.V('n1').ShortestPathTo(Metadata('Value',3),Metadata('Direction','Left'))"), fixture())

    assert [node.id for node in direct[0]] == ["n1", "n3"]
    assert [node.id for node in left[0]] == ["n1", "n2", "n3"]


def test_sums_are_exact_integers() -> None:
    assert evaluate(parse("G.V().Sum('Bytes')"), fixture()) == (7072,)


def test_a_key_without_a_value_among_pairs_is_refused() -> None:
    with pytest.raises(QueryError):
        parse("G.V().Has('Type','intf','badparams')")


def _flow(uuid: str, icmp_id: int, a: str = "", b: str = "", node: str = "node1") -> dict[str, Json]:
    return {
        "UUID": uuid,
        "NodeTID": node,
        "Link": {"Protocol": "ETHERNET", "A": a, "B": b, "ID": 0},
        "ICMP": {"Type": "ECHO", "ID": icmp_id},
        "TrackingID": uuid,
        "Start": 1,
        "Last": 1,
    }


ICMP = [_flow("a", 222), _flow("b", 444)]
SAME = [_flow("a", 222), _flow("b", 222)]
SEEN = [_flow("a", 1, "123", "123", "123"), _flow("b", 2, "456", "456", "456"), _flow("c", 3, "123", "123", "none")]
FLOW_COUNTS = [
    (ICMP, "G.Flows().Has('ICMP.ID',222)", 1),
    (ICMP, "G.Flows().Has('ICMP.ID',NE(555))", 2),
    (ICMP, "G.Flows().Has('ICMP.ID',NE(555)).Limit(1)", 1),
    (ICMP, "G.Flows().HasEither('ICMP.ID',222,'ICMP.ID',444)", 2),
    (ICMP, "G.Flows().Has('NodeTID','node1')", 2),
    (ICMP, "G.Flows().Has('NodeTID','node1').Has('ICMP.ID',222)", 1),
    (ICMP, "G.Flows().HasEither('NodeTID','node1','ICMP.ID',444).Has('ICMP.ID',222)", 1),
    (ICMP, "G.Flows().Limit(1)", 1),
    (ICMP, "G.Flows().Limit(2).Limit(1)", 1),
    (SAME, "G.Flows().Dedup('ICMP.ID')", 1),
    (SAME, "G.Flows().Dedup('UUID').Limit(1)", 1),
    (SEEN, "G.Flows().CaptureNode()", 2),
    (SEEN, "G.Flows().CaptureNode().Limit(1)", 1),
    (SEEN, "G.Flows().Has('NodeTID',\"456\")", 1),
    (SEEN, "G.Flows().In()", 3),
    (SEEN, "G.Flows().In().Limit(1)", 1),
    (SEEN, "G.Flows().Out()", 3),
    (SEEN, "G.Flows().Both()", 6),
    (SEEN, "G.Flows().Both().Limit(1)", 1),
]


@pytest.mark.parametrize(("flows", "query", "count"), FLOW_COUNTS)
async def test_cases_of_the_flow_tests_hold(flows: list[dict[str, Json]], query: str, count: int) -> None:
    interfaces = [
        make_node("x", {"TID": "123", "MAC": "123"}, 1),
        make_node("y", {"TID": "456", "PeerIntfMAC": "456"}, 1),
        make_node("z", {"TID": "789", "MAC": "789"}, 1),
    ]

    result = await run(parse(query), Sources(SnapshotGraph(interfaces, ()), flows=FakeAgents(flows)))

    assert len(result.rows) == count
