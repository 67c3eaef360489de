# SPDX-License-Identifier: Apache-2.0
"""Expressions in JavaScript: what they may ask, what stops them, what their values mean."""

import json
from collections.abc import AsyncIterator

import pytest

from netsonde.alerts.scripting import AlertScripts, QueryHost
from netsonde.errors import UserError
from netsonde.observe import Health
from netsonde.scripts.limits import ScriptLimits
from netsonde.scripts.pool import Scripts
from unit.alerts.fakes import GraphQueries, Held, new_graph


@pytest.fixture
def queries() -> GraphQueries:
    held = Held(new_graph())
    held.put("eth0", State="DOWN")
    return held.queries


@pytest.fixture
async def scripts(queries: GraphQueries) -> AsyncIterator[AlertScripts]:
    pool = Scripts(Health("scripts"))
    yield AlertScripts(pool, queries)
    await pool.close()


async def test_an_expression_of_the_reference_runs_unchanged(scripts: AlertScripts) -> None:
    expression = "JSON.parse(Gremlin(\"G.V().Has('State', 'DOWN')\")).map(function(n) { return n.Metadata.Name })"
    await scripts.check(expression)
    assert await scripts.evaluate(expression) == ["eth0"]
    assert await scripts.evaluate("Gremlin('G.V().Limit(0)')") == "[]"


async def test_what_is_neither_a_query_nor_javascript_is_refused(scripts: AlertScripts) -> None:
    with pytest.raises(UserError, match="neither a query nor JavaScript"):
        await scripts.check("nodes that are down")


async def test_a_script_that_throws_or_never_ends_is_an_error(
    scripts: AlertScripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="nowhere is not defined"):
        await scripts.evaluate("nowhere.length")
    monkeypatch.setattr("netsonde.alerts.scripting._LIMITS", ScriptLimits(seconds=0.2, memory_mib=64))
    with pytest.raises(UserError, match="longer than"):
        await scripts.evaluate("for (;;) {}")


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        (("POST", "/api/topology", '{"GremlinQuery": "G.V().Count()"}'), 200, "1"),
        (("POST", "/api/topology", '{"GremlinQuery": "G.V("}'), 400, "never closed"),
        (
            ("POST", "/api/topology", '{"GremlinQuery": "G.Flows().RawPackets()"}'),
            400,
            "may not see what is in packets",
        ),
        (("POST", "/api/topology", "{"), 400, "truncated"),
        (("POST", "/api/capture", "{}"), 403, "only ask queries"),
        (("DELETE", "/api/topology", ""), 403, "only ask queries"),
    ],
)
async def test_a_script_may_only_ask_queries(
    queries: GraphQueries, asked: tuple[str, str, str], status: int, said: str
) -> None:
    answer = await QueryHost(queries).request(*asked, {})
    assert answer.status == status
    assert said in answer.body


async def test_a_query_whose_source_is_away_says_so(queries: GraphQueries) -> None:
    queries.away = True
    answer = await QueryHost(queries).request("POST", "/api/topology", json.dumps({"GremlinQuery": "G.V()"}), {})
    assert (answer.status, answer.body) == (503, "no agent answers")
