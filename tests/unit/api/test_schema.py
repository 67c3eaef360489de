# SPDX-License-Identifier: Apache-2.0
"""/api/schema and /api/query/complete."""

from typing import Any

from unit.api.fakes import Fakes, a_node

COMPLETE = "/api/query/complete"


def test_the_list_has_steps_predicates_keys_and_fields(client: Any) -> None:
    answer = client.get("/api/schema").json()
    assert answer["Version"] == "1.3"
    (mtu,) = [key for key in answer["Keys"] if (key["Key"], key["Producer"]) == ("MTU", "netlink")]
    assert {name: mtu[name] for name in ("Type", "Unit", "On", "Example")} == {
        "Type": "integer",
        "Unit": "B",
        "On": "node",
        "Example": 1500,
    }
    assert "veth" in mtu["Types"]
    (out,) = [step for step in answer["Steps"] if step["Name"] == "Out"]
    assert (out["Aliases"], out["Takes"]["flows"]) == ([], "nodes")
    assert {"Name", "Doc", "Example"} == answer["Predicates"][0].keys()
    assert "Network.A" in {field["Key"] for field in answer["FlowFields"]}
    assert "Match" in {field["Key"] for field in answer["RuleFields"]}
    assert "Buckets.Weight" in {field["Key"] for field in answer["GroupFields"]}
    assert {"Type": "container", "Kind": "container", "Group": True} in answer["Looks"]
    assert "RxBytes" in {field["Key"] for field in answer["MetricFields"]}


def test_the_list_is_not_sent_again_to_who_has_it(client: Any) -> None:
    tag = client.get("/api/schema").headers["etag"]
    again = client.get("/api/schema", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_step_is_completed_at_the_cursor(client: Any) -> None:
    answer = client.post(COMPLETE, json={"GremlinQuery": "G.V().hask('x')", "Cursor": 10})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["From"], found["To"]) == (6, 10)
    assert found["Items"][0]["Text"] == "HasKey"
    assert found["Items"][0]["Kind"] == "step"


def test_keys_and_values_come_from_the_live_graph(client: Any, fakes: Fakes) -> None:
    fakes.graph.put(a_node("tap0", Rack="r1"))
    keys = client.post(COMPLETE, json={"GremlinQuery": "G.V().Has('Ra"}).json()["Items"]
    assert keys[0]["Text"] == "Rack"
    values = client.post(COMPLETE, json={"GremlinQuery": "G.V().Has('Rack', '"}).json()["Items"]
    assert [(item["Text"], item["Kind"]) for item in values] == [("r1", "value")]


def test_a_cursor_beyond_the_text_and_a_body_without_query_are_answered(client: Any) -> None:
    assert client.post(COMPLETE, json={"GremlinQuery": "G.", "Cursor": 99}).json()["From"] == 2
    assert client.post(COMPLETE, json={"Cursor": -5}).json()["To"] == 0
