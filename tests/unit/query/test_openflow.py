# SPDX-License-Identifier: Apache-2.0
"""OpenFlow rules and groups in queries: whom they are asked of, what can be done with them, what is missing."""

from dataclasses import replace
from typing import Any, cast

import pytest

from netsonde.model.openflow import OpenFlowAnswer, OpenFlowRequest
from netsonde.query import QueryError, Result, Sources, compile_standing, parse, run
from unit.query.lab import FakeSwitches, lab_rules, lab_sources

BR0 = "G.V().Has('Name', 'br0')"


def switches_of(sources: Sources) -> FakeSwitches:
    return cast("FakeSwitches", sources.openflow)


async def answered(query: str, sources: Sources | None = None) -> Result:
    return await run(parse(query), sources or lab_sources())


async def test_rules_come_by_the_node_that_was_asked() -> None:
    assert (await answered(f"{BR0}.OfRules()")).value == [{"br0": lab_rules()}]
    assert (await answered("G.V().Has('Name', 'eth0').OfRules()")).value == []


@pytest.mark.parametrize(
    ("query", "value"),
    [
        (".OfRules().Count()", 3),
        (".OfRules('Table', 1).Values('Actions')", [["output:2"]]),
        (".OfRules().Has('Fields.in_port', 1).Values('Packets')", [7]),
        (".OfRules().Has('Table', 0).Has('Actions', 'drop').Count()", 1),
        (".OfRules().Sort(DESC, 'Priority').Limit(2).Values('Priority')", [100, 5]),
        (".OfRules().Sum('Bytes')", 17 * 98),
        (".OfRules().HasNot('Match').Count()", 0),
        (".OfGroups().Values('Buckets.Actions')", [["output:1"]]),
        (".OfGroups('GroupType', 'select').Count()", 0),
    ],
)
async def test_steps_that_work_on_lists_work_on_rules_and_groups(query: str, value: object) -> None:
    assert (await answered(BR0 + query)).value == value


@pytest.mark.parametrize(
    ("query", "table"),
    [
        (".OfRules()", None),
        (".OfRules('Table', 1)", 1),
        (".OfRules().Has('Priority', Gt(1)).Has('Table', 0)", 0),
        (".OfRules().Has('Table', Within(0, 1))", None),
        (".OfRules().HasEither('Table', 0, 'Priority', 5)", None),
        (".OfRules().Has('Table', Ne(0))", None),
        (".OfRules().Has('Table', 255)", None),
        (".OfRules().Limit(3).Has('Table', 0)", None),
    ],
)
async def test_switches_are_asked_for_one_table_where_no_other_is_wanted(query: str, table: int | None) -> None:
    sources = lab_sources()

    await answered(BR0 + query, sources)

    ((request, hosts),) = switches_of(sources).asked
    assert request == OpenFlowRequest("rules", ["br0"], table, 10_000)
    assert hosts == {"br0": "h1"}


async def test_only_bridges_and_their_ports_are_asked_about_each_once() -> None:
    sources = lab_sources()

    await answered("G.V().Both().OfGroups()", sources)

    ((request, _),) = switches_of(sources).asked
    types: Any = (await answered("G.V().HasKey('Type')")).value
    switched = {node.id for node in types if node.metadata["Type"] in ("ovsbridge", "ovsport")}
    assert request.kind == "groups"
    assert sorted(request.node_ids) == sorted({*request.node_ids})
    assert switched <= set(request.node_ids)
    assert "eth0" not in request.node_ids


async def test_what_is_missing_is_said_with_its_reason() -> None:
    answer = OpenFlowAnswer([], ["h7"], 12, ["h1: br0: no such bridge", "h1: br0: no such bridge"])
    sources = replace(lab_sources(), openflow=FakeSwitches(answer))

    found = await answered(f"{BR0}.OfRules()", sources)

    assert (found.missing_hosts, found.truncated, found.notes) == (("h7",), True, ("h1: br0: no such bridge",))


@pytest.mark.parametrize(
    ("query", "words", "place"),
    [
        ("G.At('-1h').V().OfRules()", "cannot look at the past: OpenFlow rules are not recorded", "OfRules()"),
        ("G.At(NOW).V().G().V().OfGroups()", "OpenFlow groups are not recorded", "OfGroups()"),
        ("G.V().OfRules('Table', 0, 'Priority')", "pairs of a key and a value", "'Priority'"),
        ("G.Flows().OfRules()", "OfRules works on nodes or paths, but Flows gives flows", "OfRules"),
        ("G.V().Where(__.OfRules())", "cannot be in an anonymous traversal", "OfRules()"),
    ],
)
def test_mistakes_are_refused_with_their_place(query: str, words: str, place: str) -> None:
    with pytest.raises(QueryError, match=words) as caught:
        parse(query)

    span = caught.value.span
    assert span is not None
    assert query[span.start : span.end] == place


async def test_without_agents_there_are_no_rules() -> None:
    with pytest.raises(QueryError, match="there are no OpenFlow rules here") as caught:
        await answered(f"{BR0}.OfRules()", replace(lab_sources(), openflow=None))

    assert caught.value.span is not None
    assert caught.value.hint == "ask an analyzer"


def test_rules_choose_no_nodes_of_a_standing_query() -> None:
    with pytest.raises(QueryError, match="OfRules cannot be in a standing query"):
        compile_standing(parse(f"{BR0}.OfRules()"))
