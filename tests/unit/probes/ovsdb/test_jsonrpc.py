# SPDX-License-Identifier: Apache-2.0
"""The JSON-RPC client against a socket that answers well, badly, or not at all."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import SourceLost, WireError
from netsonde.probes.ovsdb.jsonrpc import EARLY_LIMIT, CallRefused, JsonRpc, JsonSplitter

Answer = Callable[[bytes], bytes | None]


@asynccontextmanager
async def server(directory: Path, answer: Answer) -> AsyncIterator[str]:
    """Serve one socket; `answer` turns each request into bytes, b"" closes the connection, None is silence."""

    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):  # the client may be gone before the answer
            while data := await reader.read(65536):
                reply = answer(data)
                if reply == b"":
                    break
                writer.write(reply or b"")
            writer.close()
            await writer.wait_closed()
        ended.set()

    path = directory / "s"
    async with await asyncio.start_unix_server(serve, path):
        yield f"unix:{path}"
        await ended.wait()


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=5)), min_size=1, max_size=4), st.integers(1, 7))
def test_messages_are_cut_wherever_the_stream_is_split(messages: list[dict[str, str]], size: int) -> None:
    stream = "".join(json.dumps(message) for message in messages).encode()
    splitter = JsonSplitter()
    found = [text for at in range(0, len(stream), size) for text in splitter.feed(stream[at : at + size])]
    assert [json.loads(text) for text in found] == messages


def test_quotes_and_brackets_in_texts_do_not_end_a_message() -> None:
    message = {"a": 'x"}{[', "b": ["\\", '\\"']}
    stream = json.dumps(message).encode()
    splitter = JsonSplitter()
    found = [text for byte in stream for text in splitter.feed(bytes([byte]))]
    assert [json.loads(text) for text in found] == [message]


def test_stream_that_is_no_json_is_refused() -> None:
    with pytest.raises(WireError, match="expected a JSON object"):
        JsonSplitter().feed(b"HTTP/1.1 400 Bad Request\r\n")


def test_brackets_closed_too_often_are_refused() -> None:
    with pytest.raises(WireError, match="expected a JSON object"):
        JsonSplitter().feed(b"{}}")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_message_too_deep_to_be_decoded_is_refused(opening: bytes) -> None:
    with pytest.raises(WireError, match="deep"):
        JsonSplitter().feed(b'{"a":' + opening * 100_000)


def test_text_in_many_pieces_is_read_once() -> None:
    splitter = JsonSplitter()
    assert splitter.feed(b'{"a":"') == []
    for _ in range(2000):
        assert splitter.feed(b"x{" * 2048) == []
    (found,) = splitter.feed(b'"}')
    assert len(found) == 2000 * 4096 + 8


def test_many_messages_in_one_piece_are_cut_in_one_go() -> None:
    assert JsonSplitter().feed(b"{}" * 80_000) == [b"{}"] * 80_000


def test_space_between_messages_is_not_kept() -> None:
    splitter = JsonSplitter()
    assert [splitter.feed(b" \n" * 1000) for _ in range(100)] == [[]] * 100
    assert splitter.feed(b'  {"a":1} ') == [b'{"a":1}']


async def test_call_returns_its_result_and_keeps_notifications_for_later(tmp_path: Path) -> None:
    before, after = ({"id": None, "method": "update3", "params": [number]} for number in (1, 2))
    echo = {"id": "echo", "method": "echo", "params": []}

    def answer(_: bytes) -> bytes:
        parts = (echo, before, {"id": 1, "result": 5, "error": None}, after)
        return b"".join(json.dumps(part).encode() for part in parts)

    async with server(tmp_path, answer) as address, await JsonRpc.connect(address) as rpc:
        assert await rpc.call("x", []) == 5
        assert await rpc.notifications() == [before, after]


async def test_error_of_the_server_names_the_call(tmp_path: Path) -> None:
    reply = b'{"id":1,"result":null,"error":{"error":"unknown database"}}'
    async with server(tmp_path, lambda _: reply) as address, await JsonRpc.connect(address) as rpc:
        with pytest.raises(CallRefused, match=r"get_schema.*unknown database"):
            await rpc.call("get_schema", ["x"])


async def test_rubbish_and_a_closed_connection_are_told_apart(tmp_path: Path) -> None:
    async with server(tmp_path, lambda _: b'{"id":1,"result":}') as address, await JsonRpc.connect(address) as rpc:
        with pytest.raises(WireError, match="not JSON"):
            await rpc.call("x", [])
    (tmp_path / "other").mkdir()
    async with server(tmp_path / "other", lambda _: b"") as address, await JsonRpc.connect(address) as rpc:
        with pytest.raises(SourceLost, match="closed"):
            await rpc.call("x", [])


async def test_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async with server(tmp_path, asked.append) as address, await JsonRpc.connect(address, idle=0.05) as rpc:
        with pytest.raises(SourceLost, match="did not answer"):
            await rpc.notifications()
    assert b"echo" in asked[0]


async def test_server_that_tells_and_tells_without_an_answer_is_given_up(tmp_path: Path) -> None:
    note = json.dumps({"id": None, "method": "update3", "params": ["x" * 65536]}).encode()
    flood = note * (EARLY_LIMIT // len(note) + 2)
    async with server(tmp_path, lambda _: flood) as address, await JsonRpc.connect(address) as rpc:
        with pytest.raises(WireError, match=r"get_schema.*did not answer"):
            await rpc.call("get_schema", [])


async def test_server_that_asks_and_reads_no_answer_is_given_up(tmp_path: Path) -> None:
    echo = json.dumps({"id": "echo", "method": "echo", "params": ["x" * 8_000_000]}).encode()
    given_up = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(echo)
        await given_up.wait()
        writer.transport.abort()

    async with await asyncio.start_unix_server(serve, tmp_path / "s"):
        async with await JsonRpc.connect(f"unix:{tmp_path}/s", idle=0.05) as rpc:
            with pytest.raises(SourceLost, match="read nothing"):
                await rpc.notifications()
        given_up.set()


async def test_host_that_does_not_answer_is_given_up() -> None:
    with socket.socket() as full, socket.socket() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting.connect(full.getsockname())  # a second connection finds no place in the queue, and gets no answer
        with pytest.raises(SourceLost, match="no connection within"):
            await JsonRpc.connect(f"tcp:127.0.0.1:{full.getsockname()[1]}", idle=0.05)


async def test_absent_socket_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(SourceLost, match="does not exist; is Open vSwitch running"):
        await JsonRpc.connect(f"unix:{tmp_path}/none")
