# SPDX-License-Identifier: Apache-2.0
"""Graphs as Graphviz text."""

from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Metadata
from netsonde.query import render_dot
from unit.query.lab import make_edge, make_node


def test_nodes_and_edges_are_labelled_like_the_reference() -> None:
    meta: Metadata = {"Name": "eth0", "Type": "veth", "State": "UP", "IPV4": ["10.0.0.1/24", "10.0.0.2/24"]}
    nodes = [make_node("0123456789", meta, 1), make_node("h", {"Name": "host"}, 1)]
    edges = [
        make_edge("x", "h 0123456789", {"RelationType": "ownership"}, 1),
        make_edge("y", "h 0123456789", {"RelationType": "layer2"}, 1),
        make_edge("z", "h 0123456789", {}, 1),
        make_edge("w", "h gone", {}, 1),
    ]

    assert render_dot(SnapshotGraph(nodes, edges)).splitlines() == [
        "digraph g {",
        r'"eth0-01234567" [label="eth0-01234567\nType = veth\nState = UP\nIPV4 = [10.0.0.1/24 10.0.0.2/24]"]',
        '"host-h" [label="host-h"]',
        '"host-h" -> "eth0-01234567" [label="ownership",dir=forward]',
        '"host-h" -> "eth0-01234567" [label="layer2",dir=both]',
        '"host-h" -> "eth0-01234567"',
        "}",
    ]


def test_what_the_network_named_cannot_break_out_of_its_quotes() -> None:
    node = make_node("n", {"Name": 'a" [URL="javascript:x"]\\\n\0b'}, 1)

    text = render_dot(SnapshotGraph([node], []))

    assert text.splitlines()[1].startswith(r'"a\" [URL=\"javascript:x\"]\\\n�b-n" [label=')


def test_an_empty_graph_is_a_valid_document() -> None:
    assert render_dot(SnapshotGraph([], [])) == "digraph g {\n}\n"
