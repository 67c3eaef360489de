# SPDX-License-Identifier: Apache-2.0
"""/api/alert: create, read, change, delete, history, dry run."""

from typing import Any

import pytest

from netsonde.model.alerts import Transition
from unit.api.fakes import NOW_MS, Fakes

PATH = "/api/alert"
BODY = {"Name": "down", "Expression": "G.V().Has('State', 'DOWN')", "Action": "http://receiver/hook"}


@pytest.fixture
def uuid(client: Any) -> str:
    made: str = client.post(PATH, json=BODY).json()["UUID"]
    return made


def test_an_alert_is_created_with_every_member(client: Any) -> None:
    answer = client.post(PATH, json={**BODY, "UUID": "mine"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["UUID"] != "mine"
    assert answer.headers["location"] == f"{PATH}/{made['UUID']}"
    assert (made["Trigger"], made["Language"], made["State"]) == ("graph", "gremlin", "inactive")
    assert made["CreateTime"] == "2023-11-14T22:13:20.000Z"


def test_identifying_members_are_there_when_they_are_empty(client: Any) -> None:
    made = client.post(PATH, json={"Expression": "G.V()"}).json()
    assert (made["Action"], made["Trigger"], made["Expression"]) == ("", "graph", "G.V()")


def test_alerts_are_listed_by_uuid(client: Any, uuid: str) -> None:
    assert list(client.get(PATH).json()) == [uuid]
    assert client.get(f"{PATH}/{uuid}").json()["Name"] == "down"
    assert client.get(f"{PATH}/{uuid}/history").json() == []


def test_an_absent_alert_is_told_in_words_of_the_reference(client: Any) -> None:
    for method, path in (("GET", "x"), ("DELETE", "x"), ("PATCH", "x"), ("GET", "x/history")):
        answer = client.request(method, f"{PATH}/{path}", content=b"{}")
        assert (answer.status_code, answer.text.splitlines()[0]) == (404, "Alert 'x' not found")


def test_a_query_with_a_mistake_is_refused_with_its_place(client: Any) -> None:
    answer = client.post(PATH, json={**BODY, "Expression": "G.V().Hass('State')"})
    assert answer.status_code == 400
    assert "there is no step named 'Hass'" in answer.text
    assert "column 7" in answer.text


@pytest.mark.parametrize("change", [{"Action": "gopher://x"}, {"Trigger": "duration:often"}, {"Severity": "awful"}])
def test_an_unknown_action_trigger_or_severity_is_refused(client: Any, change: dict[str, str]) -> None:
    answer = client.post(PATH, json={**BODY, **change})
    (value,) = change.values()
    assert answer.status_code == 400
    assert value in answer.text


def test_an_alert_is_patched_and_an_unchanged_one_stays(client: Any, uuid: str) -> None:
    answer = client.patch(f"{PATH}/{uuid}", json=[{"op": "add", "path": "/For", "value": 1000}])
    assert (answer.status_code, answer.json()["For"]) == (200, 1000)
    same = client.patch(f"{PATH}/{uuid}", json={"For": 1000})
    assert (same.status_code, same.headers["etag"]) == (200, answer.headers["etag"])


def test_what_the_server_sets_cannot_be_patched(client: Any, uuid: str) -> None:
    answer = client.patch(f"{PATH}/{uuid}", json={"CreateTime": "x"})
    assert (answer.status_code, answer.text.splitlines()[0]) == (400, "CreateTime cannot be changed")


def test_an_edit_of_a_stale_state_is_refused(client: Any, uuid: str) -> None:
    stale = client.get(f"{PATH}/{uuid}").headers["etag"]
    client.patch(f"{PATH}/{uuid}", json={"Description": "x"})
    for method in ("PATCH", "DELETE"):
        assert client.request(method, f"{PATH}/{uuid}", json={}, headers={"If-Match": stale}).status_code == 412


def test_an_alert_is_deleted_with_an_empty_answer(client: Any, uuid: str) -> None:
    answer = client.delete(f"{PATH}/{uuid}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/plain")
    assert client.get(PATH).json() == {}


def test_an_alert_deletes_itself_after_its_time(client: Any) -> None:
    answer = client.post(PATH, json=BODY, headers={"X-Resource-TTL": "90s"})
    assert answer.json()["ExpiresAt"] == NOW_MS + 90_000


def test_history_is_served_the_newest_first(client: Any, fakes: Fakes, uuid: str) -> None:
    for number, state in enumerate(("firing", "resolved"), 1):
        fakes.alerts._keep(Transition(uuid, "down", number, NOW_MS, state, "inactive"))  # type: ignore[arg-type]
    found = client.get(f"{PATH}/{uuid}/history").json()
    assert [(one["Number"], one["State"]) for one in found] == [(2, "resolved"), (1, "firing")]
    assert client.get(f"{PATH}/{uuid}/history?limit=1").json() == found[:1]
    assert client.get(f"{PATH}/{uuid}").json()["State"] == "resolved"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "the body has no Alert"),
        ({"Alert": {"Expression": "G.V("}}, "never closed"),
        ({"Alert": BODY, "From": NOW_MS, "To": NOW_MS - 1}, "ends before it begins"),
        ({"Alert": BODY, "Step": 1}, "too much"),
        ({"Alert": BODY, "Form": 1}, "unknown member 'Form'"),
    ],
)
def test_a_dry_run_that_cannot_be_is_refused(client: Any, body: dict[str, Any], said: str) -> None:
    answer = client.post(f"{PATH}/test", json=body)
    assert answer.status_code == 400
    assert said in answer.text


def test_a_dry_run_without_history_says_why_nothing_was_seen(client: Any) -> None:
    answer = client.post(f"{PATH}/test", json={"Alert": BODY}).json()
    assert (answer["Fired"], answer["Looks"], answer["Complete"]) == (0, 201, True)
    assert "history" in answer["Problem"]
