# SPDX-License-Identifier: Apache-2.0
"""Who answers, health, login, settings, status and the description of the API."""

import base64
import json
from typing import Any

from netsonde import __version__
from unit.api.fakes import Fakes


def test_the_server_says_who_it_is(client: Any) -> None:
    assert client.get("/api").json() == {"Host": "a1", "Version": __version__, "Service": "analyzer"}


def test_a_login_is_accepted_while_nobody_has_to_log_in(client: Any) -> None:
    answer = client.post("/login", data={"username": "admin", "password": "x"})
    assert answer.status_code == 200
    assert answer.json()["Token"] == ""
    assert {"Object": "capture", "Action": "write", "Allowed": True} in answer.json()["Permissions"]
    cookie = answer.headers["set-cookie"].removeprefix("permissions=").partition(";")[0]
    assert json.loads(base64.b64decode(cookie)) == answer.json()["Permissions"]
    assert "authtoken" not in answer.headers["set-cookie"]


def test_it_is_healthy_but_not_ready_until_all_is_there(client: Any, fakes: Fakes) -> None:
    fakes.status.missing = ["no agent has sent its topology yet"]
    assert client.get("/healthz").text == "ok\n"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["Missing"]) == (503, ["no agent has sent its topology yet"])
    fakes.status.missing = []
    assert client.get("/readyz").status_code == 200


def test_metrics_are_prometheus_text(client: Any) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "netsonde_up 1" in answer.text


def test_a_setting_is_read_by_its_path_in_any_case(client: Any) -> None:
    assert client.get("/api/config/Analyzer.Listen").json() == "127.0.0.1:8082"
    assert client.get("/api/config/nothing").text == "null\n"


def test_the_status_has_the_shape_of_the_reference_and_ours_beside_it(client: Any, fakes: Fakes) -> None:
    fakes.status.missing = ["history"]
    status = client.get("/api/status").json()
    assert status["Agents"]["h1"]["IsConnected"] is True
    assert status["Peers"] == {"Incomers": {}, "Outgoers": {}}
    assert status["Captures"] == {"IsMaster": True}
    assert status["Probes"]["bus"]["Status"] == "running"
    assert (status["Ready"], status["Missing"]) == (False, ["history"])
    assert [one["Service"] for one in status["Processes"]] == ["agent", "analyzer"]


def test_the_description_covers_every_route_with_body_and_error(client: Any) -> None:
    schema = client.get("/api/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    create = schema["paths"]["/api/capture"]["post"]
    reference = create["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert "GremlinQuery" in schema["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
    assert "application/problem+json" in create["responses"]["400"]["content"]
    assert {"/api/topology", "/api/status", "/api/pcap", "/api/flows", "/login", "/metrics"} <= schema["paths"].keys()
    operations = [one.get("operationId") for item in schema["paths"].values() for one in item.values()]
    assert len(operations) == len(set(operations))


def test_every_reference_in_the_description_leads_somewhere(client: Any) -> None:
    text = client.get("/api/openapi.json").text
    schemas = json.loads(text)["components"]["schemas"]
    used = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= schemas.keys()


def test_the_documentation_loads_nothing_from_elsewhere(client: Any) -> None:
    answer = client.get("/api/docs")
    assert "POST /api/capture" in answer.text
    assert "http" not in answer.text.replace("http-equiv", "")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_an_unknown_path_and_method_are_told_in_words(client: Any) -> None:
    assert client.get("/api/nothing").text.startswith("nothing is at /api/nothing\n")
    answer = client.put("/api/capture")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_an_unexpected_failure_shows_a_number_and_no_trace(client: Any, fakes: Fakes) -> None:
    def broken(_: str) -> Any:
        raise ZeroDivisionError("secret detail")

    fakes.status.setting = broken  # type: ignore[assignment, method-assign]
    answer = client.get("/api/config/x")
    assert answer.status_code == 500
    assert answer.text.startswith("internal error ")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
