# SPDX-License-Identifier: Apache-2.0
"""Random queries on random graphs give what the naive reading gives: live, at one time, and over an interval."""

import os
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings

from netsonde.graph.reader import GraphReader
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Node
from netsonde.query import Kind, evaluate, parse
from unit.query.lab import live_graph
from unit.query.naive import Naive, Step, text_of
from unit.query.strategies import graphs, queries

EXAMPLES = int(os.environ.get("NETSONDE_TEST_EXAMPLES", "120"))
Elements = tuple[list[Node], list[Edge]]


def _bag(found: object) -> object:
    return sorted(msgspec.json.encode(row, order="sorted") for row in found) if isinstance(found, list) else found


def _agree(steps: Sequence[Step], elements: Elements, graph: GraphReader) -> None:
    text = text_of(steps)
    plan = parse(text)
    rows = list(evaluate(plan, graph))
    found = rows[0] if plan.kind is Kind.VALUE else rows

    assert _bag(found) == _bag(Naive(*elements).run(steps)), text


@given(queries(), graphs())
@settings(max_examples=EXAMPLES, deadline=None)
def test_live_graph_and_naive_reading_agree(steps: Sequence[Step], elements: Elements) -> None:
    graph = live_graph(*elements)
    # A live graph keeps ownership a tree, so it may hold fewer edges than it was given.
    _agree(steps, (list(graph.nodes()), list(graph.edges())), graph)


@given(queries(), graphs())
@settings(max_examples=EXAMPLES, deadline=None)
def test_graph_of_one_past_time_and_naive_reading_agree(steps: Sequence[Step], elements: Elements) -> None:
    _agree(steps, elements, SnapshotGraph(*elements))


@given(queries(), graphs(revisions=3))
@settings(max_examples=EXAMPLES, deadline=None)
def test_graph_of_an_interval_and_naive_reading_agree(steps: Sequence[Step], elements: Elements) -> None:
    _agree(steps, elements, SnapshotGraph(*elements))
