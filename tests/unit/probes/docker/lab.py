# SPDX-License-Identifier: Apache-2.0
"""The recording of a real dockerd, and an engine that answers from it at a Unix socket."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from netsonde.probes.docker.api import Inspection

FILE = Path(__file__).parents[3] / "data/docker/lab.json"


@cache
def recording() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def told(name: str) -> dict[str, Any]:
    """Return a copy of what the daemon said of one container."""
    (found,) = (one for one in recording()["containers"].values() if one["Name"] == f"/{name}")
    copy: dict[str, Any] = json.loads(json.dumps(found))
    return copy


def inspection(answer: dict[str, Any]) -> Inspection:
    return msgspec.json.decode(json.dumps(answer), type=Inspection)


class Engine:
    """Answers as the recorded daemon; a test changes `answers`, which are bytes by path, and sends events itself."""

    def __init__(self, containers: list[dict[str, Any]]) -> None:
        self.answers: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.streams = 0
        self.before_list: Callable[[], None] = lambda: None
        """Called when a list was made, before it is sent."""
        self.silent = False
        """Whether it takes requests without answering them."""
        self.hung: set[str] = set()
        """Paths that it takes requests for without answering them."""
        self.took = asyncio.Event()
        """Whether it took such a request."""
        self.put(containers)
        self._events: list[asyncio.StreamWriter] = []
        self._ended: list[asyncio.Event] = []

    def put(self, containers: list[dict[str, Any]]) -> None:
        """Say that exactly these containers run."""
        self.answers = {"/version": json.dumps(recording()["version"]).encode(), "/_ping": b"OK"}
        self.answers["/containers/json"] = json.dumps([{"Id": one["Id"]} for one in containers]).encode()
        self.answers |= {f"/containers/{one['Id']}/json": json.dumps(one).encode() for one in containers}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = asyncio.Event()
        self._ended.append(ended)
        with suppress(OSError, asyncio.IncompleteReadError):
            target = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            path = target.removeprefix("/v1.41").partition("?")[0]
            self.asked.append(path)
            await self._answer(path, reader, writer)
        writer.close()
        ended.set()

    async def _answer(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.silent or path in self.hung:
            self.took.set()
            await reader.read()
        elif path == "/events":
            self.streams += 1
            self._events.append(writer)
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await reader.read()
        elif path in self.answers:
            body = self.answers[path]
            if path == "/containers/json":
                self.before_list()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def send(self, *events: dict[str, Any] | bytes) -> None:
        """Send events to the stream that was opened last, as one chunk."""
        lines = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
        data = b"\n".join(lines) + b"\n"
        self._events[-1].write(b"%x\r\n%b\r\n" % (len(data), data))

    def drop(self) -> None:
        """Break the stream of events off."""
        self._events[-1].close()

    async def end(self) -> None:
        for ended in self._ended:
            await ended.wait()


def event(action: str, container: str) -> dict[str, Any]:
    return {"Type": "container", "Action": action, "Actor": {"ID": container, "Attributes": {}}}
