# SPDX-License-Identifier: Apache-2.0
"""JSON as clients of the reference read it."""

from netsonde.graph.encode import encode
from netsonde.model.elements import Edge, Node


def test_an_element_has_the_references_names_in_its_order() -> None:
    node = Node("n", {"Name": "a"}, "h1", "agent.h1", 1, 2)
    assert encode(node) == (
        b'{"ID":"n","Metadata":{"Name":"a"},"Host":"h1","Origin":"agent.h1",'
        b'"CreatedAt":1,"UpdatedAt":2,"DeletedAt":null,"Revision":1}'
    )
    edge = Edge("e", {}, "h1", "agent.h1", 1, 2, parent="a", child="b")
    assert encode(edge).endswith(b'"Revision":1,"Parent":"a","Child":"b"}')
