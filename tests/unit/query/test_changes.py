# SPDX-License-Identifier: Apache-2.0
"""`Changes`, `Diff` and `TopTalkers` on the timeline, and how much of a past graph a plan asks for."""

from typing import cast

import pytest

from netsonde.model.elements import Json
from netsonde.query import QueryError, Sources, Wanted, parse, run
from netsonde.query.kinds import Kind
from netsonde.query.sources import Limits
from unit.query.lab import lab_sources, live_graph, timeline

Told = list[dict[str, Json]]


async def _told(query: str) -> Told:
    result = await run(parse(query), Sources(live_graph([], []), history=timeline()))
    return cast("Told", result.value)


async def test_changes_come_in_their_order_with_what_they_changed() -> None:
    told = await _told("G.At(1030, 30).Changes()")

    assert [(each["Time"], each["Change"], each["Kind"], each["ID"]) for each in told] == [
        (1_010_000, "updated", "node", "A"),
        (1_015_000, "added", "node", "B"),
        (1_015_000, "added", "edge", "HB"),
        (1_020_000, "removed", "node", "A"),
        (1_020_000, "removed", "edge", "HA"),
    ]
    assert told[0] == {
        "Time": 1_010_000,
        "Change": "updated",
        "Kind": "node",
        "ID": "A",
        "Name": "A",
        "Type": "veth",
        "Host": "h1",
        "Origin": "agent.h1",
        "Probe": "netlink",
        "Keys": [{"Key": "State", "Old": "DOWN", "New": "UP"}],
    }
    assert (told[2]["Type"], told[2]["Parent"], told[2]["Child"]) == ("ownership", "H", "B")
    assert told[3]["Keys"] == [
        {"Key": "Name", "Old": "A"},
        {"Key": "State", "Old": "UP"},
        {"Key": "Type", "Old": "veth"},
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("G.At(1030, 30).V().Has('State', 'DOWN').Changes().Values('Change')", ["updated", "removed"]),
        ("G.At(1030, 30).E().Changes().Count()", 2),
        ("G.At(1030, 30).V('nope').Changes()", []),
        ("G.At(1030, 30).Changes().Limit(2).Values('ID')", ["A", "B"]),
        ("G.At(1030, 30).Changes().Range(1, 3).Values('ID')", ["B", "HB"]),
        ("G.At(1030, 30).Changes().Has('Keys.Key', 'State', 'Change', 'updated').Values('ID')", ["A"]),
        ("G.At(1030, 30).Changes().Sort(DESC).Limit(1).Values('Time')", [1_020_000]),
        ("G.At(1030, 30).Changes().Dedup('ID').Count()", 4),
        ("G.At(1010, 10).Changes().Count()", 1),
        ("G.At(1009, 9).Changes().Count()", 0),
        ("G.Diff(1000, 1030).Values('ID')", ["B", "HB", "A", "HA"]),
        ("G.Diff(999, 1012).Values('Change')", ["added", "added", "added"]),
        ("G.Diff(1000, 1012).Has('Kind', 'node').ValueMap('ID', 'Change')", [{"ID": "A", "Change": "updated"}]),
        ("G.Diff(1012, 1000).Values('Change')", ["updated"]),
        ("G.Diff(1012, 999).Values('Change')", ["removed", "removed", "removed"]),
        ("G.Diff(1021, 1030)", []),
        ("G.At(NOW, '10m').TopTalkers(1).Values('Address')", ["192.168.0.20"]),
    ],
)
async def test_changes_are_filtered_and_counted_like_other_results(query: str, expected: object) -> None:
    assert await _told(query) == expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("G.Changes()", "needs an interval"),
        ("G.At(1000).Changes()", "needs an interval"),
        ("G.At(1, 1).Changes('x')", "takes no argument"),
        ("G.V().SubGraph().Changes()", "cannot follow SubGraph"),
        ("G.TopTalkers()", "needs an interval"),
        ("G.At(1).TopTalkers(5)", "needs an interval"),
        ("G.Diff('-1h')", "takes two times"),
        ("G.Diff('-1h', 'x')", "is not a time"),
        ("G.V().Diff('-1h', NOW)", "works on the graph"),
    ],
)
async def test_what_cannot_be_told_is_refused_at_its_place(query: str, words: str) -> None:
    with pytest.raises(QueryError, match=words) as refused:
        await run(parse(query), lab_sources())

    assert refused.value.span is not None


async def test_more_changes_than_the_limit_are_named_as_cut() -> None:
    sources = Sources(live_graph([], []), history=timeline())

    cut = await run(parse("G.At(1030, 30).Changes()"), sources, Limits(rows=3))
    meant = await run(parse("G.At(1030, 30).Changes().Limit(3)"), sources)

    assert (len(cut.rows), cut.truncated) == (3, True)
    assert (len(meant.rows), meant.truncated) == (3, False)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("G.At(1)", None),
        ("G.At(1).V().Has('Name', 'x').Out()", None),
        ("G.At(1).V().Has('Name', 'x').G.E()", None),
        ("G.At(1).V()", Wanted(Kind.NODES)),
        ("G.At(1).E('l1').Values('Type')", Wanted(Kind.EDGES, "l1")),
        ("G.At(1).V().Has('Name', 'x').Count()", Wanted(texts=(('"x"',), ('Name":',)))),
        ("G.At(1).V().Has('MTU', 1500)", Wanted(texts=(("1500",), ('MTU":',)))),
        ("G.At(1).V().Has('MTU', 0.5)", Wanted(texts=(('MTU":',),))),
        ("G.At(1).V().Has('ExtID.vm-id', Within('a', 'b'))", Wanted(texts=(('"a"', '"b"'), ('vm-id":',)))),
        ("G.At(1).V().HasNot('Name').Has('MTU', Gt(1))", Wanted(texts=(('MTU":',),))),
        ("G.At(1).V().Has('Name', Nee('x'), '@Host', 'h')", Wanted()),
        ("G.At(1).V().HasEither('Name', 'x', 'MTU', Gt(5))", Wanted(texts=(('"x"', 'MTU":'),))),
        ("G.At(1).V().Limit(3).Has('Name', 'x')", Wanted()),
        ("G.At(1).V().Has('Name', '\\u00fc\"')", Wanted(texts=(('"ü\\""',), ('Name":',)))),
    ],
)
async def test_history_is_asked_for_what_the_plan_looks_at(query: str, wanted: Wanted | None) -> None:
    history = timeline()

    await run(parse(query), Sources(live_graph([], []), history=history))

    assert history.wanted == [wanted]


async def test_a_feed_of_changes_needs_no_graph() -> None:
    history = timeline()

    await run(parse("G.At(1030, 30).Changes().Count()"), Sources(live_graph([], []), history=history))

    assert history.asked == []
