# SPDX-License-Identifier: Apache-2.0
"""`--at` makes a query about the present one about the past."""

import pytest

from netsonde.cli.past import as_of
from netsonde.errors import UserError
from netsonde.query import parse


@pytest.mark.parametrize(
    ("query", "time", "text"),
    [
        ("G.V()", "-5m", "G.At('-5m').V()"),
        ("G", "1700000000", "G.At(1700000000)"),
        ("G()", "1.5", "G().At(1.5)"),
        (" g . V() // all", "now", " g . At('now').V() // all"),
        ("G // the graph", "-1h", "G // the graph\n.At('-1h')"),
        ("G.V().Has('Name', 'At(1)')", "2026-03-01T10:00:00Z", "G.At('2026-03-01T10:00:00Z').V().Has('Name', 'At(1)')"),
    ],
)
def test_the_time_goes_where_the_graph_begins(query: str, time: str, text: str) -> None:
    assert as_of(query, time) == text
    parse(text)


def test_an_interval_ends_at_the_time() -> None:
    assert as_of("G.Flows()", "-1h", "10m") == "G.At('-1h', '10m').Flows()"


def test_two_times_are_refused_where_the_second_stands() -> None:
    with pytest.raises(UserError, match="says its time itself") as raised:
        as_of("G.At('-1h').V()", "-5m")
    assert raised.value.span is not None
    assert raised.value.span.start == 2


def test_a_mistake_of_the_query_stays_its_own() -> None:
    with pytest.raises(UserError, match="never closed"):
        as_of("G.V(", "-5m")
