# SPDX-License-Identifier: Apache-2.0
"""Whole rows of a TrackingID, half of the columns read by each of two threads, in a real database."""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TypeVar

import pytest

from history_rows import flow, flows
from netsonde.history.database import Database
from netsonde.history.history import History
from netsonde.history.settings import HistorySettings
from netsonde.history.traffic import TrafficReader
from netsonde.history.workers import Beside
from netsonde.model.flows import FlowRequest, FlowTest

pytestmark = pytest.mark.system

R = TypeVar("R")
TRACKED = FlowRequest(where=[[FlowTest("tracking_id", "in", [7 << 32])]])
SEEN = {"tracking_id": 7 << 32, "layers_path": "Ethernet/IPv4/TCP", "network_protocol": "IPV4"}


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[History]:
    opened = await History.open(HistorySettings(), tmp_path)
    yield opened
    await opened.close()


class Counting(Beside):
    """Counts what it is asked for; `then` is called when its half was read, before the reader's own."""

    def __init__(self, database: Database, then: Callable[[Database], object] = lambda database: None) -> None:
        super().__init__(database)
        self.begun = self.refused = 0
        self._then = then

    def begin(self, work: Callable[[Database], R]) -> Future[R] | None:
        begun = super().begin(work)
        if begun is None:
            self.refused += 1
        else:
            self.begun += 1
            wait([begun])
            self._then(self._database)
        return begun


async def asked(history: History, beside: Beside | None) -> list[dict[str, object]]:
    def read(database: Database) -> list[dict[str, object]]:
        table, _ = TrafficReader(database, beside).flows(TRACKED, 0, 10_000)
        found: list[dict[str, object]] = table.to_pylist()
        return sorted(found, key=lambda row: str(row["uuid"]))

    return await history._read(read)


async def another(history: History) -> Database:
    return await history._run(lambda: history._flow._database.another())


async def test_rows_read_in_halves_are_those_read_at_once(history: History) -> None:
    rows = [
        flow(
            uuid, 1000 + uuid, 2000 + uuid, **SEEN, node_tid=f"n{uuid}", dns=f"d{uuid}", ab_bytes=uuid, rtt_ns=9 * uuid
        )
        for uuid in range(1, 40)
    ]
    for begin in range(0, len(rows), 10):
        await history.write_flows([flows(*rows[begin : begin + 10])])
    beside = Counting(await another(history))

    halves, whole = await asked(history, beside), await asked(history, None)
    beside.close()

    assert beside.begun == 1
    assert [(row["uuid"], row["dns"], row["ab_bytes"]) for row in halves] == sorted(
        ((uuid, f"d{uuid}", uuid) for uuid in range(1, 40)), key=lambda row: str(row[0])
    )
    assert halves == whole


async def test_a_merge_between_both_halves_mixes_no_rows(history: History) -> None:
    """It leaves the last report of each flow: other rows, and at other places, than the first half has read."""
    for report in (1, 2):
        reported = [flow(uuid, 1000, 2000, report_number=report, **SEEN, dns=f"{uuid}.{report}") for uuid in (1, 2)]
        await history.write_flows([flows(*reported)])
    beside = Counting(await another(history), lambda database: database.command("OPTIMIZE TABLE flows FINAL"))

    found = await asked(history, beside)
    beside.close()

    assert beside.begun == 1
    assert [(row["uuid"], row["report_number"], row["dns"]) for row in found] == [(1, 2, "1.2"), (2, 2, "2.2")]


async def test_a_reader_does_not_wait_for_the_thread_that_helps_another_one(history: History) -> None:
    await history.write_flows([flows(flow(1, 1000, 2000, **SEEN, dns="d"))])
    beside = Counting(await another(history))
    beside._free.acquire()

    found = await asked(history, beside)
    beside._free.release()
    beside.close()

    assert (beside.begun, beside.refused) == (0, 1)
    assert [row["dns"] for row in found] == ["d"]


async def test_what_fails_beside_is_told_and_the_thread_is_free_again(history: History) -> None:
    beside = Beside(await another(history))

    failed = beside.begin(lambda database: database.rows("SELECT no_such_column"))
    assert failed is not None
    assert "no_such_column" in str(failed.exception())
    again = beside.begin(lambda database: database.rows("SELECT 1"))
    assert again is not None
    assert again.result() == [(1,)]
    beside.close()


@pytest.mark.parametrize(("threads", "helped"), [(2, True), (1, False)])
async def test_with_one_thread_a_query_nothing_is_read_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, *, helped: bool
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})
    history = await History.open(HistorySettings(threads=threads), tmp_path)
    found = history._beside is not None
    await history.close()

    assert found == helped
