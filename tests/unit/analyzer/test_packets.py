# SPDX-License-Identifier: Apache-2.0
"""The live stream of a capture's packets: each once, whatever happens to taps, agents and clocks."""

from collections.abc import Sequence
from contextlib import aclosing

import pyarrow as pa
import pytest

from history_rows import packet, packets
from netsonde.analyzer import packets as service
from netsonde.analyzer.packets import PacketService
from netsonde.model.flows import PacketAnswer, PacketRequest

BEGIN_MS = 1_700_000_000_000


class Agents:
    """What agents keep, each poll's newcomers given beforehand; they answer only from the asked time on."""

    def __init__(self, *polls: Sequence[tuple[str, int, int]]) -> None:
        """A packet is its TID, its time in ms from the beginning, and its number."""
        self._polls = list(polls)
        self._kept: list[dict[str, object]] = []
        self.asked: list[dict[str, int]] = []

    async def packets(self, request: PacketRequest) -> Sequence[bytes]:
        self.asked.append(request.since_ns)
        for tid, ms, number in self._polls.pop(0) if self._polls else ():
            self._kept.append(packet(number, BEGIN_MS + ms, node_tid=tid))
        wanted = [row for row in self._kept if row["ts_ns"] >= request.since_ns.get(str(row["node_tid"]), 0)]  # type: ignore[operator]
        return [packets(*wanted)] if wanted else []

    async def answer(self, request: PacketRequest) -> PacketAnswer:
        return PacketAnswer(await self.packets(request))


async def followed(agents: Agents, polls: int) -> list[list[tuple[str, int, int]]]:
    """Return what each poll of a stream gave: TID, ms, number."""
    async with aclosing(PacketService(agents, None).follow(PacketRequest("c"))) as stream:  # type: ignore[arg-type, type-var]
        return [[row for batch in await anext(stream) for row in rows(batch)] for _ in range(polls)]


def rows(batch: bytes) -> list[tuple[str, int, int]]:
    table = pa.ipc.open_stream(batch).read_all().to_pylist()
    return [(row["node_tid"], row["ts_ns"] // 1_000_000 - BEGIN_MS, row["number"]) for row in table]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "FOLLOW_INTERVAL", 0)


async def test_each_packet_comes_once() -> None:
    agents = Agents([("a", 0, 0), ("a", 1, 1)], [("a", 500, 2)], [], [("a", 500, 3)])
    assert await followed(agents, 4) == [[("a", 0, 0), ("a", 1, 1)], [("a", 500, 2)], [], [("a", 500, 3)]]


async def test_an_interface_made_again_is_followed_from_its_first_packet() -> None:
    agents = Agents([("a", 0, 0), ("a", 1, 1), ("a", 2, 2)], [("a", 900, 0), ("a", 901, 1)])
    assert await followed(agents, 2) == [[("a", 0, 0), ("a", 1, 1), ("a", 2, 2)], [("a", 900, 0), ("a", 901, 1)]]


async def test_a_new_interface_is_followed_from_its_look_back() -> None:
    agents = Agents([("a", 9000, 0)], [("b", 10, 0), ("b", 9001, 1)])
    assert await followed(agents, 2) == [[("a", 9000, 0)], [("b", 10, 0), ("b", 9001, 1)]]


async def test_a_packet_stamped_a_little_earlier_than_its_forerunner_is_not_lost() -> None:
    agents = Agents([("a", 1000, 0)], [("a", 998, 1)])
    assert await followed(agents, 2) == [[("a", 1000, 0)], [("a", 998, 1)]]


async def test_a_silent_interface_does_not_make_the_others_be_asked_for_again() -> None:
    agents = Agents([("idle", 0, 0), ("busy", 0, 0)], [("busy", 60_000, 1)], [])
    await followed(agents, 3)
    since = {tid: ns // 1_000_000 - BEGIN_MS for tid, ns in agents.asked[-1].items()}
    assert since == {"idle": -50, "busy": 59_950}
