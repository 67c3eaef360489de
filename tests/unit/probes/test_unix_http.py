# SPDX-License-Identifier: Apache-2.0
"""HTTP over a Unix socket: what servers do that keep to the protocol, and what others do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket

import pytest

from netsonde.errors import SourceAbsent, SourceLost, WireError
from netsonde.probes import unix_http as http
from netsonde.probes.unix_http import UnixHttp

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def served(tmp_path: Path, *answer: bytes, timeout: float = 1.0, hold: bool = False) -> AsyncIterator[UnixHttp]:
    """A server that sends these pieces to everybody, then closes, or holds until the client does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in answer:
            writer.write(piece)
        if hold:
            await reader.read()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_unix_server(serve, tmp_path / "s")
    yield UnixHttp(str(tmp_path / "s"), timeout)
    server.close()
    await ended.wait()


@pytest.mark.parametrize(
    "answer",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",),
        (CHUNKED, b"2\r\nbo\r\n", b"2\r\ndy\r\n0\r\n\r\n"),
        (b"HTTP/1.0 200 OK\r\n\r\nbo", b"dy"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"),
    ],
)
async def test_answer_is_read_however_it_is_framed(tmp_path: Path, answer: tuple[bytes, ...]) -> None:
    async with served(tmp_path, *answer) as client:
        found = await client.get("/x")
        assert (found.status, found.body) == (200, b"body")


async def test_lines_come_whole_whatever_the_chunks_and_the_end_is_no_error(tmp_path: Path) -> None:
    pieces = (CHUNKED, b"3\r\n{a}\r\n", b"6\r\n\n\n{b}\n\r\n", b"0\r\n\r\n")
    async with served(tmp_path, *pieces) as client, client.lines("/events") as lines:
        assert [line async for line in lines] == [b"{a}", b"{b}"]


async def test_absent_engine_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceAbsent, match=r"no container engine at .*does not exist"):
        await UnixHttp(str(tmp_path / "none"), 1.0).get("/x")


async def test_engine_that_left_its_socket_behind_is_lost(tmp_path: Path) -> None:
    with socket(AF_UNIX, SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / "dead"))
    with pytest.raises(SourceLost, match=r"no container engine at .*refused") as lost:
        await UnixHttp(str(tmp_path / "dead"), 1.0).get("/x")
    assert not isinstance(lost.value, SourceAbsent)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((b"SSH-2.0-OpenSSH_9.2\r\n\r\n",), "does not speak HTTP"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody",), "closed the connection"),
        ((CHUNKED, b"zz\r\n"), "does not speak HTTP"),
        ((b"",), "closed the connection"),
        ((b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,), "does not speak HTTP"),
    ],
)
async def test_what_is_no_answer_is_a_lost_source(tmp_path: Path, answer: tuple[bytes, ...], why: str) -> None:
    async with served(tmp_path, *answer) as client:
        with pytest.raises(SourceLost, match=why):
            await client.get("/x")


async def test_engine_that_is_too_slow_is_lost(tmp_path: Path) -> None:
    async with served(tmp_path, b"HTTP/1.1 200 OK\r\n", timeout=0.02, hold=True) as client:
        with pytest.raises(SourceLost, match=r"did not answer /x within 0\.02 s"):
            await client.get("/x")


async def test_answer_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_LIMIT", 1000)
    async with served(tmp_path, b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 2000, hold=True) as client:
        with pytest.raises(WireError, match="longer than 1000 bytes"):
            await client.get("/x")


async def test_line_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LINE_LIMIT", 1000)
    async with served(tmp_path, b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 2000, hold=True) as client:
        with pytest.raises(WireError, match="longer than 1000 bytes"):
            await first_line(client)


async def first_line(client: UnixHttp) -> bytes:
    async with client.lines("/events") as lines:
        return await anext(lines)


async def test_stream_that_is_refused_is_an_error(tmp_path: Path) -> None:
    async with served(tmp_path, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as client:
        with pytest.raises(WireError, match="status 403"):
            await first_line(client)
