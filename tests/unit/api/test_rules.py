# SPDX-License-Identifier: Apache-2.0
"""/api/noderule and /api/edgerule as clients of the reference use them, and what they could not do before."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from netsonde.api.app import create_app
from unit.api.fakes import Fakes
from unit.declared.memory import Analyzer, memory_stores, node

OWNED = {"Action": "update", "Query": "G.V().Has('Type', 'device')", "Metadata": {"Owner": "net team"}}
LINKED = {"Src": "G.V().Has('Name', 'a')", "Dst": "G.V().Has('Name', 'b')", "Metadata": {"RelationType": "layer2"}}


@pytest.fixture
def analyzer() -> Analyzer:
    made = Analyzer(memory_stores())
    made.agent_says(node("a", origin="agent.h1"), node("b", origin="agent.h1"))
    return made


@pytest.fixture
def client(analyzer: Analyzer) -> Iterator[Any]:
    fakes = Fakes.new()
    fakes.stated = analyzer
    fakes.merged = analyzer.graph
    with TestClient(create_app(fakes.services()), base_url="http://127.0.0.1:8082") as client:
        yield client


def test_the_life_of_a_node_rule(client: Any, analyzer: Analyzer) -> None:
    answer = client.post("/api/noderule", json=OWNED)
    created = answer.json()
    assert (answer.status_code, created["Count"], created["Reason"]) == (201, 2, "")
    # All fields are always there, as the reference's are.
    assert {"UUID", "Name", "Description", "Metadata", "Action", "Query"} <= created.keys()
    assert analyzer.shown("a")["Owner"] == "net team"
    assert client.get("/api/noderule").json() == {created["UUID"]: created}
    assert client.get(answer.headers["location"]).json() == created
    deleted = client.delete(answer.headers["location"])
    assert (deleted.status_code, deleted.headers["content-type"][:10]) == (200, "text/plain")
    assert "Owner" not in analyzer.shown("a")
    missing = client.get(answer.headers["location"])
    assert (missing.status_code, missing.text.split("\n")[0]) == (404, f"NodeRule '{created['UUID']}' not found")


def test_the_life_of_an_edge_rule(client: Any, analyzer: Analyzer) -> None:
    created = client.post("/api/edgerule", json=LINKED).json()
    assert (created["Count"], analyzer.graph.edge_count()) == (1, 1)
    edge = next(iter(analyzer.graph.edges()))
    refused = client.delete(f"/api/edge/{edge.id}")
    assert (refused.status_code, created["UUID"] in refused.text) == (409, True)
    assert client.delete(f"/api/edgerule/{created['UUID']}").status_code == 200
    assert analyzer.graph.edge_count() == 0


def test_a_rule_can_be_changed(client: Any, analyzer: Analyzer) -> None:
    created = client.post("/api/noderule", json=OWNED)
    where = created.headers["location"]
    patch = [{"op": "replace", "path": "/Metadata/Owner", "value": "me"}]
    changed = client.patch(where, json=patch, headers={"If-Match": created.headers["etag"]})
    assert (changed.status_code, analyzer.shown("a")["Owner"]) == (200, "me")
    assert client.patch(where, json=patch).json() == changed.json()
    assert client.patch(where, json=[], headers={"If-Match": created.headers["etag"]}).status_code == 412
    assert client.patch(where, json={"UUID": "x"}).status_code == 400


def test_a_preview_changes_nothing(client: Any, analyzer: Analyzer) -> None:
    found = client.post("/api/noderule/preview", json=OWNED).json()
    assert (found["Matching"], [one["Name"] for one in found["Nodes"]]) == (2, ["a", "b"])
    pairs = client.post("/api/edgerule/preview", json=LINKED).json()
    assert [(one["Parent"]["ID"], one["Child"]["ID"]) for one in pairs["Edges"]] == [("a", "b")]
    assert (analyzer.shown("a").get("Owner"), analyzer.graph.edge_count()) == (None, 0)


def test_a_rule_may_have_an_end(client: Any) -> None:
    created = client.post("/api/noderule", json=OWNED, headers={"X-Resource-TTL": "1h"}).json()
    assert created["ExpiresAt"] == created["CreatedAt"] + 3_600_000


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"Action": "create", "Metadata": None, "Query": ""}, "Metadata.Type"),
        ({**OWNED, "Metadata": {"MTU": "big"}}, "Metadata.MTU"),
        ({**OWNED, "Query": "G.V("}, "( is never closed"),
        ({**OWNED, "Querry": "G"}, "did you mean"),
    ],
)
def test_a_wrong_rule_is_refused_in_words(client: Any, body: dict[str, Any], words: str) -> None:
    answer = client.post("/api/noderule", json=body)
    assert answer.status_code == 400
    assert words in answer.text
