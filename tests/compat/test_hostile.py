# SPDX-License-Identifier: Apache-2.0
"""Input made to harm: it is refused with a reason, and the server goes on."""

import json

import pytest

from compat.raw import BINARY, Raw, chunks, read_answer
from netsonde.model.captures import Capture
from unit.api.fakes import Fakes, section

POST = "POST /api/capture HTTP/1.1\nContent-Type: application/json\n"


async def is_alive(raw: Raw) -> bool:
    return (await raw.http("GET /healthz HTTP/1.1")).body == b"ok\n"


async def test_a_body_of_100_mb_is_refused_before_it_is_sent(raw: Raw) -> None:
    async with raw.connection() as (reader, writer):
        writer.write(f"POST /api/capture HTTP/1.1\r\nHost: {raw.address}\r\nContent-Length: 104857600\r\n\r\n".encode())
        answer = await read_answer(reader)
    assert answer.status == 413
    assert b"too large" in answer.body
    assert await is_alive(raw)


async def test_an_endless_body_is_refused_once_it_is_too_long(raw: Raw) -> None:
    async with raw.connection() as (reader, writer):
        writer.write(
            f"POST /api/topology HTTP/1.1\r\nHost: {raw.address}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        for _ in range(11):
            writer.write(chunk)
        answer = await read_answer(reader)
    assert answer.status == 413
    assert await is_alive(raw)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"GremlinQuery": "G", "Surprise": 1}', "unknown member 'Surprise'"),
        (b'{"GremlinQuery": 7}', "GremlinQuery: expected text"),
        (b'{"GremlinQuery": "G", "Port": 1e400}', "not JSON"),
        (b'{"GremlinQuery": "G", "Paused": "yes"}', "Paused: expected true or false"),
        (b"[" * 200_000, ""),
        (b'{"GremlinQuery": "\xc3\x28"}', "not UTF-8"),
        (b"\x00\x01\x02", "not JSON"),
        (b'"' + b"x" * 9_000_000, "not JSON"),
        (b'{"GremlinQuery": "V' + b"(" * 1_000_000 + b'"}', "a query starts with G"),
        (b"", "not JSON"),
    ],
)
async def test_a_bad_body_is_a_400_that_says_what(raw: Raw, body: bytes, reason: str) -> None:
    answer = await raw.http(POST if body else POST + "Content-Length: 0\n", body)
    assert answer.status == 400
    assert reason in answer.body.decode()
    assert b"Traceback" not in answer.body
    assert await is_alive(raw)


async def test_a_huge_query_is_not_repeated_whole_in_its_refusal(raw: Raw) -> None:
    answer = await raw.http(POST, json.dumps({"GremlinQuery": "V" * 1_000_000}).encode())
    assert answer.status == 400
    assert len(answer.body) < 10_000


@pytest.mark.parametrize("payload", [b"{", b"[" * 100_000, b'{"Namespace":1}', b"\xff\xfe", b"null"])
async def test_a_bad_message_is_answered_and_the_socket_stays(raw: Raw, payload: bytes) -> None:
    async with raw.websocket("/ws/subscriber", "X-Client-Type: x") as socket:
        socket.send(payload, BINARY)
        assert (await socket.message())["Status"] == 400
        socket.send(b'{"Namespace":"Graph","Type":"SyncRequest"}')
        assert (await socket.message())["Status"] == 200


async def test_a_message_without_end_closes_its_socket_only(raw: Raw) -> None:
    async with raw.websocket("/ws/subscriber", "X-Client-Type: x") as socket:
        socket.send(b" " * (1024 * 1024 + 1))
        assert await socket.closing_code() == 1009
    assert await is_alive(raw)


async def test_text_that_is_no_utf8_closes_its_socket_only(raw: Raw) -> None:
    async with raw.websocket("/ws/subscriber", "X-Client-Type: x") as socket:
        socket.send(b"\xff\xff")
        assert await socket.closing_code() == 1007
    assert await is_alive(raw)


async def test_followed_packets_arrive_as_they_come_until_the_client_hangs_up(raw: Raw, fakes: Fakes) -> None:
    fakes.captures.put(Capture(uuid="c1", gremlin_query="G.V()"))
    fakes.packets.arriving = [[b"one"], [], [b"two", b"three"]]
    async with raw.connection() as (reader, writer):
        writer.write(f"GET /api/capture/c1/packets?follow=1 HTTP/1.1\r\nHost: {raw.address}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"application/x-pcapng" in head
        body = chunks(reader)
        received = [await anext(body) for _ in range(3)]
    assert b"".join(received) == section(0) + section(1)[28:] + section(2)[48:]
    assert await is_alive(raw)
