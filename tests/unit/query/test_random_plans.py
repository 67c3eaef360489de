# SPDX-License-Identifier: Apache-2.0
"""Random queries on random graphs give what the naive reading gives: live, at one time, and over an interval."""

import os
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given, settings

from netsonde.graph.reader import GraphReader
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Node
from netsonde.query import Kind, evaluate, parse
from unit.query.generator import Pick, graph, picks, query, seeded
from unit.query.lab import live_graph
from unit.query.naive import Naive, Step, text_of

ROUNDS = int(os.environ.get("NETSONDE_TEST_ROUNDS", "250"))
Elements = tuple[list[Node], list[Edge]]


def _shown(found: object, *, ordered: bool) -> object:
    if not isinstance(found, list):
        return found
    rows = [msgspec.json.encode(row, order="sorted") for row in found]
    return rows if ordered else sorted(rows)


def _is_ordered(steps: Sequence[Step]) -> bool:
    """Tell whether the order of the result is certain: sorted by everything, and only thinned out since."""
    kept = [
        step.name for step in steps if step.name not in ("Has", "HasEither", "HasKey", "HasNot", "Values", "ValueMap")
    ]
    return len(kept) > 2 and kept[-1] in ("Limit", "Range", "Dedup") and kept[-2] == "Sort"


def _agree(steps: Sequence[Step], elements: Elements, reader: GraphReader) -> None:
    text = text_of(steps)
    plan = parse(text)
    rows = list(evaluate(plan, reader))
    found = rows[0] if plan.kind is Kind.VALUE else rows
    ordered = _is_ordered(steps)

    assert _shown(found, ordered=ordered) == _shown(Naive(*elements).run(steps), ordered=ordered), text


def _live(pick: Pick) -> None:
    live = live_graph(*graph(pick))
    # A live graph keeps ownership a tree, so it may hold fewer edges than it was given.
    _agree(query(pick), (list(live.nodes()), list(live.edges())), live)


def _past(pick: Pick) -> None:
    elements = graph(pick)
    _agree(query(pick), elements, SnapshotGraph(*elements))


def _interval(pick: Pick) -> None:
    elements = graph(pick, revisions=3)
    _agree(query(pick), elements, SnapshotGraph(*elements))


KINDS = pytest.mark.parametrize("agrees", [_live, _past, _interval])


@KINDS
@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_plans_agree_with_the_naive_reading(agrees: Callable[[Pick], None], seed: int) -> None:
    pick = seeded(seed)

    for _ in range(ROUNDS):
        agrees(pick)


@KINDS
@given(picks())
@settings(max_examples=30, deadline=None)
def test_the_smallest_plan_that_disagrees_is_shown(agrees: Callable[[Pick], None], pick: Pick) -> None:
    agrees(pick)
