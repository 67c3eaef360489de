# SPDX-License-Identifier: Apache-2.0
"""/api/check: create, read, run, change, delete."""

from typing import Any

import pytest

from unit.api.fakes import NOW_MS

PATH = "/api/check"
BODY = {"Name": "vms", "GremlinQuery": "G.V()", "Steps": [{"Type": "dhcp", "Parameters": {"Server": "10.0.0.1"}}]}


@pytest.fixture
def uuid(client: Any) -> str:
    made: str = client.post(PATH, json=BODY).json()["UUID"]
    return made


def test_a_check_is_created_with_its_counts_and_place(client: Any) -> None:
    answer = client.post(PATH, json=BODY)
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"{PATH}/{made['UUID']}"
    assert made["Steps"] == [{"Type": "dhcp", "Within": 0, "Parameters": {"Server": "10.0.0.1"}}]
    assert made["Verdicts"] == {"waiting": 0, "pass": 0, "fail": 0, "unknown": 0}
    assert (made["CreatedAt"], made["RunAt"], made["State"]) == (NOW_MS, NOW_MS, "starting")


def test_a_check_in_yaml_is_taken(client: Any) -> None:
    text = "Name: vms\nGremlinQuery: G.V()\nSteps:\n- Type: tcp\n  Parameters: {Target: '10.0.0.1:80'}\n"
    answer = client.post(PATH, content=text, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 201


def test_checks_are_listed_by_uuid(client: Any, uuid: str) -> None:
    assert list(client.get(PATH).json()) == [uuid]
    assert client.get(f"{PATH}/{uuid}").json()["Name"] == "vms"
    assert client.get(f"{PATH}/{uuid}/results").json() == []


def test_an_absent_check_is_told(client: Any) -> None:
    for method, path in (("GET", "x"), ("DELETE", "x"), ("PATCH", "x"), ("GET", "x/results"), ("POST", "x/run")):
        answer = client.request(method, f"{PATH}/{path}", content=b"{}")
        assert (answer.status_code, answer.text.splitlines()[0]) == (404, "there is no check x")


def test_a_wrong_step_is_refused_with_its_place(client: Any) -> None:
    answer = client.post(PATH, json={**BODY, "Steps": [{"Type": "dhcp", "Parameters": {"Sever": "x"}}]})
    assert answer.status_code == 400
    assert answer.text.startswith("step 1 (dhcp): no parameter is called 'Sever'")


def test_a_name_that_is_taken_is_a_conflict(client: Any, uuid: str) -> None:
    assert client.post(PATH, json=BODY).status_code == 409


def test_an_unknown_verdict_is_refused(client: Any, uuid: str) -> None:
    assert client.get(f"{PATH}/{uuid}/results?verdict=maybe").status_code == 400


def test_a_changed_check_judges_anew_and_other_words_do_not(client: Any, uuid: str) -> None:
    assert client.patch(f"{PATH}/{uuid}", json={"Description": "x"}).json()["RunAt"] == NOW_MS
    assert client.patch(f"{PATH}/{uuid}", json={"Within": 500}).json()["RunAt"] == NOW_MS + 1
    answer = client.post(f"{PATH}/{uuid}/run")
    assert (answer.status_code, answer.json()["RunAt"]) == (202, NOW_MS + 2)


def test_what_the_server_sets_cannot_be_patched(client: Any, uuid: str) -> None:
    answer = client.patch(f"{PATH}/{uuid}", json=[{"op": "replace", "path": "/RunAt", "value": 1}])
    assert (answer.status_code, answer.text.splitlines()[0]) == (400, "RunAt cannot be changed")


def test_an_edit_of_a_stale_state_is_refused(client: Any, uuid: str) -> None:
    stale = client.get(f"{PATH}/{uuid}").headers["etag"]
    client.patch(f"{PATH}/{uuid}", json={"Description": "x"})
    for method in ("PATCH", "DELETE"):
        assert client.request(method, f"{PATH}/{uuid}", json={}, headers={"If-Match": stale}).status_code == 412


def test_a_check_may_delete_itself_after_a_time(client: Any) -> None:
    answer = client.post(PATH, json=BODY, headers={"X-Resource-TTL": "90s"})
    assert answer.json()["ExpiresAt"] == NOW_MS + 90_000


def test_a_deleted_check_is_gone(client: Any, uuid: str) -> None:
    assert client.delete(f"{PATH}/{uuid}").status_code == 200
    assert client.get(f"{PATH}/{uuid}").status_code == 404
