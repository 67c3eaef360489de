# SPDX-License-Identifier: Apache-2.0
"""A runtime that speaks as much of CRI v1 as the probe asks for, over real gRPC at a Unix socket."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Server, Stream

from netsonde.model.protobuf import fields
from netsonde.probes.cri.runtime import EVENTS, SERVICE, Octets
from protobuf_messages import Values, message


def pod(name: str, *, state: int = 0, labels: dict[str, str] | None = None) -> Values:
    return {1: f"{name}-id", 2: {1: name, 2: f"{name}-uid", 3: "shop"}, 3: state, 4: 5_000_000, 5: labels or {}}


def container(name: str, of: str, *, state: int = 1, labels: dict[str, str] | None = None) -> Values:
    image = {1: "sha256:1", 18: "nginx:1"}
    return {1: f"{name}-id", 2: f"{of}-id", 3: {1: name, 2: 3}, 4: image, 5: "ref", 6: state, 8: labels or {}}


class Runtime:
    """What it says; a test changes it and calls `happen`."""

    def __init__(self, socket: Path, events: tuple[str, ...] = ("CRI", "containerd")) -> None:
        self.socket = socket
        self.pods: list[Values] = []
        self.containers: list[Values] = []
        self.info: dict[str, str] = {}
        """By id, instead of `{"pid": …}` with our own pid."""
        self.silent = False
        self.says_it_is_late = False
        self.answer: bytes | None = None
        """Instead of every answer."""
        self.lists = 0
        self.gone = False
        self.implemented = True
        self.before_list: Callable[[], object] = lambda: None
        self._events = [method for whose, method, _ in EVENTS if whose in events]
        self._streams: set[asyncio.Event] = set()
        self._server: Server | None = None

    async def __aenter__(self) -> "Runtime":
        self._server = Server([self], codec=Octets())
        await self._server.start(path=str(self.socket))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        # The server takes no new connections from now on; on those that there are it goes on to answer.
        self.gone = True
        self._server.close()
        await self._server.wait_closed()
        self.socket.unlink(missing_ok=True)

    def put(self, containers: list[Values]) -> bool:
        self.containers = containers
        return True

    def happen(self) -> None:
        for stream in self._streams:
            stream.set()

    def __mapping__(self) -> dict[str, Handler]:
        unary = {
            "Version": lambda _: {1: "0.1.0", 2: "containerd", 3: "1.7.0", 4: "v1"},
            "ListPodSandbox": self._list_pods,
            "ListContainers": lambda _: {1: self.containers},
            "PodSandboxStatus": self._pod,
            "ContainerStatus": self._container,
        }
        found = {
            SERVICE + name: Handler(self._answering(of), Cardinality.UNARY_UNARY, bytes, bytes)
            for name, of in unary.items()
        }
        streams = {one: Handler(self._stream, Cardinality.UNARY_STREAM, bytes, bytes) for one in self._events}
        return found | streams

    def _answering(self, of: Callable[[str], Values | None]) -> Any:
        async def answer(stream: "Stream[bytes, bytes]") -> None:
            request = await stream.recv_message() or b""
            if self.gone:
                raise GRPCError(Status.UNAVAILABLE, "going down")
            if not self.implemented:
                raise GRPCError(Status.UNIMPLEMENTED, "unknown service")
            if self.says_it_is_late:
                raise GRPCError(Status.DEADLINE_EXCEEDED, "context deadline exceeded")
            if self.silent:
                await asyncio.Event().wait()
            asked = dict(fields(request)).get(1, b"")
            assert isinstance(asked, bytes)
            told = of(asked.decode())
            if told is None:
                raise GRPCError(Status.NOT_FOUND, "no such thing")
            await stream.send_message(message(told) if self.answer is None else self.answer)

        return answer

    async def _stream(self, stream: "Stream[bytes, bytes]") -> None:
        await stream.recv_message()
        happened = asyncio.Event()
        self._streams.add(happened)
        try:
            while True:
                await happened.wait()
                happened.clear()
                await stream.send_message(b"")
        finally:
            self._streams.discard(happened)

    def _list_pods(self, _: str) -> Values:
        self.lists += 1
        self.before_list()
        return {1: self.pods}

    def _pod(self, identity: str) -> Values | None:
        if all(one[1] != identity for one in self.pods):
            return None
        return {1: {1: identity, 5: {1: "10.0.0.7", 2: [{1: "fd00::7"}]}}, 2: {"info": self._words(identity)}}

    def _container(self, identity: str) -> Values | None:
        if all(one[1] != identity for one in self.containers):
            return None
        return {1: {1: identity, 5: 7_000_000, 8: {1: "nginx:1"}}, 2: {"info": self._words(identity)}}

    def _words(self, identity: str) -> str:
        own = json.dumps({"pid": os.getpid(), "runtimeSpec": {"hostname": "inside"}})
        return self.info.get(identity, own)
