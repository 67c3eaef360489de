# SPDX-License-Identifier: Apache-2.0
"""Who talked most, as a real chDB adds it up."""

import random
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pytest

from history_rows import flow, flows, now_ms
from netsonde.history.derived import MINUTE_NS
from netsonde.history.flow_periods import FLOW_PERIODS
from netsonde.history.history import History
from netsonde.history.talkers import TOP_TALKERS
from netsonde.model.flows import Talker

pytestmark = pytest.mark.system


async def test_top_talkers_count_a_conversation_once(history: History) -> None:
    moment = now_ms()
    ends = {
        "network_a": "10.0.0.1",
        "network_b": "10.0.0.2",
        "l3_tracking_id": 5,
        "lu_ab_bytes": 100,
        "lu_ab_packets": 2,
    }
    tap, uplink = flow(1, moment - 90, moment - 80, **ends), flow(2, moment - 90, moment - 80, node_tid="u", **ends)
    other = flow(
        3, moment - 90, moment - 80, network_a="10.0.0.1", network_b="10.0.0.3", l3_tracking_id=6, lu_ba_bytes=7
    )
    before = flow(4, moment - 9000, moment - 8000, **ends)
    await history.write_flows([flows(tap, uplink, other, before)])
    await history.write_flows([flows(tap)])

    found = await history.top_talkers(moment - 1000, moment, 2)

    assert found == [Talker("10.0.0.1", 107, 2, 2), Talker("10.0.0.2", 100, 2, 1)]


async def test_top_talkers_add_up_periods_and_take_the_point_that_saw_most(history: History) -> None:
    moment = now_ms()

    def seen(uuid: int, began: int, octets: int, **values: object) -> dict[str, object]:
        ends = {"network_a": "10.0.0.1", "network_b": "fd00::2", "l3_tracking_id": 5, "lu_ab_packets": 1}
        return flow(uuid, moment - began, moment - began + 10, lu_ab_bytes=octets, **ends, **values)

    tap = [seen(1, 90, 100), seen(1, 80, 50), seen(1, 70, 7, report_number=3)]
    uplink = [seen(2, 90, 100, node_tid="u"), seen(2, 80, 60, node_tid="u")]
    await history.write_flows([flows(*tap, *uplink)])
    await history.write_flows([flows(tap[1], tap[1])])

    found = await history.top_talkers(moment - 1000, moment, 10)

    assert found == [Talker("10.0.0.1", 160, 3, 1), Talker("fd00::2", 160, 3, 1)]


async def test_top_talker_is_found_behind_those_that_are_captured_at_many_points(history: History) -> None:
    """Five hosts whose conversation ten points saw, and one with more traffic that one point saw."""
    moment = now_ms()
    often = [
        flow(
            100 * host + point,
            moment - 90,
            moment - 80,
            network_a=f"10.0.0.{host}",
            network_b="10.0.9.9",
            l3_tracking_id=host,
            lu_ab_bytes=1000,
            node_tid=f"tap-{point}",
        )
        for host in range(1, 6)
        for point in range(10)
    ]
    once: dict[str, Any] = {"network_a": "10.1.1.1", "network_b": "10.1.1.2", "l3_tracking_id": 77, "lu_ab_bytes": 5001}
    await history.write_flows([flows(*often, flow(7, moment - 90, moment - 80, **once))])

    assert await history.top_talkers(moment - 1000, moment, 1) == [Talker("10.1.1.1", 5001, 0, 1)]
    two = await history.top_talkers(moment - 1000, moment, 3)
    assert [(talker.address, talker.bytes) for talker in two] == [
        ("10.1.1.1", 5001),
        ("10.1.1.2", 5001),
        ("10.0.9.9", 5000),
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_top_talkers_are_those_that_adding_up_every_report_gives(history: History, seed: int) -> None:
    chance, moment = random.Random(seed), now_ms()
    rows = []
    for conversation in range(150):
        a, b = (f"10.0.{side}.{int(chance.paretovariate(0.5)) % 20}" for side in (0, chance.randrange(2)))
        for uuid, began in product(chance.sample(range(9), chance.choice([1, 1, 4])), (90, 80, 70)):
            each = {"network_a": a, "network_b": b, "l3_tracking_id": conversation, "node_tid": f"tap-{uuid}"}
            counted = {"lu_ab_bytes": chance.randrange(50), "lu_ba_packets": chance.randrange(3)}
            rows += [flow(9 * conversation + uuid, moment - began, moment - began + 9, **each, **counted)] * (
                1 + (chance.random() < 0.2)
            )
    await history.write_flows([flows(*rows)])

    expected = _added_up(rows)

    for limit in (0, 1, 2, 5, 30, 10_000):
        assert await history.top_talkers(moment - 1000, moment, limit) == expected[:limit]


def _added_up(rows: Sequence[Mapping[str, Any]]) -> list[Talker]:
    """Return the talkers of rows, the greatest first."""
    points: dict[tuple[int, int], dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        points.setdefault((row["l3_tracking_id"], row["uuid"]), {})[row["lu_start_ns"]] = row
    most: dict[int, tuple[int, int]] = {}
    ends: dict[int, tuple[str, str]] = {}
    for (conversation, _), periods in points.items():
        octets = sum(row["lu_ab_bytes"] for row in periods.values())
        count = sum(row["lu_ba_packets"] for row in periods.values())
        before = most.get(conversation, (0, 0))
        most[conversation] = (max(octets, before[0]), max(count, before[1]))
        ends[conversation] = next((row["network_a"], row["network_b"]) for row in periods.values())
    sums: dict[str, list[int]] = {}
    for conversation, counted in most.items():
        for address in ends[conversation]:
            added = (*counted, 1)
            sums[address] = [a + b for a, b in zip(sums.get(address, (0, 0, 0)), added, strict=True)]
    return sorted((Talker(address, *each) for address, each in sums.items()), key=lambda t: (-t.bytes, t.address))


@pytest.mark.parametrize(
    ("sql", "named"),
    [(TOP_TALKERS, {"limit": 1, "candidates": 4, "floor": 0}), (FLOW_PERIODS, {"limit": 1, "uuids": [7]})],
    ids=["top talkers", "periods of a flow"],
)
async def test_reports_are_read_only_of_their_time(history: History, sql: str, named: dict[str, object]) -> None:
    """Of twenty thousand minutes in two blocks of rows, the last."""

    def read() -> list[str]:
        database = history._database
        assert database is not None
        database.command(
            "INSERT INTO flow_metrics (uuid, network_a, lu_start_ns, lu_last_ns) "
            f"SELECT 7, '10.0.0.1', number * {MINUTE_NS}, number * {MINUTE_NS} FROM numbers(20000)"
        )
        last = 19_999 * MINUTE_NS
        rows = database.rows(f"EXPLAIN indexes = 1 {sql}", start=last, last=last, **named)
        return [line.strip() for (line,) in rows if "Granules:" in line]

    assert "Granules: 1/2" in await history._run(read)
