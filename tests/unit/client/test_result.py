# SPDX-License-Identifier: Apache-2.0
"""Answers in other forms: rows, Arrow, pandas, networkx."""

import sys
from typing import Any

import msgspec
import networkx
import pandas
import pyarrow as pa
import pytest

from netsonde.client import G, Missing, Result, UserError
from netsonde.client.call import Answer
from netsonde.client.errors import error_of
from unit.api.fakes import a_node, an_edge


def result(data: object) -> Result:
    return Result(Answer(200, {}, msgspec.json.encode(data)))


GRAPH = result(
    [{"Nodes": [a_node("a", MTU=1500), a_node("b", ExtID={"vm-id": "7"})], "Edges": [an_edge("e", "a", "b")]}]
)
FLOWS = result([{"UUID": "f", "Network": {"A": "192.0.2.1"}, "Metric": {"ABBytes": 10}}, {"UUID": "g", "Last": 5}])


def test_rows_have_the_names_that_queries_use() -> None:
    first, second, edge = GRAPH.rows()
    assert (first["ID"], first["MTU"]) == ("a", 1500)
    assert second["ExtID.vm-id"] == "7"
    assert (edge["Parent"], edge["RelationType"]) == ("a", "ownership")
    assert FLOWS.rows()[0] == {"UUID": "f", "Network.A": "192.0.2.1", "Metric.ABBytes": 10}
    assert result([1, "x"]).rows() == [{"value": 1}, {"value": "x"}]
    assert result(3).rows() == [{"value": 3}]
    assert result([{"n1": [{"RxBytes": 1}, {"RxBytes": 2}]}]).rows() == [
        {"Of": "n1", "RxBytes": 1},
        {"Of": "n1", "RxBytes": 2},
    ]
    assert [row["Path"] for row in result([[a_node("a")], [a_node("b"), a_node("c")]]).rows()] == [0, 1, 1]
    assert Result(Answer(204, {}, b"")).rows() == []


def test_arrow_has_a_column_for_each_key() -> None:
    table = FLOWS.arrow()
    assert isinstance(table, pa.Table)
    assert table.column("Metric.ABBytes").to_pylist() == [10, None]
    assert table.schema.field("Last").type == pa.int64()


def test_a_column_of_several_types_is_text() -> None:
    table = result([{"v": 1}, {"v": "x"}, {"v": None}, {"v": [1]}, {"v": 2**70}]).arrow()
    assert table.column("v").to_pylist() == ["1", "x", None, "[1]", str(2**70)]


def test_pandas_gets_a_row_for_each() -> None:
    frame = FLOWS.pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["UUID"]) == ["f", "g"]
    assert frame["Metric.ABBytes"].sum() == 10


def test_networkx_gets_metadata_as_attributes() -> None:
    graph = GRAPH.networkx()
    assert networkx.shortest_path(graph, "a", "b") == ["a", "b"]
    assert graph.nodes["a"]["MTU"] == 1500
    assert graph.edges["a", "b", "e"]["RelationType"] == "ownership"


@pytest.mark.parametrize("package", ["pandas", "networkx"])
def test_an_absent_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Missing, match=f"{package} is not installed") as raised:
        getattr(GRAPH, package)()
    assert raised.value.hint == f"pip install {package}"


def test_structs_of_another_kind_are_refused() -> None:
    with pytest.raises(UserError, match="does not answer like Netsonde"):
        FLOWS.nodes()


@pytest.mark.parametrize(
    ("query", "data", "value"),
    [
        (G, [{"Nodes": None, "Edges": None}], []),
        (G.V().count(), 3, 3),
        (G.V().values("Name"), ["a", None], ["a", None]),
        (G.V().shortest_path_to({"Type": "host"}), [[a_node("a")]], [[a_node("a")]]),
        (G.E(), [an_edge("e", "a", "b")], [an_edge("e", "a", "b")]),
        (G.V().metrics(), [{"n1": [{"RxBytes": 1}]}], {"n1": [{"RxBytes": 1}]}),
        (G.V().metrics(), [], {}),
        (G.flows(), [], []),
    ],
    ids=lambda part: getattr(part, "text", ""),
)
def test_a_built_query_decodes_what_it_gives(query: Any, data: object, value: object) -> None:
    decoded = query.decode(msgspec.json.encode(data))
    assert getattr(decoded, "nodes", decoded) == value


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"detail": 5}', b"<html>" * 10_000])
@pytest.mark.parametrize("kind", ["text/html", "application/problem+json"])
def test_any_answer_makes_an_error_that_can_be_shown(body: bytes, kind: str) -> None:
    assert 0 < len(error_of(500, kind, body, "http://h").explain()) < 5000
