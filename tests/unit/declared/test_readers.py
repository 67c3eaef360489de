# SPDX-License-Identifier: Apache-2.0
"""Rules hear only of what their queries read, and of all of that."""

from typing import Any

import pytest

from netsonde.declared.rules.readers import EVERYTHING, Readers, reads_of
from netsonde.graph import Batch, Graph
from netsonde.graph.events import Event
from netsonde.query import compile_standing, parse

QUERIES = {
    "name": "G.V().Has('Name', 'a')",
    "vm": "G.V().HasKey('ExtID.vm-id')",
    "all": "G.V()",
    "moves": "G.V().Has('Name', 'a').Out()",
    "field": "G.V().Has('@UpdatedAt', Gt(1))",
    "whole": "G.V().Has('State', 'UP').Limit(1)",
}


@pytest.fixture
def graph() -> Graph:
    made = Graph("h", "analyzer.h", lambda: 1)
    apply(made, "a", Name="a", State="UP")
    apply(made, "b", Name="b", State="UP")
    return made


@pytest.fixture
def readers() -> Readers:
    made = Readers()
    for name, query in QUERIES.items():
        made.put(name, reads_of(compile_standing(parse(query))))
    return made


def apply(graph: Graph, node_id: str, **metadata: Any) -> list[Event]:
    batch = Batch()
    batch.put_node(node_id, "probe", metadata)
    events = graph.apply(batch)
    assert isinstance(events, list)
    return events


def test_an_update_is_for_those_that_read_its_keys(graph: Graph, readers: Readers) -> None:
    state = apply(graph, "a", Name="a", State="DOWN")
    assert set(readers.concerned(state)) == {"field", "whole"}
    machine = apply(graph, "a", Name="a", State="DOWN", ExtID={"vm-id": "1"})
    assert set(readers.concerned(machine)) == {"vm", "field", "whole"}
    name = apply(graph, "a", Name="c", State="DOWN", ExtID={"vm-id": "1"})
    assert set(readers.concerned(name)) == {"name", "moves", "field", "whole"}


def test_edges_are_for_those_that_follow_them(graph: Graph, readers: Readers) -> None:
    batch = Batch()
    batch.put_edge(None, "a", "b", "probe", {"RelationType": "layer2"})
    assert set(readers.concerned(graph.apply(batch))) == {"moves", "whole"}


def test_what_comes_and_goes_is_for_all(graph: Graph, readers: Readers) -> None:
    assert set(readers.concerned(apply(graph, "new", Name="new"))) == set(QUERIES)


def test_who_left_hears_of_nothing(graph: Graph) -> None:
    readers = Readers()
    readers.put("x", EVERYTHING)
    readers.drop("x")
    assert list(readers.concerned(apply(graph, "a", Name="z"))) == []
