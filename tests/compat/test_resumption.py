# SPDX-License-Identifier: Apache-2.0
"""Sequence numbers and coming back, over real sockets; clients that do not ask for them see nothing of it."""

import asyncio
import json
from typing import Any

import pytest

from compat.raw import Raw, Socket
from unit.api.fakes import Fakes, a_node

PLAIN = "/ws/subscriber?x-client-type=test"
NUMBERED = f"{PLAIN}&x-sequence=1"
ASK = b'{"Namespace":"Graph","Type":"SyncRequest","Obj":{}}'


async def synced(socket: Socket) -> dict[str, Any]:
    socket.send(ASK)
    return await socket.message()


async def counts(raw: Raw) -> dict[str, int]:
    found: dict[str, int] = json.loads((await raw.http("GET /api/status HTTP/1.1")).body)["Resumption"]
    return found


async def cut_off(raw: Raw, *, waiting: int = 1, expired: int = 0) -> None:
    """Ask until the server has noticed that clients are gone."""
    async with asyncio.timeout(20):
        while (found := await counts(raw))["Waiting"] != waiting or found["Expired"] != expired:
            pass


async def test_messages_are_the_same_bytes_as_ever_without_the_wish(raw: Raw, fakes: Fakes) -> None:
    async with raw.websocket(PLAIN) as socket:
        assert sorted(await synced(socket)) == ["Namespace", "Obj", "Status", "Type"]
        fakes.graph.put(a_node("n1"))
        assert list(await socket.message()) == ["Namespace", "Type", "Obj"]


async def test_numbers_count_all_messages_and_a_reply_names_the_session(raw: Raw, fakes: Fakes) -> None:
    async with raw.websocket(PLAIN, "X-Sequence: 1") as socket:
        reply = await synced(socket)
        fakes.graph.put(a_node("n1"), a_node("n2"))
        numbers = [(await socket.message())["Seq"] for _ in range(2)]
    assert (reply["Seq"], len(reply["Session"]), "Resumed" in reply) == (1, 32, False)
    assert numbers == [2, 3]


async def test_who_comes_back_gets_what_was_lost_and_what_was_missed(raw: Raw, fakes: Fakes) -> None:
    async with raw.websocket(NUMBERED) as socket:
        session = (await synced(socket))["Session"]
        fakes.graph.put(a_node("lost"))
        await socket.message()
    await cut_off(raw)
    fakes.graph.put(a_node("missed"))
    async with raw.websocket(f"{PLAIN}&resume={session}:1") as socket:
        first = await socket.message()
        more = [await socket.message() for _ in range(2)]
        fakes.graph.put(a_node("new"))
        more.append(await socket.message())
    assert (first["Type"], first["Resumed"], first["Session"], first["Obj"]) == (
        "Resume",
        True,
        session,
        {"Missed": 1},
    )
    assert "Seq" not in first
    assert [(message["Seq"], message["Obj"]["ID"]) for message in more] == [(2, "lost"), (3, "missed"), (4, "new")]
    assert (await counts(raw))["Resumed"] == 1


async def test_a_connection_that_the_server_believes_alive_is_taken_over(raw: Raw, fakes: Fakes) -> None:
    async with raw.websocket(NUMBERED) as old:
        session = (await synced(old))["Session"]
        async with raw.websocket(PLAIN, f"X-Resume: {session}:1") as new:
            assert (await new.message())["Resumed"] is True
            fakes.graph.put(a_node("n1"))
            assert (await new.message())["Seq"] == 2


@pytest.mark.parametrize("wish", ["0" * 32 + ":1", "SESSION:99", "SESSION:1&x-update-policy=partial"])
async def test_who_cannot_go_on_gets_the_whole_state_and_is_told(raw: Raw, fakes: Fakes, wish: str) -> None:
    fakes.graph.put(a_node("n1"))
    async with raw.websocket(NUMBERED) as socket:
        session = (await synced(socket))["Session"]
    await cut_off(raw)
    async with raw.websocket(f"{PLAIN}&resume={wish.replace('SESSION', session)}") as socket:
        state = await socket.message()
    assert (state["Type"], state["Resumed"], state["Seq"]) == ("SyncReply", False, 1)
    assert state["Session"] != session
    assert [node["ID"] for node in state["Obj"]["Nodes"]] == ["n1"]
    assert (await counts(raw))["Refused"] == 1


@pytest.mark.parametrize(("wish", "reason"), [("x-resume=me:1", "X-Resume"), ("x-sequence=maybe", "X-Sequence")])
async def test_a_wish_that_is_not_understood_is_refused(raw: Raw, wish: str, reason: str) -> None:
    async with raw.websocket(f"{PLAIN}&{wish}") as socket:
        assert (socket.answer.status, reason in socket.answer.body.decode()) == (400, True)


class TestBounds:
    """What is kept for those who are away is little, and for a while only."""

    @pytest.fixture
    def fakes(self) -> Fakes:
        return Fakes.new().with_settings(subscriber_queue=3)

    async def test_too_much_happened(self, raw: Raw, fakes: Fakes) -> None:
        async with raw.websocket(NUMBERED) as socket:
            session = (await synced(socket))["Session"]
        await cut_off(raw)
        fakes.graph.put(*(a_node(f"n{number}") for number in range(10)))
        async with raw.websocket(f"{PLAIN}&resume={session}:1") as socket:
            assert ((state := await socket.message())["Resumed"], len(state["Obj"]["Nodes"])) == (False, 10)

    async def test_too_many_wait(self, raw: Raw) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(34):
                group.create_task(self._come_and_go(raw))
        await cut_off(raw, waiting=32, expired=2)

    async def _come_and_go(self, raw: Raw) -> None:
        async with raw.websocket(NUMBERED) as socket:
            await synced(socket)

    async def test_a_slow_client_is_put_right_and_can_come_back_from_there(self, raw: Raw, fakes: Fakes) -> None:
        async with raw.websocket(NUMBERED) as socket:
            first = await synced(socket)
            fakes.graph.put(*(a_node(f"n{number}") for number in range(10)))
            state = await socket.message()
            assert (state["Type"], state["Seq"], len(state["Obj"]["Nodes"])) == ("SyncReply", 2, 10)
        await cut_off(raw)
        fakes.graph.put(a_node("late"))
        async with raw.websocket(f"{PLAIN}&resume={first['Session']}:2") as socket:
            assert (await socket.message())["Resumed"] is True
            assert (await socket.message())["Obj"]["ID"] == "late"


class TestTime:
    """A client that stays away is given up."""

    @pytest.fixture
    def fakes(self) -> Fakes:
        return Fakes.new().with_settings(subscriber_resume=0.1)

    async def test_time_is_over(self, raw: Raw, fakes: Fakes) -> None:
        async with raw.websocket(NUMBERED) as socket:
            await synced(socket)
        async with asyncio.timeout(20):
            await fakes.graph.abandoned.wait()
        assert await counts(raw) == {"Waiting": 0, "Resumed": 0, "Refused": 0, "Expired": 1}
