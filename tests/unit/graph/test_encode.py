# SPDX-License-Identifier: Apache-2.0
"""JSON as clients of the reference read it, and dumps that follow changes."""

import json
from collections.abc import Callable

from netsonde.graph.encode import GraphDump, encode
from netsonde.graph.graph import Graph
from netsonde.model.elements import Edge, Node
from netsonde.model.topology import TopologySnapshot
from unit.graph.lab import Lab


def test_an_element_has_the_references_names_in_its_order() -> None:
    node = Node("n", {"Name": "a"}, "h1", "agent.h1", 1, 2)
    assert encode(node) == (
        b'{"ID":"n","Metadata":{"Name":"a"},"Host":"h1","Origin":"agent.h1",'
        b'"CreatedAt":1,"UpdatedAt":2,"DeletedAt":null,"Revision":1}'
    )
    edge = Edge("e", {}, "h1", "agent.h1", 1, 2, parent="a", child="b")
    assert encode(edge).endswith(b'"Revision":1,"Parent":"a","Child":"b"}')


def test_a_dump_follows_every_change(lab: Lab) -> None:
    dump = GraphDump(lab.graph)
    assert dump.json() == b'{"Nodes":[],"Edges":[]}'
    lab.node("a", {"Name": "a"})
    lab.node("b", {"Name": "b"})
    lab.edge("a", "b")
    lab.node("b", {"Name": "bb"})
    text = json.loads(dump.json())
    assert [node["Metadata"]["Name"] for node in text["Nodes"]] == ["a", "bb"]
    assert len(text["Edges"]) == 1
    lab.delete("a")
    assert [node["ID"] for node in json.loads(dump.json())["Nodes"]] == ["b"]


def test_a_dump_is_in_the_order_of_creation_also_when_an_older_element_comes_late(now_ms: Callable[[], int]) -> None:
    graph = Graph("analyzer", "analyzer.a", now_ms)
    dump = GraphDump(graph)
    dump.json()
    for host, created in (("h1", 50), ("h2", 10)):
        node = Node(host, {}, host, f"agent.{host}", created, created)
        graph.replace_origin(TopologySnapshot(host, "e", 1, [node], []))
    assert [node["ID"] for node in json.loads(dump.json())["Nodes"]] == ["h2", "h1"]


def test_a_closed_dump_listens_no_more(lab: Lab) -> None:
    dump = GraphDump(lab.graph)
    dump.json()
    dump.close()
    lab.node("a", {"Name": "a"})
    assert dump.json() == b'{"Nodes":[],"Edges":[]}'
