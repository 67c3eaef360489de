# SPDX-License-Identifier: Apache-2.0
"""Every route of the real table, REST and WebSocket, with every role: 401, 403 or let through.

There is nothing to add here for a new route or namespace. A route declares its right where it is made:
`@get("/", right=CAPTURE_READ, …)`; a namespace has a row in `netsonde/api/websocket/namespaces.py`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar, get
from litestar.testing import TestClient

from netsonde.access.gate import Gate
from netsonde.access.policy import read_policy
from netsonde.access.rights import PUBLIC, RAW_PACKETS
from netsonde.access.tokens import create_token
from netsonde.api.app import create_app
from netsonde.api.asgi import App
from netsonde.api.authorize import Declared, declared
from netsonde.api.inside import InsideApi
from netsonde.api.websocket.namespaces import NAMESPACES, right_of_namespace
from netsonde.model.workflows import Caller, Parameter, Workflow
from unit.access.gates import NOW_S, Held
from unit.api.fakes import Fakes

ROLES = sorted(read_policy().roles)
ROUTES = [route for route in declared(create_app(Fakes.new().services())) if "/_schema" not in route.path]
ASKING = {"/api/topology", "/api/query/check", "/api/query/explain", "/api/query/complete", "/api/capture/preview"}
"""What is sent with POST and only asks."""
CHECK: dict[str, Any] = {"Name": "c", "GremlinQuery": "G.V()", "Steps": [{"Type": "dhcp"}]}


class Guarded:
    """An application that wants tokens, and a token of each role."""

    def __init__(self, directory: Path) -> None:
        held = Held(directory)
        self.gate: Gate = held.gate(backends=("token",))
        self.tokens = {
            role: create_token(held.tokens, role, frozenset({role}), now_s=NOW_S, lasts_s=3600) for role in ROLES
        }
        fakes = Fakes.new()
        fakes.gate = self.gate
        self.workflows = fakes.workflows
        self.app = create_app(fakes.services())

    def expected(self, role: str, route: Declared) -> bool:
        return self.gate.policy.allows(frozenset({role}), route.right)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Guarded:
    return Guarded(tmp_path_factory.mktemp("access"))


@pytest.fixture(scope="module")
def http(guarded: Guarded) -> Iterator[Any]:
    with TestClient(guarded.app, base_url="http://127.0.0.1:8082") as client:
        yield client


def filled(path: str) -> str:
    return re.sub(r"\{(\w+):\w+\}", r"\1", path)


async def upgrade(app: Litestar, path: str, token: str, query: str = "") -> int:
    """Try to open a WebSocket as a server would; returns the status of the answer, 101 when it is accepted."""
    received = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}])
    sent: list[Any] = []
    scope: Any = {
        **{"type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws", "path": path},
        **{"raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "client": ("127.0.0.1", 1)},
        **{"server": ("127.0.0.1", 8082), "subprotocols": [], "state": {}, "extensions": {}},
        "headers": [(b"host", b"127.0.0.1"), (b"x-client-type", b"test"), (b"x-auth-token", token.encode())],
    }

    async def receive() -> Any:
        return next(received)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return 101 if sent[0]["type"] == "websocket.accept" else int(sent[0]["status"])


@pytest.mark.parametrize("route", [one for one in ROUTES if one.method], ids=lambda one: f"{one.method} {one.path}")
def test_a_route_lets_through_whose_role_has_its_right(http: Any, guarded: Guarded, route: Declared) -> None:
    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return int(http.request(route.method, filled(route.path), headers=headers).status_code)

    is_public = route.right == PUBLIC
    assert (status("") == 401, status("nst_wrong") == 401) == (not is_public, not is_public)
    found = {role: status(guarded.tokens[role]) not in (401, 403) for role in ROLES}
    assert found == {role: guarded.expected(role, route) for role in ROLES}, f"needs {route.right}"


@pytest.mark.parametrize("route", [one for one in ROUTES if not one.method], ids=lambda one: one.path)
async def test_a_websocket_lets_through_whose_role_has_its_right(guarded: Guarded, route: Declared) -> None:
    path = filled(route.path)
    if_allowed = 404 if route.right == PUBLIC else 101
    if_nobody = 404 if route.right == PUBLIC else 401
    assert await upgrade(guarded.app, path, "") == if_nobody
    assert await upgrade(guarded.app, path, "nst_wrong") == if_nobody
    found = {role: await upgrade(guarded.app, path, guarded.tokens[role]) for role in ROLES}
    assert found == {role: if_allowed if guarded.expected(role, route) else 403 for role in ROLES}


@pytest.mark.parametrize("namespace", sorted(NAMESPACES))
async def test_a_namespace_that_is_named_needs_its_right(guarded: Guarded, namespace: str) -> None:
    path = "/ws/subscriber"
    for role in ("guest", "reader", "operator", "admin"):
        allowed = guarded.gate.policy.allows(frozenset({role}), NAMESPACES[namespace])
        status = await upgrade(guarded.app, path, guarded.tokens[role], f"x-websocket-namespace={namespace}")
        assert status == (101 if allowed else 403), (role, namespace)


def test_what_changes_something_needs_more_than_a_right_to_read() -> None:
    changing = [one for one in ROUTES if one.method not in ("", "GET") and one.path not in ASKING]
    assert [one for one in changing if one.right.action == "read"] == []
    public = {one.path for one in changing if one.right == PUBLIC}
    assert public == {"/login", "/logout"}


def test_what_shows_packets_needs_the_right_to_see_packets() -> None:
    shows = [one for one in ROUTES if one.path.endswith("/packets")]
    assert {one.right for one in shows} == {RAW_PACKETS}


def test_what_is_public_is_known_by_heart() -> None:
    paths = {one.path for one in ROUTES if one.right == PUBLIC}
    assert paths == {
        *("/", "/{path:path}", "/ws/{rest:path}", "/healthz", "/readyz", "/login", "/logout", "/api/whoami"),
        *("/api/schema", "/api/openapi.json", "/api/docs", "/ui_v2", "/ui_v2/{path:path}"),
    }


def test_a_route_without_a_right_stops_the_application_and_says_what_to_add() -> None:
    @get("/api/new", operation_id="newThing")
    async def new_thing() -> str:
        return ""

    with pytest.raises(LookupError, match=r"/api/new.*new_thing.*right=CAPTURE_READ"):
        declared(Litestar([new_thing]))


def test_a_namespace_without_a_right_says_where_to_add_it() -> None:
    with pytest.raises(LookupError, match=r"'New' declares no right.*namespaces\.py"):
        right_of_namespace("New")


def test_the_preflight_of_a_browser_needs_no_login(http: Any) -> None:
    answer = http.options("/api/capture")
    assert answer.status_code == 204
    assert answer.content == b""


def test_a_query_shows_packets_to_nobody_who_may_not_see_them(http: Any, guarded: Guarded) -> None:
    def ask(role: str) -> Any:
        headers = {"Authorization": f"Bearer {guarded.tokens[role]}"}
        return http.post("/api/topology", json={"GremlinQuery": "G.Flows().RawPackets()"}, headers=headers)

    assert ask("reader").status_code == 403
    assert ask("operator").status_code == 200


def test_a_check_that_injects_is_for_those_who_may_inject(http: Any, guarded: Guarded) -> None:
    def status(role: str, active: str) -> int:
        headers = {"Authorization": f"Bearer {guarded.tokens[role]}"}
        return int(http.post("/api/check", json=CHECK | {"Active": active}, headers=headers).status_code)

    assert status("operator", "unsettled") == 403
    assert status("operator", "never") != 403
    assert status("admin", "unsettled") != 403


@pytest.mark.parametrize(
    ("sinks", "needs_more"),
    [
        ({"Sinks": [{"Type": "ipfix", "Target": "192.0.2.1"}, {"Type": "pcapng"}]}, False),
        ({"Sinks": [{"Type": "ipfix", "Target": "192.0.2.1"}, {"Type": "vxlan", "Target": "192.0.2.1"}]}, True),
        ({"Sinks": [{"Type": "erspan", "Target": "192.0.2.1"}]}, True),
        ({"TargetType": "erspanv1", "Target": "192.0.2.1:1"}, True),
    ],
)
def test_a_capture_that_mirrors_is_for_those_who_may_inject(
    http: Any, guarded: Guarded, sinks: dict[str, Any], needs_more: bool
) -> None:
    def status(role: str, method: str, path: str, body: object) -> int:
        headers = {"Authorization": f"Bearer {guarded.tokens[role]}"}
        return int(http.request(method, path, json=body, headers=headers).status_code)

    own = {"GremlinQuery": f"G.V().Has('Name', '{len(str(sinks))}')"}
    headers = {"Authorization": f"Bearer {guarded.tokens['operator']}"}
    path = f"/api/capture/{http.post('/api/capture', json=own, headers=headers).json()['UUID']}"
    assert status("operator", "POST", "/api/capture", {"GremlinQuery": "G.V()", **sinks}) == (
        403 if needs_more else 201
    )
    assert status("operator", "PATCH", path, sinks) == (403 if needs_more else 200)
    assert status("admin", "PATCH", path, {**sinks, "Description": "theirs"}) == 200
    assert status("operator", "PATCH", path, {"Description": "ours"}) == (403 if needs_more else 200)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/alert", {"Expression": "G.V()", "Actions": ["http://receiver/hook", "workflow:its"]}),
        ("/api/alert", {"Expression": "G.V()", "Action": "workflow:its"}),
        ("/api/check", CHECK | {"Active": "never", "Actions": ["workflow:its"]}),
    ],
)
async def test_an_action_calls_only_what_may_act_for_who_sets_it_up_or_for_its_owner(
    path: str, body: dict[str, Any], tmp_path: Path
) -> None:
    guarded = Guarded(tmp_path)
    await guarded.workflows.service.create(Workflow(name="its", source="back"), "token injector")
    transport: Any = ASGITransport(cast("Any", guarded.app))
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1:8082") as client:

        async def ask(role: str, method: str, path: str, body: object) -> Any:
            headers = {"Authorization": f"Bearer {guarded.tokens[role]}"}
            return await client.request(method, path, json=body, headers=headers)

        refused = await ask("operator", "POST", path, body)
        assert refused.status_code == 403
        assert "may not have the workflow 'its' called: token injector, to whom it belongs, has" in refused.text
        harmless = {key: value for key, value in body.items() if not key.startswith("Action")}
        made = (await ask("operator", "POST", path, {**harmless, "CreatedBy": "token admin"})).json()
        assert made["CreatedBy"] == "token operator"
        own = made["UUID"]
        change = {key: value for key, value in body.items() if key.startswith("Action")}
        assert (await ask("operator", "PATCH", f"{path}/{own}", change)).status_code == 403
        accepted = await ask("admin", "PATCH", f"{path}/{own}", change)
        assert (accepted.status_code, accepted.json()["CreatedBy"]) == (200, "token admin"), accepted.text


async def test_who_mutes_an_alert_does_not_make_it_their_own(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path)
    await guarded.workflows.service.create(Workflow(name="its", source="back"), "token injector")
    transport: Any = ASGITransport(cast("Any", guarded.app))
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1:8082") as client:

        async def ask(role: str, method: str, path: str, body: object) -> Any:
            headers = {"Authorization": f"Bearer {guarded.tokens[role]}"}
            return await client.request(method, path, json=body, headers=headers)

        made = (await ask("admin", "POST", "/api/alert", {"Expression": "G.V()", "Action": "workflow:its"})).json()
        path = f"/api/alert/{made['UUID']}"
        muted = await ask("operator", "PATCH", path, {"MutedUntil": 4_000_000_000_000})
        assert (muted.status_code, muted.json()["CreatedBy"]) == (200, "token admin"), muted.text
        assert (await ask("operator", "PATCH", path, {"MutedUntil": 0, "Severity": "info"})).status_code == 403
        changed = await ask("operator", "PATCH", path, {"MutedUntil": 0, "Severity": "info", "Action": ""})
        assert changed.json()["CreatedBy"] == "token operator"


@pytest.mark.parametrize(("owner", "expected"), [("token admin", 201), ("token guest", 403), ("nobody", 401)])
async def test_what_a_trigger_does_needs_the_rights_of_its_owner(guarded: Guarded, owner: str, expected: int) -> None:
    inside = InsideApi()
    inside.bind(cast("App", guarded.app))
    # No other test's: there is one capture of a query.
    body = json.dumps({"GremlinQuery": f"G.V().Has('Name', '{owner}')"})
    answer = await inside.send(Caller(owner, on_behalf=True), "POST", "/api/capture", body, {})
    assert answer.status == expected, answer.body


async def test_what_a_job_found_out_is_for_its_caller_and_for_who_may_do_as_much(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path)
    transport: Any = ASGITransport(cast("Any", guarded.app))
    async with (
        AsyncClient(transport=transport, base_url="http://127.0.0.1:8082") as client,
        guarded.workflows.running(),
    ):
        made = await guarded.workflows.service.create(
            Workflow(name="w", source="back", parameters=[Parameter("a")]), ""
        )

        async def ask(role: str, method: str, path: str, body: object = None) -> Any:
            headers = {"Authorization": f"Bearer {guarded.tokens[role]}"}
            return (await client.request(method, path, json=body, headers=headers)).json()

        async def result(of: str, seen_by: str, ending: str = "?wait=5") -> tuple[Any, str]:
            job = (await ask(of, "POST", f"/api/workflow/{made.uuid}/call?wait=false", {"Params": ["x"]}))["UUID"]
            await guarded.workflows.service.finished(job)
            found = await ask(seen_by, "POST" if ending == "/cancel" else "GET", f"/api/workflow/jobs/{job}{ending}")
            return found["Result"], found["Withheld"]

        for same in ("operator", "admin"):
            assert await result(of=same, seen_by=same) == (["x"], "")
        assert await result(of="operator", seen_by="admin") == (["x"], "")
        for ending in ("", "?wait=5", "/cancel"):
            hidden, why = await result(of="admin", seen_by="operator", ending=ending)
            assert hidden is None
            assert why.startswith("the job acted for token admin, who may do more: ")


async def test_what_a_job_was_given_is_for_its_caller_and_for_administrators(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path)
    transport: Any = ASGITransport(cast("Any", guarded.app))
    async with (
        AsyncClient(transport=transport, base_url="http://127.0.0.1:8082") as client,
        guarded.workflows.running(),
    ):
        bad = Workflow(name="w", source="throw", parameters=[Parameter("secret")])
        made = await guarded.workflows.service.create(bad, "token admin")
        job = guarded.workflows.service.call(made.uuid, ["s3cret"], Caller("token operator"))
        await guarded.workflows.service.finished(job.uuid)

        async def seen(role: str, path: str) -> Any:
            headers = {"Authorization": f"Bearer {guarded.tokens[role]}"}
            found = (await client.get(path, headers=headers)).json()
            return found[0] if isinstance(found, list) else found

        for role in ("operator", "admin"):
            for path in ("/api/workflow/jobs", f"/api/workflow/jobs/{job.uuid}"):
                shown = await seen(role, path)
                assert (shown["Params"], "no such thing" in shown["Reason"]) == (["s3cret"], True)
        shown = await seen("reader", "/api/workflow/jobs")
        assert (shown["State"], shown["Params"], shown["Reason"], shown["Hint"]) == ("failed", [], "", "")
        assert shown["Withheld"].startswith("the job is of token operator: only that user and administrators")
