# SPDX-License-Identifier: Apache-2.0
"""Answers of many agents, one of which is of another version, broken, or hostile."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from history_rows import flow, flows, packet, packets
from netsonde.analyzer import gather
from netsonde.analyzer.flows import FlowService, LiveFlows
from netsonde.analyzer.gather import ask_agents
from netsonde.analyzer.packets import LivePackets, PacketService
from netsonde.errors import SourceLost, Unsupported
from netsonde.graph import Graph
from netsonde.model.flows import FlowRequest, PacketRequest


class Bus:
    """Agents by host, each with the items of its answer or with how it fails."""

    def __init__(self, answers: Mapping[str, list[bytes] | Exception]) -> None:
        self._answers = answers

    async def call(self, host: str, verb: str, request: bytes, *, timeout: float) -> AsyncGenerator[bytes, None]:
        said = self._answers[host]
        if isinstance(said, Exception):
            raise said
        for item in said:
            yield item

    def agents(self) -> list[str]:
        return list(self._answers)


def answering(good: bytes, *bad: list[bytes] | Exception) -> Any:
    return Bus({"good": [good], **{f"bad{number}": one for number, one in enumerate(bad)}})


def odd(**columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({name: [value] for name, value in columns.items()})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


RUBBISH = b"no arrow stream"
FAILURES = (SourceLost("away"), Unsupported("not on this kernel"))


async def test_flows_of_one_agent_are_had_whatever_the_others_say() -> None:
    bus = answering(flows(flow(1, 0, 5)), [RUBBISH], [flows(flow(2, 0, 5)), RUBBISH], *FAILURES)
    found = await LiveFlows(bus, bus, Graph("a", "analyzer.a", lambda: 0)).flows(FlowRequest())
    assert len(found.flows) == 1
    assert found.missing_hosts == ["bad0", "bad1", "bad2", "bad3"]


async def test_packets_of_one_agent_are_had_whatever_the_others_say() -> None:
    lies = [odd(nothing=1), odd(ts_ns="soon", number="x"), odd(capture_id="c", data=b"x")]
    bus = answering(packets(packet(1, 5)), [RUBBISH], *([one] for one in lies), *FAILURES)
    found = await PacketService(LivePackets(bus, bus), None).packets(PacketRequest("c"))
    (batch,) = found.batches
    assert pa.ipc.open_stream(batch).read_all().column("number").to_pylist() == [1]
    assert found.missing_hosts == [f"bad{number}" for number in range(6)]


async def test_columns_that_an_agent_of_another_version_has_are_left_out() -> None:
    other = odd(capture_id="c", node_tid="t", ts_ns=7_000_000, number=2, data=b"x", new="column")
    bus = Bus({"good": [packets(packet(1, 5))], "newer": [other]})
    found = await PacketService(LivePackets(bus, bus), None).packets(PacketRequest("c"))  # type: ignore[arg-type]
    assert pa.ipc.open_stream(found.batches[0]).read_all().column("number").to_pylist() == [1, 2]
    assert found.missing_hosts == []


async def test_an_answer_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOST_BYTES", 1000)
    bus = answering(b"x" * 900, [b"x" * 100] * 10_000)
    found = await ask_agents(bus, bus.agents(), "flows", b"")
    assert (len(found.by_host["bad0"]), found.missing_hosts) == (11, ["bad0"])


def test_subscribers_hear_of_the_other_reports_when_one_is_rubbish() -> None:
    heard: list[int] = []
    service = FlowService(None, None)  # type: ignore[arg-type]
    service.subscribe(lambda told: heard.append(len(told)))
    service.publish([flows(flow(1, 0, 5)), RUBBISH, flows(flow(2, 0, 5))])
    assert heard == [2]
