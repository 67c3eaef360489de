# SPDX-License-Identifier: Apache-2.0
"""The API over fake services, really served, in a thread of its own: for tests of what calls it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from netsonde.api.server import serve
from unit.api.fakes import Fakes

T = TypeVar("T")


class Server:
    """The server's address and fakes; `do` runs something on its event loop."""

    def __init__(self, fakes: Fakes | None = None) -> None:
        self.fakes = fakes or Fakes.new()
        self._loop = asyncio.new_event_loop()
        self._started: Future[str] = Future()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        scheme = "http" if self.fakes.settings.tls_certificate is None else "https"
        self.url = f"{scheme}://{self._started.result(20)}"

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
