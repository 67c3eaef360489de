# SPDX-License-Identifier: Apache-2.0
"""The numbered examples of the language's specification on graphs LAB and TL, live and in the past."""

from typing import cast

import msgspec
import pytest

from netsonde.query import Limits, QueryError, Sources, parse, run
from unit.query.cases import BY_CREATION, LAB, TIMELINE, cases, in_the_past, same
from unit.query.lab import T0, as_ids, lab_sources, tl_sources


async def _answer(query: str, sources: Sources) -> object:
    result = await run(parse(query), sources, Limits(seconds=60.0))
    value = result.value
    msgspec.json.encode(value)
    return as_ids(value)


@pytest.mark.parametrize(("query", "expected"), cases(LAB))
async def test_examples_hold_on_the_live_graph(query: str, expected: object) -> None:
    assert same(await _answer(query, lab_sources()), expected)


@pytest.mark.parametrize(("query", "expected"), cases(LAB))
async def test_examples_hold_in_the_past(query: str, expected: object) -> None:
    assert same(await _answer(in_the_past(query, T0 + 60), lab_sources()), expected)


@pytest.mark.parametrize(("query", "expected"), cases(TIMELINE))
async def test_examples_of_the_timeline_hold(query: str, expected: object) -> None:
    assert same(await _answer(query, tl_sources()), expected)


async def test_the_whole_graph_is_one_object_of_nodes_and_edges() -> None:
    (graph,) = cast("list[dict[str, list[str]]]", await _answer("G", lab_sources()))

    assert graph["Nodes"] == BY_CREATION
    assert len(graph["Edges"]) == 16


async def test_elements_and_flows_are_served_in_the_shapes_of_the_reference() -> None:
    result = await run(parse("G.V('ns1')"), lab_sources())
    edge = await run(parse("G.E('o9')"), lab_sources())

    assert msgspec.json.decode(msgspec.json.encode(result.value)) == [
        {
            "ID": "ns1",
            "Metadata": {"Name": "vm1", "TID": "tid-ns1", "Type": "netns"},
            "Host": "h1",
            "Origin": "agent.h1",
            "CreatedAt": 1700000007000,
            "UpdatedAt": 1700000007000,
            "DeletedAt": None,
            "Revision": 1,
        }
    ]
    assert msgspec.to_builtins(edge.value)[0]["Parent"] == "ns1"


REFUSED = [
    ("F13", 'G.V().Has("Type","netns","Name")', "the last key has no value"),
    ("H10", 'G.V("v1n").Neighbors("x")', "must be the depth"),
    ("O21", 'G.V().Limit("1")', "a whole number"),
    ("V13", 'G.V().Sum("Name")', "which is not a number"),
    ("A3", 'G.V().As("a").SubGraph().V().Select("a")', "nothing is remembered"),
]


@pytest.mark.parametrize(("query", "words"), cases(REFUSED))
async def test_examples_that_are_errors_say_why_and_where(query: str, words: str) -> None:
    with pytest.raises(QueryError, match=words) as caught:
        await run(parse(query), lab_sources())

    assert caught.value.span is not None
    assert caught.value.text == query
