# SPDX-License-Identifier: Apache-2.0
"""/api/node, /api/edge, /api/annotation and /api/import over the real service, in the shapes of the reference."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from netsonde.api.app import create_app
from unit.api.fakes import NOW_MS, Fakes
from unit.declared.memory import Analyzer, memory_stores, node

RACK: dict[str, Any] = {"ID": "rack1", "Metadata": {"Name": "rack1", "Type": "rack"}}
LINK: dict[str, Any] = {"ID": "l1", "Parent": "rack1", "Child": "eth0", "Metadata": {"RelationType": "layer2"}}
PROBLEM = {"Accept": "application/problem+json"}


@pytest.fixture
def analyzer() -> Analyzer:
    made = Analyzer(memory_stores())
    # Without the running service nobody follows the buckets; what this analyzer writes itself it applies at once.
    made.agent_says(node("eth0", origin="agent.h1", MTU=1500))
    return made


@pytest.fixture
def server(analyzer: Analyzer) -> Iterator[Any]:
    fakes = Fakes.new()
    fakes.declared, fakes.merged = analyzer.declared, analyzer.graph
    with TestClient(create_app(fakes.services()), base_url="http://127.0.0.1:8082") as client:
        yield client


def test_a_node_is_created_read_listed_and_deleted(server: Any) -> None:
    made = server.post("/api/node", json=RACK)
    assert (made.status_code, made.headers["location"]) == (201, "/api/node/rack1")
    assert made.json() == {
        **RACK,
        "Host": "",
        "Origin": "api.a1",
        "CreatedAt": NOW_MS,
        "UpdatedAt": NOW_MS,
        "DeletedAt": None,
        "Revision": 1,
    }
    assert server.get("/api/node/rack1").json() == made.json()
    assert server.get("/api/node").json().keys() == {"eth0", "rack1"}
    gone = server.delete("/api/node/rack1")
    assert (gone.status_code, gone.content) == (200, b"")
    assert server.get("/api/node/rack1").status_code == 404


def test_what_the_references_python_client_sends_is_kept(server: Any) -> None:
    body = {**RACK, "Host": "h9", "Origin": "script.h9", "CreatedAt": 5, "UpdatedAt": 6, "Revision": 2}
    assert server.post("/api/node", json=body).json() == {**body, "DeletedAt": None}


@pytest.mark.parametrize("name", ["стойка", "a?b#c", "50%", "a b"])
def test_the_place_of_a_new_element_can_be_followed_whatever_its_id(server: Any, name: str) -> None:
    made = server.post("/api/node", json={**RACK, "ID": name})
    led = server.post("/api/edge", json={**LINK, "ID": name, "Parent": name})
    assert (made.status_code, led.status_code) == (201, 201)
    assert server.get(made.headers["location"]).json()["ID"] == name
    assert server.get(led.headers["location"]).json()["Parent"] == name


def test_a_node_without_an_id_gets_one_and_an_edge_that_of_its_ends(server: Any) -> None:
    first = server.post("/api/node", json={"Metadata": RACK["Metadata"]}).json()["ID"]
    assert len(first) == 36
    edge = {name: value for name, value in LINK.items() if name != "ID"}
    assert server.post("/api/edge", json=edge).status_code == 201
    assert server.post("/api/edge", json=edge).status_code == 409


def test_an_edge_says_what_it_waits_for(server: Any) -> None:
    made = server.post("/api/edge", json=LINK)
    assert (made.status_code, made.headers["x-waiting-for"]) == (201, "parent")
    assert server.get("/api/edge").json().keys() == {"l1"}
    server.post("/api/node", json=RACK)
    assert "x-waiting-for" not in server.get("/api/edge/l1").headers
    assert server.delete("/api/edge/l1").status_code == 200


def test_a_patch_of_a_created_node_changes_its_metadata_alone(server: Any) -> None:
    server.post("/api/node", json=RACK)
    changed = server.patch(
        "/api/node/rack1",
        json=[
            {"op": "add", "path": "/Metadata/Row", "value": 4},
            {"op": "replace", "path": "/Metadata/Name", "value": "other"},
            {"op": "replace", "path": "/Host", "value": "other"},
        ],
    ).json()
    assert (changed["Metadata"], changed["Host"]) == ({"Name": "rack1", "Type": "rack", "Row": 4}, "")
    assert changed["Revision"] == 2
    again = server.patch("/api/node/rack1", json={"Metadata": {"Row": 4}})
    assert (again.status_code, again.json()["Revision"]) == (200, 2)
    replaced = server.put("/api/node/rack1", json={"Metadata": {"Floor": 1}}).json()
    assert replaced["Metadata"] == {"Name": "rack1", "Type": "rack", "Floor": 1}


def test_a_patch_of_an_edge_changes_all_of_its_metadata(server: Any) -> None:
    server.post("/api/edge", json=LINK)
    changed = server.patch("/api/edge/l1", json={"Metadata": {"RelationType": "l3", "Cost": 2}}).json()
    assert changed["Metadata"] == {"RelationType": "l3", "Cost": 2}
    assert server.put("/api/edge/l1", json={"Metadata": {"RelationType": "l2"}}).json()["Metadata"] == {
        "RelationType": "l2"
    }


def test_a_patch_of_a_probes_node_is_an_annotation(server: Any, analyzer: Analyzer) -> None:
    changed = server.patch("/api/node/eth0", json=[{"op": "add", "path": "/Metadata/Owner", "value": "me"}])
    assert changed.json()["Metadata"]["Owner"] == "me"
    analyzer.agent_says(node("eth0", origin="agent.h1", MTU=1400))
    assert analyzer.shown("eth0") == {"Name": "eth0", "Type": "device", "MTU": 1400, "Owner": "me"}
    assert server.get("/api/annotation").json() == {"eth0": {"Owner": "me"}}
    assert server.delete("/api/annotation/eth0").status_code == 200
    assert "Owner" not in analyzer.shown("eth0")
    assert server.delete("/api/annotation/eth0").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/api/node", {"Metadata": {"Type": "rack"}}, 400, "Metadata.Name: Name is missing"),
        ("POST", "/api/node", {"ID": "x", "Metadata": []}, 400, "Metadata"),
        ("POST", "/api/node", {**RACK, "Id2": 1}, 400, "unknown member 'Id2'"),
        ("POST", "/api/node", {**RACK, "ID": "x" * 600}, 400, "ID has 600 characters"),
        ("POST", "/api/node", {**RACK, "ID": "a\nb"}, 400, "ID has control characters"),
        ("POST", "/api/node", {**RACK, "CreatedAt": -1}, 400, "CreatedAt: -1"),
        ("POST", "/api/node", {**RACK, "DeletedAt": 5}, 400, "DeletedAt"),
        ("POST", "/api/node", {"Metadata": {**RACK["Metadata"], "MTU": "big"}}, 400, "Metadata.MTU"),
        ("POST", "/api/node", {"Metadata": {**RACK["Metadata"], "x": 1 << 70}}, 400, "Metadata.x: a whole number"),
        ("POST", "/api/node", {"Metadata": {**RACK["Metadata"], "x": "y" * 70000}}, 400, "more than 65536"),
        ("POST", "/api/edge", {**LINK, "Parent": ""}, 400, "Parent is missing"),
        ("POST", "/api/edge", {**LINK, "Metadata": {}}, 400, "RelationType is missing"),
        ("PATCH", "/api/node/nobody", [], 404, "Node 'nobody' not found"),
        ("PATCH", "/api/node/eth0", [{"op": "remove", "path": "/Metadata/MTU"}], 409, "what a probe or a rule says"),
        ("PATCH", "/api/node/eth0", [{"op": "remove", "path": "/Metadata"}], 400, "must stay an object"),
        ("PATCH", "/api/node/eth0", {"Metadata": {"MTU": "big"}}, 400, "Metadata.MTU"),
        ("DELETE", "/api/node/eth0", None, 409, "shown by agent.h1"),
        ("DELETE", "/api/node/nobody", None, 404, "Node 'nobody' not found"),
        ("GET", "/api/edge/nobody", None, 404, "Edge 'nobody' not found"),
        ("POST", "/api/node", {**RACK, "ID": "eth0"}, 409, "Node ID conflict: eth0"),
        ("POST", "/api/import/a.b", {"Nodes": []}, 400, "cannot be called"),
        ("DELETE", "/api/import/none", None, 404, "no import 'none'"),
        ("POST", "/api/import/dc/finish?run=r", None, 409, "knows of no run"),
    ],
)
def test_what_is_wrong_is_told_with_place_and_hint(
    server: Any, method: str, path: str, body: object, status: int, words: str
) -> None:
    answer = server.request(method, path, json=body, headers=PROBLEM)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert answer.json()["hint"]


def test_metadata_nested_without_end_is_refused(server: Any) -> None:
    deep = b'{"Metadata":' + b'{"a":' * 5000 + b"1" + b"}" * 5001
    assert server.post("/api/node", content=deep).status_code == 400
    assert server.post("/api/import/dc", content=b'{"Nodes":[' + deep + b"]}").status_code in (200, 400)


@pytest.mark.parametrize(
    "body",
    [
        b'{"Nodes":[%b],"Edges":[%b]}',
        b'[{"Edges":null,"Nodes":[%b,%b]}]',
        b'{"Netsonde":"topology","Version":1}\n{"Node":%b}\n\n{"Edge":%b}\n',
    ],
)
def test_an_import_takes_every_form_of_a_graph(server: Any, analyzer: Analyzer, body: bytes) -> None:
    first = (
        b'{"ID":"n1","Metadata":{"Name":"n1","Type":"t"},"Host":"h7","Origin":"agent.h7","CreatedAt":7,"Revision":9}'
    )
    second = b'{"ID":"x2","Metadata":{},"Host":"","Origin":"","CreatedAt":7,"Parent":"n1","Child":"n1"}'
    report = server.post("/api/import/dc", content=body % (first, second)).json()
    assert (report["Added"], report["Refused"]) == (2, 0)
    shown = analyzer.graph.node("n1")
    assert shown is not None
    assert (shown.host, shown.origin, shown.created_at, shown.revision) == ("h7", "agent.h7", 7, 9)
    assert server.get("/api/import").json()["dc"]["Name"] == "dc"
    assert server.delete("/api/import/dc").json()["Removed"] == 2


def test_a_damaged_element_does_not_spoil_the_others(server: Any) -> None:
    body = {"Nodes": [{"ID": "n1"}, {"ID": 5}, "text", {"ID": "n2", "Metadata": {"x": 1 << 70}}]}
    report = server.post("/api/import/dc?dry_run=true", json=body).json()
    assert (report["Added"], report["Refused"]) == (1, 3)
    assert server.get("/api/import").json() == {}


def test_a_finished_run_deletes_the_rest(server: Any) -> None:
    server.post("/api/import/dc", json={"Nodes": [{"ID": "n1"}, {"ID": "n2"}]})
    server.post("/api/import/dc?run=r", json={"Nodes": [{"ID": "n2"}]})
    assert server.post("/api/import/dc/finish?run=r").json()["Removed"] == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_BODY = _JSON | st.fixed_dictionaries(
    {}, optional={name: _JSON for name in ("ID", "Metadata", "Host", "Parent", "Child", "Revision", "Nodes", "Edges")}
)


def test_whatever_is_sent_is_answered_without_a_failure(client: Any) -> None:
    @settings(max_examples=60)
    @given(body=_BODY)
    def send(body: object) -> None:
        for path in ("/api/node", "/api/edge", "/api/import/dc"):
            assert client.post(path, json=body).status_code < 500

    send()
