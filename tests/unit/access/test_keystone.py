# SPDX-License-Identifier: Apache-2.0
"""Logins at a Keystone: a server whose answers are written after its API (OpenStack Identity v3), not recorded."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from netsonde.access.gate import Credentials, Gate, Refused
from netsonde.access.settings import KeystoneSettings
from netsonde.errors import SourceLost
from unit.access.gates import Held

ANSWERS = json.loads((Path(__file__).parents[2] / "data/keystone/tokens.json").read_text())
AT = "192.0.2.7"


class FakeKeystone:
    """Says what the API's description has a Keystone say; `asked` are the requests that it got."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.revoked = False
        self.broken = False
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            method, path, _ = first.split(" ")
            assert path == "/v3/auth/tokens"
            self.asked.append((method, headers, json.loads(body or b"null")))
            writer.write(self.answer(method, headers, json.loads(body or b"null")))

    def answer(self, method: str, headers: dict[str, str], body: Any) -> bytes:
        kind = "broken" if self.broken else self.kind_of(method, headers, body)
        answer = ANSWERS[kind]
        text = json.dumps(answer["body"]).encode() if answer["body"] is not None else b""
        lines = [f"HTTP/1.1 {answer['status']} x", f"Content-Length: {len(text)}"]
        lines += [f"{name}: {value}" for name, value in answer["headers"].items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + text

    def kind_of(self, method: str, headers: dict[str, str], body: Any) -> str:
        if method == "DELETE":
            self.revoked = True
            return "revoked"
        if method == "POST":
            password = body["auth"]["identity"]["password"]["user"]["password"]
            return "issued" if password == "right" else "unauthorized"
        return {"gAAAAAissued": "validated", "gAAAAAother": "other project"}.get(
            "" if self.revoked else headers["x-subject-token"], "not found"
        )


@pytest.fixture
async def keystone() -> AsyncIterator[FakeKeystone]:
    async with serving() as fake:
        yield fake


@asynccontextmanager
async def serving() -> AsyncIterator[FakeKeystone]:
    fake = FakeKeystone()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await fake.serve(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v3"
    yield fake
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def gate_at(held: Held, url: str) -> Gate:
    settings = KeystoneSettings(url=url, project="netops", roles={"member": "operator", "reader": "guest"})
    return held.gate(backends=("keystone",), keystone=settings)


@pytest.fixture
async def held() -> AsyncIterator[Held]:
    held = Held()
    yield held
    await held.close()


@pytest.fixture
def gate(held: Held, keystone: FakeKeystone) -> Gate:
    return gate_at(held, keystone.url)


async def test_a_password_is_asked_of_keystone_in_the_scope_of_the_project(gate: Gate, keystone: FakeKeystone) -> None:
    principal = await gate.identify(Credentials("alice", "right"), AT)
    assert principal is not None
    assert (principal.name, set(principal.roles)) == ("alice", {"operator", "guest"})
    scope = keystone.asked[0][2]["auth"]["scope"]
    assert scope == {"project": {"name": "netops", "domain": {"name": "Default"}}}


async def test_a_wrong_password_is_refused(gate: Gate) -> None:
    with pytest.raises(Refused):
        await gate.identify(Credentials("alice", "wrong"), AT)


async def test_a_token_of_keystone_is_validated_once_for_a_while(gate: Gate, keystone: FakeKeystone) -> None:
    for _ in range(5):
        assert await gate.identify(Credentials(token="gAAAAAissued"), AT) is not None
    assert [(method, headers["x-subject-token"]) for method, headers, _ in keystone.asked] == [("GET", "gAAAAAissued")]


async def test_a_token_or_password_of_many_requests_at_once_is_asked_for_once(
    gate: Gate, keystone: FakeKeystone
) -> None:
    for given in (Credentials(token="gAAAAAissued"), Credentials("alice", "right")):
        keystone.asked.clear()
        found = await asyncio.gather(*(gate.identify(given, AT) for _ in range(20)))
        assert {None if one is None else one.name for one in found} == {"alice"}
        assert len(keystone.asked) == 1


async def test_each_login_has_a_token_of_its_own(gate: Gate, keystone: FakeKeystone) -> None:
    await asyncio.gather(*(gate.login("alice", "right", AT) for _ in range(2)))
    assert [method for method, *_ in keystone.asked] == ["POST", "POST"]


async def test_a_clock_that_is_set_back_does_not_keep_a_revoked_token(
    gate: Gate, held: Held, keystone: FakeKeystone
) -> None:
    known = held.keystones[-1]
    assert await known.validate("gAAAAAissued") is not None
    keystone.revoked = True
    held.clock.now -= 3600
    assert await known.validate("gAAAAAissued") is None


async def test_a_token_of_another_project_is_refused(gate: Gate) -> None:
    with pytest.raises(Refused):
        await gate.identify(Credentials(token="gAAAAAother"), AT)


async def test_a_session_is_over_when_keystone_says_so_and_logout_tells_keystone(
    gate: Gate, held: Held, keystone: FakeKeystone
) -> None:
    _, token = await gate.login("alice", "right", AT)
    assert "gAAAAAissued" not in repr(held.store.entries)
    assert await gate.identify(Credentials(token=token), AT) is not None
    keystone.revoked = True
    held.clock.now += 31
    with pytest.raises(Refused):
        await gate.identify(Credentials(token=token), AT)
    await gate.logout(token)
    assert keystone.asked[-1][0] == "DELETE"


async def test_a_keystone_that_is_broken_or_away_is_no_wrong_password(
    gate: Gate, held: Held, keystone: FakeKeystone
) -> None:
    keystone.broken = True
    with pytest.raises(SourceLost, match="answered 500"):
        await gate.identify(Credentials("alice", "right"), AT)
    away = gate_at(held, "http://127.0.0.1:9/v3")
    with pytest.raises(SourceLost, match="does not answer"):
        await away.identify(Credentials("alice", "right"), AT)


async def test_who_tries_while_keystone_is_away_need_not_wait_when_it_is_back(
    gate: Gate, keystone: FakeKeystone
) -> None:
    keystone.broken = True
    for _ in range(gate.settings.failures_per_minute):
        for given in (Credentials("alice", "right"), Credentials(token="gAAAAAissued")):
            with pytest.raises(SourceLost):
                await gate.identify(given, AT)
    keystone.broken = False
    assert await gate.identify(Credentials("alice", "right"), AT) is not None
