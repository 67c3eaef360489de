# SPDX-License-Identifier: Apache-2.0
"""Completions of this program itself: steps that fit, keys and values of the graph, nothing where nothing may stand."""

from pathlib import Path

import msgspec
import pytest

from netsonde.cli.offline import GraphFile
from unit.api.fakes import a_node, an_edge


@pytest.fixture
def dump(tmp_path: Path) -> GraphFile:
    file = tmp_path / "dump.json"
    nodes = [a_node("it's", MTU=1500, IPV4=["192.0.2.1/24"]), a_node("b", Type="bridge")]
    file.write_bytes(msgspec.json.encode({"Nodes": nodes, "Edges": [an_edge("e", "b", "it's")]}))
    return GraphFile(file)


def texts(dump: GraphFile, typed: str) -> list[str]:
    """Return the whole query that each completion makes of what was typed."""
    found = dump.complete(typed, len(typed))
    return [typed[: found.start] + item.text + typed[found.end :] for item in found.items]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", "G"),
        ("G.", "G.V("),
        ("G.V().Ha", "G.V().HasKey("),
        ("G.V().has", "G.V().HasEither("),
        ("G.V().OutE().", "G.V().OutE().OutV("),
        ("G.V().Has(", "G.V().Has('MTU'"),
        ("G.V().Has('Na", "G.V().Has('Name'"),
        ("G.V().Has('Name', ", r"G.V().Has('Name', 'it\'s'"),
        ("G.V().Has('Name', ", "G.V().Has('Name', IpRange("),
        ("G.V().Has('MTU', ", "G.V().Has('MTU', 1500"),
        ("G.V().Has('IPV4', '192", "G.V().Has('IPV4', '192.0.2.1/24'"),
        ("G.V().Has('Type', Within('bridge', 'v", "G.V().Has('Type', Within('bridge', 'veth'"),
        ("G.V().OutE('Re", "G.V().OutE('RelationType'"),
        ("G.E().Has('RelationType', ", "G.E().Has('RelationType', 'ownership'"),
        ("G.V().Has('Name', 'b').Values(", "G.V().Has('Name', 'b').Values('Type'"),
    ],
)
def test_what_may_stand_there_is_offered(dump: GraphFile, typed: str, offered: str) -> None:
    assert offered in texts(dump, typed)


@pytest.mark.parametrize(
    ("typed", "absent"),
    [
        ("G.", "G.Out("),
        ("G.V().Values('Name').", "G.V().Values('Name').Out("),
        ("G.V().Has('Name', 'x', ", "G.V().Has('Name', 'x', Gt("),
    ],
)
def test_what_may_not_stand_there_is_not(dump: GraphFile, typed: str, absent: str) -> None:
    assert absent not in texts(dump, typed)


@pytest.mark.parametrize(
    "typed", ["G.V().Has('Name'", "G.V()", "G.V().Has('Name', 5", "hello world ", "))((", "'", ".(", "G.V(("]
)
def test_nothing_is_offered_where_nothing_fits(dump: GraphFile, typed: str) -> None:
    assert texts(dump, typed) == []


def test_the_text_behind_the_cursor_stays(dump: GraphFile) -> None:
    found = dump.complete("G.V().Ha.Count()", len("G.V().Ha"))
    assert (found.start, found.end) == (6, 8)
