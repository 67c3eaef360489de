# SPDX-License-Identifier: Apache-2.0
"""/api/capture: create, read, change, delete."""

import json
from typing import Any

from netsonde.model.captures import Capture
from unit.api.fakes import NOW_MS, Fakes

PATH = "/api/capture"


def test_a_capture_is_created_with_its_status_and_place(client: Any) -> None:
    answer = client.post(PATH, json={"GremlinQuery": "G.V().HasKey('ExtID.vm-id')", "LayerKeyMode": "L3"})
    assert answer.status_code == 201
    assert answer.headers["location"] == "/api/capture/c1"
    created = answer.json()
    assert (created["UUID"], created["Count"], created["LayerKeyMode"]) == ("c1", 0, "L3")
    assert created["Status"]["State"] == "waiting"
    assert created["Status"]["Reason"] == "no node matches"


def test_what_the_server_sets_is_not_taken_from_the_client(client: Any) -> None:
    body = {"UUID": "mine", "GremlinQuery": "G.V()", "Count": 7, "Status": {"x": 1}, "CreatedAt": 1}
    assert client.post(PATH, json=body).json()["UUID"] == "c1"


def test_captures_are_listed_by_uuid(client: Any) -> None:
    assert client.get(PATH).json() == {}
    client.post(PATH, json={"GremlinQuery": "G.V()"})
    assert list(client.get(PATH).json()) == ["c1"]
    assert client.get(f"{PATH}/").status_code == 200


def test_an_absent_capture_is_told_in_the_words_of_the_reference(client: Any) -> None:
    for method in ("GET", "DELETE", "PATCH"):
        answer = client.request(method, f"{PATH}/x", content=b"{}")
        assert answer.status_code == 404
        assert answer.text.startswith("Capture 'x' not found\n")


def test_a_duplicate_is_a_conflict(client: Any) -> None:
    client.post(PATH, json={"GremlinQuery": "G.V()"})
    answer = client.post(PATH, json={"GremlinQuery": "G.V()"})
    assert (answer.status_code, answer.text) == (409, "duplicated resource\n")


def test_a_bad_query_and_a_bad_filter_are_refused_with_their_places(client: Any) -> None:
    assert "^ column 1" in client.post(PATH, json={"GremlinQuery": "V()"}).text
    answer = client.post(PATH, json={"GremlinQuery": "G.V()", "BPFFilter": "prot tcp"})
    assert answer.status_code == 400
    assert answer.text == "bad BPF filter\n  prot tcp\n  ^^^^ column 1\nhint: see pcap-filter(7)\n"


def test_an_unknown_member_is_refused(client: Any) -> None:
    answer = client.post(PATH, json={"GremlinQuery": "G.V()", "BPFilter": "tcp"})
    assert answer.status_code == 400
    assert answer.text == "unknown member 'BPFilter'\nhint: did you mean BPFFilter?\n"


def test_a_time_to_live_sets_when_the_capture_expires(client: Any) -> None:
    answer = client.post(PATH, json={"GremlinQuery": "G.V()"}, headers={"X-Resource-TTL": "1m30s"})
    assert answer.json()["ExpiresAt"] == NOW_MS + 90_000
    bad = client.post(PATH, json={"GremlinQuery": "G.E()"}, headers={"X-Resource-TTL": "soon"})
    assert bad.status_code == 400
    assert bad.text.startswith("invalid ttl: 'soon'")


def test_a_json_patch_changes_a_capture(client: Any) -> None:
    client.post(PATH, json={"GremlinQuery": "G.V()"})
    answer = client.patch(f"{PATH}/c1", json=[{"op": "replace", "path": "/Name", "value": "x"}])
    assert (answer.status_code, answer.json()["Name"]) == (200, "x")


def test_a_merge_patch_changes_a_capture(client: Any) -> None:
    client.post(PATH, json={"GremlinQuery": "G.V()", "Name": "x"})
    answer = client.patch(f"{PATH}/c1", json={"Paused": True, "Name": None})
    assert (answer.json()["Paused"], answer.json()["Name"]) == (True, "")


def test_a_patch_without_change_gives_the_capture_as_it_is(client: Any, fakes: Fakes) -> None:
    before = client.post(PATH, json={"GremlinQuery": "G.V()"}).json()
    fakes.captures.conflicts = 1
    answer = client.patch(f"{PATH}/c1", json={"Name": ""})
    assert (answer.status_code, answer.json()) == (200, before)


def test_a_patch_cannot_give_another_identity_or_an_unknown_member(client: Any) -> None:
    client.post(PATH, json={"GremlinQuery": "G.V()"})
    assert client.patch(f"{PATH}/c1", json={"UUID": "c2"}).text.startswith("UUID cannot be changed")
    assert client.patch(f"{PATH}/c1", json={"Nam": "x"}).status_code == 400
    assert client.patch(f"{PATH}/c1", json=[{"op": "remove", "path": "/Nam"}]).status_code == 400
    assert client.patch(f"{PATH}/c1", json="text").status_code == 400


def test_a_whole_capture_that_was_read_can_be_sent_back_as_a_patch(client: Any) -> None:
    client.post(PATH, json={"GremlinQuery": "G.V()"})
    whole = {**client.get(f"{PATH}/c1").json(), "Description": "changed"}
    assert client.patch(f"{PATH}/c1", json=whole).json()["Description"] == "changed"


def test_the_etag_names_the_definition_and_not_the_status(client: Any, fakes: Fakes) -> None:
    created = client.post(PATH, json={"GremlinQuery": "G.V()"})
    fakes.captures.activate("c1")
    assert client.get(f"{PATH}/c1").headers["etag"] == created.headers["etag"]
    changed = client.patch(f"{PATH}/c1", json={"Name": "x"})
    assert changed.headers["etag"] != created.headers["etag"]


def test_a_change_for_another_version_fails(client: Any) -> None:
    tag = client.post(PATH, json={"GremlinQuery": "G.V()"}).headers["etag"]
    assert client.patch(f"{PATH}/c1", json={"Name": "x"}, headers={"If-Match": tag}).status_code == 200
    late = client.patch(f"{PATH}/c1", json={"Name": "y"}, headers={"If-Match": tag})
    assert late.status_code == 412
    assert "read it again" in late.text
    assert client.delete(f"{PATH}/c1", headers={"If-Match": tag}).status_code == 412
    assert client.delete(f"{PATH}/c1", headers={"If-Match": "*"}).status_code == 200


def test_a_patch_is_applied_to_what_somebody_else_stored_meanwhile(client: Any, fakes: Fakes) -> None:
    client.post(PATH, json={"GremlinQuery": "G.V()"})
    fakes.captures.conflicts = 1
    answer = client.patch(f"{PATH}/c1", json={"Paused": True})
    assert (answer.json()["Paused"], answer.json()["Name"]) == (True, "somebody else's")


def test_deleting_answers_200_with_an_empty_text(client: Any) -> None:
    client.post(PATH, json={"GremlinQuery": "G.V()"})
    answer = client.delete(f"{PATH}/c1")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert client.get(PATH).json() == {}


def test_count_is_the_number_of_nodes_on_which_it_is_active(client: Any, fakes: Fakes) -> None:
    client.post(PATH, json={"GremlinQuery": "G.V()"})
    fakes.captures.activate("c1")
    assert client.get(f"{PATH}/c1").json()["Count"] == 1


def test_yaml_makes_a_capture_too(client: Any) -> None:
    body = b"GremlinQuery: G.V()\nPaused: true\n"
    answer = client.post(PATH, content=body, headers={"Content-Type": "application/yaml; charset=utf-8"})
    assert answer.json()["Paused"] is True


def test_a_preview_says_what_would_be_captured(client: Any) -> None:
    answer = client.post(f"{PATH}/preview", json={"GremlinQuery": "G.V()"}).json()
    assert answer == {
        "Matching": 1,
        "Capturable": 1,
        "Sample": [{"ID": "n1", "Name": "n1", "Type": "veth", "Host": "h1"}],
        "Reason": "",
    }
    assert client.post(f"{PATH}/preview", json={}).status_code == 400


def test_every_member_of_a_capture_is_served(client: Any, fakes: Fakes) -> None:
    fakes.captures.put(Capture(uuid="c9", gremlin_query="G"))
    served = json.loads(client.get(f"{PATH}/c9").content)
    assert {"UUID", "GremlinQuery", "BPFFilter", "Count", "SamplingRate", "Status", "FirstPackets"} <= served.keys()


def test_a_capture_that_belongs_to_a_check_is_left_to_it(client: Any, fakes: Fakes) -> None:
    fakes.captures.put(Capture("c9", "G.V()", owner="check/u1/5"))
    for method in ("PATCH", "DELETE"):
        answer = client.request(method, f"{PATH}/c9", json={"Name": "x"})
        assert (answer.status_code, answer.text.splitlines()[0]) == (409, "the capture belongs to the check u1")
    assert client.post(PATH, json={"GremlinQuery": "G.E()", "Owner": "check/u1/5"}).json()["Owner"] == ""
