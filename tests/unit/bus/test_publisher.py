# SPDX-License-Identifier: Apache-2.0
import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netsonde.bus.reports import ReportPublisher
from netsonde.bus.spool import Spool
from netsonde.errors import NotFound, SourceLost
from netsonde.observe import Health


class FailingOnce:
    """A bus whose first publication fails."""

    def __init__(self, failure: Exception) -> None:
        self.settings = SimpleNamespace(spool_bytes=1 << 20)
        self.health = Health("bus")
        self.link = SimpleNamespace(max_payload=1 << 20)
        self.stored: list[bytes] = []
        self._failures = [failure]

    async def wait_connected(self) -> None:
        pass

    async def ensure_reports(self, kind: str) -> "FailingOnce":
        return self

    def forget_streams(self) -> None:
        pass

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> int:
        if self._failures:
            raise self._failures.pop()
        self.stored.append(payload)
        return len(self.stored)


@pytest.mark.parametrize("failure", [SourceLost("bus is away"), NotFound("no stream")])
async def test_the_last_report_is_sent_again_although_no_other_follows(failure: Exception, tmp_path: Path) -> None:
    bus: Any = FailingOnce(failure)
    publisher = ReportPublisher(bus, "packets", "h", tmp_path)
    running = asyncio.get_running_loop().create_task(publisher.run(), name="test")

    publisher.offer(b"first packets")
    async with asyncio.timeout(20):
        await publisher.drained()

    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert bus.stored == [b"first packets"]


class FullOnce:
    """Fails at the first use of one of the spool's operations, as a full disk does, and then has room."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real = real
        self.failed = 0

    def __call__(self, *arguments: Any) -> Any:
        if not self.failed:
            self.failed += 1
            raise sqlite3.OperationalError("database or disk is full")
        return self._real(*arguments)


@pytest.mark.parametrize("operation", ["remove", "read", "_open"])
async def test_a_full_disk_ends_no_publisher(operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bus: Any = FailingOnce(SourceLost("bus is away"))
    full = FullOnce(getattr(Spool, operation))
    monkeypatch.setattr(Spool, operation, lambda *arguments: full(*arguments))
    publisher = ReportPublisher(bus, "packets", "h", tmp_path)
    running = asyncio.get_running_loop().create_task(publisher.run(), name="test")

    publisher.offer(b"first packets")
    drained = asyncio.get_running_loop().create_task(publisher.drained(), name="drained")
    async with asyncio.timeout(20):
        await asyncio.wait({drained, running}, return_when=asyncio.FIRST_COMPLETED)
    assert drained.done(), running

    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert full.failed == 1
    assert set(bus.stored) == {b"first packets"}
    assert bus.health.counters["packets_spool_errors"] == 1
