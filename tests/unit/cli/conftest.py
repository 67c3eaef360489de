# SPDX-License-Identifier: Apache-2.0
"""The command line against a real server over fake services, in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import pytest

from netsonde.api.server import serve
from netsonde.cli.main import run
from unit.api.fakes import Fakes

T = TypeVar("T")


class Output(NamedTuple):
    """What a command line did."""

    status: int
    out: str
    err: str


Command = Callable[..., Output]


class Server:
    """The server's address and fakes; `do` runs something on its event loop."""

    def __init__(self) -> None:
        self.fakes = Fakes.new()
        self._loop = asyncio.new_event_loop()
        self._started: Future[str] = Future()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.url = f"http://{self._started.result(20)}"

    def do(self, work: Callable[[], T]) -> T:
        async def call() -> T:
            return work()

        return self.wait(call())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._serving.cancel)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._serving = self._loop.create_task(serve(self.fakes.services(), self._started.set_result))
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serving)
        self._loop.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    monkeypatch.setenv("NETSONDE_URL", server.url)
    yield server
    server.stop()


@pytest.fixture
def netsonde(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    """Run a command line in this process."""

    def call(*arguments: str) -> Output:
        status = run(arguments)
        out, err = capfdbinary.readouterr()
        return Output(status, out.decode("utf-8", "surrogateescape"), err.decode())

    return call
