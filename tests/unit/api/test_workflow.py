# SPDX-License-Identifier: Apache-2.0
"""/api/workflow: create, read, call, change, delete; and what scripts ask of the API from inside."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from netsonde.api.app import create_app
from netsonde.model.workflows import Caller
from netsonde.scripts.host import Answer
from unit.api.fakes import NOW_MS, Fakes

PATH = "/api/workflow"
BODY = {"Name": "mine", "Source": "back", "Parameters": [{"Name": "a"}, {"Name": "n", "Type": "integer", "Default": 7}]}
# As a file of the reference has it.
YAML = """
UUID: "11111111-2222-3333-4444-555555555555"
Name: "theirs"
Title: "Theirs"
parameters:
  - name: "mode"
    type: "choice"
    values:
      - value: 1
        description: "one"
Source: back
"""


@pytest.fixture
async def http(fakes: Fakes) -> AsyncIterator[Any]:
    app: Any = create_app(fakes.services())
    async with (
        AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1:8082") as client,
        fakes.workflows.running(),
    ):
        yield client


@pytest.fixture
async def uuid(http: Any) -> str:
    made: str = (await http.post(PATH, json=BODY)).json()["UUID"]
    return made


async def test_a_workflow_is_created_with_its_owner_and_place(http: Any) -> None:
    answer = await http.post(PATH, json=BODY, headers={"X-Resource-TTL": "1h"})
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"{PATH}/{made['UUID']}"
    assert (made["CreatedAt"], made["ExpiresAt"], made["Bundled"]) == (NOW_MS, NOW_MS + 3_600_000, False)
    assert (await http.get(f"{PATH}/mine")).json() == made


async def test_a_yaml_of_the_reference_is_taken_and_gets_another_uuid(http: Any) -> None:
    answer = await http.post(PATH, content=YAML, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["UUID"] != "11111111-2222-3333-4444-555555555555"
    assert made["Parameters"][0]["Values"] == [{"Value": 1, "Description": "one"}]


async def test_a_call_answers_with_the_result_as_old_clients_expect(http: Any, uuid: str) -> None:
    answer = await http.post(f"{PATH}/{uuid}/call", json={"Params": ["x", "3"]})
    assert (answer.status_code, answer.json()) == (200, ["x", 3])
    job = (await http.get(f"{PATH}/jobs/{answer.headers['x-workflow-job']}")).json()
    assert (job["State"], job["Result"]) == ("done", ["x", 3])


@pytest.mark.parametrize(("query", "headers"), [("?wait=false", {}), ("", {"Prefer": "respond-async"})])
async def test_a_call_that_is_not_waited_for_answers_with_its_job(
    http: Any, uuid: str, query: str, headers: dict[str, str]
) -> None:
    answer = await http.post(f"{PATH}/{uuid}/call{query}", json={"Params": {"a": 1}}, headers=headers)
    assert answer.status_code == 202
    ended = (await http.get(f"{answer.headers['location']}?wait=5")).json()
    assert (ended["State"], ended["Result"]) == ("done", [1, 7])
    [listed] = (await http.get(f"{PATH}/jobs?workflow=mine")).json()
    assert (listed["UUID"], listed["Result"]) == (ended["UUID"], None)


async def test_a_script_that_throws_is_a_bad_request_with_its_reason(http: Any) -> None:
    await http.post(PATH, json={"Name": "bad", "Source": "throw"})
    answer = await http.post(f"{PATH}/bad/call", json={"Params": []})
    assert (answer.status_code, answer.text) == (400, "the script failed, line 3: no such thing\nhint: look there\n")


async def test_a_query_calls_a_workflow_as_whoever_asks(http: Any, fakes: Fakes) -> None:
    await http.post(PATH, json={"Name": "list", "Source": "back"})
    answer = await http.post("/api/topology", json={"GremlinQuery": "G.Workflow('list')"})
    assert answer.status_code == 200
    (job,) = (await http.get(f"{PATH}/jobs?workflow=list")).json()
    assert (job["State"], job["CalledBy"]) == ("done", "127.0.0.1")
    absent = await http.post("/api/topology", json={"GremlinQuery": "G.Workflow('none')"})
    assert (absent.status_code, "not found" in absent.text) == (404, True)


async def test_a_job_can_be_cancelled(http: Any) -> None:
    await http.post(PATH, json={"Name": "long", "Source": "wait"})
    job = (await http.post(f"{PATH}/long/call?wait=false")).json()
    answer = await http.post(f"{PATH}/jobs/{job['UUID']}/cancel")
    assert (answer.status_code, answer.json()["State"]) == (202, "cancelled")


async def test_a_workflow_is_changed_once_and_deleted(http: Any, uuid: str) -> None:
    etag = (await http.get(f"{PATH}/{uuid}")).headers["etag"]
    patch = [{"op": "replace", "path": "/Title", "value": "new"}]
    assert (await http.patch(f"{PATH}/{uuid}", json=patch, headers={"If-Match": etag})).json()["Title"] == "new"
    assert (await http.patch(f"{PATH}/{uuid}", json=patch, headers={"If-Match": etag})).status_code == 412
    assert (await http.delete(f"{PATH}/{uuid}")).status_code == 200
    assert (await http.get(f"{PATH}/{uuid}")).text.startswith(f"Workflow '{uuid}' not found")


async def test_a_name_that_is_taken_is_refused_as_the_reference_does(http: Any, uuid: str) -> None:
    answer = await http.post(PATH, json=BODY)
    assert (answer.status_code, answer.text.splitlines()[0]) == (400, "Duplicate workflow, name=mine")


async def test_absent_workflows_and_jobs_are_told(http: Any) -> None:
    for method, path in (("GET", "x"), ("DELETE", "x"), ("PATCH", "x"), ("POST", "x/call"), ("GET", "jobs/x")):
        assert (await http.request(method, f"{PATH}/{path}", content=b"{}")).status_code == 404


async def ask(fakes: Fakes, method: str, path: str, body: str = "", **headers: str) -> Answer:
    return await fakes.workflows.inside.send(Caller("alice"), method, path, body, headers)


async def test_a_script_asks_what_its_caller_could_ask(http: Any, fakes: Fakes) -> None:
    made = await ask(fakes, "POST", "/api/capture", '{"GremlinQuery":"G.V()"}')
    assert made.status == 201
    refused = await ask(fakes, "POST", "/api/capture", '{"Gremlin":1}')
    assert (refused.status, refused.body.splitlines()[0]) == (400, "unknown member 'Gremlin'")
    assert (await ask(fakes, "GET", "/api/workflow/none")).status == 404


async def test_a_script_asks_this_server_and_no_other(http: Any, fakes: Fakes) -> None:
    for path in ("http://169.254.169.254/", "//evil/api", "api"):
        assert "another" in (await ask(fakes, "GET", path)).body
    assert (await ask(fakes, "TRACE", "/api")).status == 400


async def test_a_request_that_is_none_is_answered(http: Any, fakes: Fakes) -> None:
    assert "is no path" in (await ask(fakes, "GET", "//[")).body
    assert "printable ASCII" in (await ask(fakes, "GET", "/api", accept="\u0100")).body
    assert "printable ASCII" in (await ask(fakes, "GET", "/api", accept="a\r\nCookie: b")).body


async def test_names_in_paths_are_read_as_those_of_the_network(http: Any, fakes: Fakes) -> None:
    await http.post(PATH, json={"Name": "my own é", "Source": "ask"})
    path = f"{PATH}/my%20own%20%C3%A9"
    assert ((await http.get(path)).status_code, (await ask(fakes, "GET", path)).status) == (200, 200)


async def test_what_a_script_calls_acts_for_the_same_caller(http: Any, fakes: Fakes) -> None:
    await http.post(PATH, json={"Name": "outer", "Source": "ask"})
    job = (
        await http.post(f"{PATH}/outer/call?wait=false", json={"Params": ["/api"]}, headers={"X-Auth-Token": "t"})
    ).json()
    ended = (await http.get(f"{PATH}/jobs/{job['UUID']}?wait=5")).json()
    assert ended["Result"][0] == 200
    inner = await ask(fakes, "POST", "/api/workflow/outer/call?wait=false", '{"Params":["/api"]}')
    assert inner.status == 202
    assert '"CalledBy":"alice"' in inner.body


async def test_credentials_of_a_call_go_with_what_its_script_asks(http: Any, fakes: Fakes) -> None:
    seen: list[Caller] = []

    async def send(caller: Caller, *_: object) -> Answer:
        seen.append(caller)
        return Answer(200, "")

    fakes.workflows.inside.send = send  # type: ignore[method-assign,assignment]
    await http.post(PATH, json={"Name": "outer", "Source": "ask"})
    headers = {"Authorization": "Bearer x", "Cookie": "authtoken=y"}
    await http.post(f"{PATH}/outer/call?x-auth-token=z", json={"Params": ["/api"]}, headers=headers)
    given = [("authorization", "Bearer x"), ("cookie", "authtoken=y"), ("x-auth-token", "z")]
    assert [*seen[0].credentials] == given
