# SPDX-License-Identifier: Apache-2.0
"""Logging in and out over HTTP, and the enrolment of agents."""

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from netsonde.access.authority import request_for
from netsonde.access.tokens import create_token
from netsonde.api.app import create_app
from unit.access.gates import NOW_S, Held, put_user
from unit.api.fakes import Fakes

BASE = "http://127.0.0.1:8082"
FORM = {"username": "alice", "password": "right"}


@pytest.fixture
def held(tmp_path: Path) -> Held:
    held = Held(tmp_path / "access")
    put_user(held.users, "alice", "right", frozenset({"operator"}))
    return held


@pytest.fixture
def client(held: Held, fakes: Fakes) -> Any:
    fakes.gate = held.gate(backends=("basic", "token"), failures_per_minute=3)
    fakes.with_settings(agents_bus="tls://netsonde.example:4222")
    with TestClient(create_app(fakes.services()), base_url=BASE) as client:
        yield client


def test_a_login_sets_a_cookie_that_no_script_reads_and_says_what_one_may_do(client: Any) -> None:
    answer = client.post("/login", data=FORM)
    assert answer.status_code == 200
    rights = {(one["Object"], one["Action"]): one["Allowed"] for one in answer.json()["Permissions"]}
    assert (rights["capture", "write"], rights["injectpacket", "write"]) == (True, False)
    session = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("authtoken="))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(session.split("; "))
    assert answer.json()["Token"] in session
    assert client.get("/api/capture").status_code == 200
    assert client.get("/api/whoami").json()["User"] == "alice"


def test_what_is_too_long_for_a_login_is_refused_as_too_large(client: Any) -> None:
    answer = client.post("/login", content=b"x" * 20_000)
    assert (answer.status_code, "too large" in answer.text) == (413, True)


def test_a_logout_ends_the_session_for_everybody_who_has_its_token(client: Any) -> None:
    token = client.post("/login", data=FORM).json()["Token"]
    assert client.post("/logout").status_code == 200
    client.cookies.clear()
    assert client.get("/api/capture", headers={"X-Auth-Token": token}).status_code == 401
    assert client.get("/api/whoami").json() == {
        **{"LoginRequired": True, "User": "", "Backend": "", "Roles": [], "Permissions": []}
    }


@pytest.mark.parametrize("put", ["header", "bearer", "parameter", "basic"])
def test_credentials_are_taken_from_where_old_clients_put_them(client: Any, put: str) -> None:
    token = client.post("/login", data=FORM).json()["Token"]
    client.cookies.clear()
    ways: dict[str, dict[str, Any]] = {
        "header": {"headers": {"X-Auth-Token": token}},
        "bearer": {"headers": {"Authorization": f"Bearer {token}"}},
        "parameter": {"params": {"x-auth-token": token}},
        "basic": {"auth": ("alice", "right")},
    }
    assert client.get("/api/capture", **ways[put]).status_code == 200


def test_an_old_cookie_does_not_spoil_a_right_password(client: Any) -> None:
    client.cookies.set("authtoken", "old")
    assert client.get("/api/capture").status_code == 401
    assert client.get("/api/capture", auth=("alice", "right")).status_code == 200


@pytest.mark.parametrize("header", ["Basic", "Basic %%%", "Bearer", "Digest x", "x"])
def test_rubbish_is_refused_with_the_way_to_log_in(client: Any, header: str) -> None:
    answer = client.get("/api/capture", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Basic realm="netsonde"')
    browser = client.get("/api/capture", headers={"Authorization": header, "Sec-Fetch-Mode": "cors"})
    assert browser.headers["www-authenticate"] == 'Bearer realm="netsonde"'


def test_too_many_wrong_passwords_are_told_when_to_come_back(client: Any) -> None:
    wrong = {**FORM, "password": "wrong"}
    assert [client.post("/login", data=wrong).status_code for _ in range(4)] == [401, 401, 401, 429]
    assert 1 <= int(client.post("/login", data=wrong).headers["retry-after"]) <= 20


def test_a_foreign_page_can_neither_log_in_nor_out(client: Any) -> None:
    for path in ("/login", "/logout"):
        assert client.post(path, data=FORM, headers={"Origin": "https://evil.example"}).status_code == 403


def test_an_agent_enrols_once_by_a_token_that_is_used_up_then(client: Any, held: Held) -> None:
    token = create_token(held.tokens, "new", frozenset({"enroller"}), now_s=NOW_S, lasts_s=60, uses=1)
    headers = {"Authorization": f"Bearer {token}"}
    request, _ = request_for("h1")
    answer = client.post("/api/enrol", json={"Host": "h1", "Request": request.decode()}, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["BusUrl"] == "tls://netsonde.example:4222"
    assert "BEGIN CERTIFICATE" in answer.json()["Certificate"]
    again = client.post("/api/enrol", json={"Host": "h2", "Request": request.decode()}, headers=headers)
    assert again.status_code == 401


def test_a_session_of_a_token_enrols_no_more_often_than_the_token(client: Any, held: Held) -> None:
    token = create_token(held.tokens, "new", frozenset({"enroller"}), now_s=NOW_S, lasts_s=60, uses=1)
    session = client.post("/login", data={"username": "x", "password": token}).json()["Token"]
    client.cookies.clear()
    answers = []
    for host in ("h1", "h2"):
        body = {"Host": host, "Request": request_for(host)[0].decode()}
        answers.append(client.post("/api/enrol", json=body, headers={"X-Auth-Token": session}).status_code)
    assert answers == [200, 401]


def test_nobody_takes_the_place_of_a_host_that_has_enrolled(client: Any, held: Held) -> None:
    token = create_token(held.tokens, "new", frozenset({"enroller"}), now_s=NOW_S, lasts_s=60, uses=2)
    headers = {"Authorization": f"Bearer {token}"}
    request, _ = request_for("h1")
    body = {"Host": "h1", "Request": request.decode()}
    assert client.post("/api/enrol", json=body, headers=headers).status_code == 200
    taken = client.post("/api/enrol", json=body, headers=headers)
    assert taken.status_code == 409
    assert "netsonde access agent forget h1" in taken.text


@pytest.mark.parametrize(
    ("host", "status", "words"),
    [
        ("a1", 409, "is the analyzer's own"),
        *[
            (name, 400, "cannot be the name of a host")
            for name in ("", "a:b", "#h1", "@declared", " h1", "h1 ", "h\n1", "x" * 65)
        ],
    ],
)
def test_a_name_that_is_or_could_be_anothers_is_refused_and_uses_no_token_up(
    client: Any, held: Held, host: str, status: int, words: str
) -> None:
    token = create_token(held.tokens, "new", frozenset({"enroller"}), now_s=NOW_S, lasts_s=60, uses=1)
    request, _ = request_for("h1")
    headers = {"Authorization": f"Bearer {token}"}
    refused = client.post("/api/enrol", json={"Host": host, "Request": request.decode()}, headers=headers)
    assert (refused.status_code, words in refused.text) == (status, True), refused.text
    assert client.post("/api/enrol", json={"Host": "h1", "Request": request.decode()}, headers=headers).is_success
