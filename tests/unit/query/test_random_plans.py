# SPDX-License-Identifier: Apache-2.0
"""Random queries on random graphs give what the naive reading gives: live, at one time, over an interval.

Each is run as the optimiser makes it, and as it was written.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings

from netsonde.graph.reader import GraphReader
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Node
from netsonde.query import evaluate, parse
from unit.query.generator import Pick, graph, picks, seeded
from unit.query.lab import live_graph
from unit.query.naive import Step, Value, text_of
from unit.query.naive_steps import Naive
from unit.query.plan_generator import query

ROUNDS = int(os.environ.get("NETSONDE_TEST_ROUNDS", "250"))
Elements = tuple[list[Node], list[Edge]]


def _same(value: Value, *, bags: bool) -> Value:
    """Return a value in which the spelling of whole numbers makes no difference, nor, in `bags`, the order of lists."""
    if isinstance(value, dict):
        return {key: _same(member, bags=bags) for key, member in value.items()}
    if isinstance(value, list | tuple):
        found = [_same(member, bags=bags) for member in value]
        return sorted(found, key=_json) if bags else found
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _json(value: Value) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _shown(rows: Sequence[object], steps: Sequence[Step]) -> object:
    bags = any(step.name in ("Group", "Fold") for step in steps)
    found = [_json(_same(msgspec.to_builtins(row), bags=bags)) for row in rows]
    return found if _is_ordered(steps) else sorted(found)


def _is_ordered(steps: Sequence[Step]) -> bool:
    """Tell whether the order of the result is certain: sorted by everything, and only thinned out since."""
    thinning = ("Has", "HasEither", "HasKey", "HasNot", "HasId", "HasLabel", "Values", "ValueMap")
    kept = [step.name for step in steps if step.name not in thinning]
    return len(kept) > 2 and kept[-1] in ("Limit", "Range", "Dedup", "Skip", "Tail") and kept[-2] in ("Sort", "Order")


def _agree(steps: Sequence[Step], elements: Elements, reader: GraphReader) -> None:
    text = text_of(steps)
    plan = parse(text)
    expected = _shown(Naive(*elements).run(steps), steps)

    assert _shown(evaluate(plan, reader), steps) == expected, text
    # As written, filter after filter, without any index.
    assert _shown(evaluate(replace(plan, pipeline=plan.stages), reader), steps) == expected, text


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
