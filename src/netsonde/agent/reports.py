# SPDX-License-Identifier: Apache-2.0
"""From the native core to the bus: flow reports and first packets; from the probes: interface counters."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from netsonde.aio.tasks import HealthSink
from netsonde.bus.subjects import REPORT_BYTES
from netsonde.model.topology import InterfaceMetric

if TYPE_CHECKING:
    import pyarrow as pa

FLUSH_INTERVAL = 0.25
"""Seconds between two looks at what the core has finished; a flow is reported within a second of its first packet."""
METRICS_A_REPORT = 500
"""Interfaces whose counters go into one report; each takes some hundred bytes."""


class Core(Protocol):
    """The part of `netsonde._native.CaptureCore` that yields reports."""

    def take_flows(self) -> list[bytes]: ...
    def take_packets(self) -> list[bytes]: ...


class Publisher(Protocol):
    """Where reports go; never blocks."""

    def offer(self, payload: bytes) -> None: ...


class ReportPump:
    """Moves finished reports to their publishers until cancelled, and once more at the end."""

    def __init__(
        self, core: Core, *, flows: Publisher, packets: Publisher, topics: Callable[[bytes], None] = lambda _: None
    ) -> None:
        self._core = core
        self._flows = flows
        self._packets = packets
        self._topics = topics

    async def run(self, health: HealthSink) -> None:
        health.running()
        while True:
            await asyncio.sleep(FLUSH_INTERVAL)
            self.flush()

    def flush(self) -> None:
        """Hand over what is finished now."""
        for batch in self._core.take_flows():
            self._topics(batch)
            for part in parts(batch):
                self._flows.offer(part)
        for batch in self._core.take_packets():
            for part in parts(batch):
                self._packets.offer(part)


def parts(stream: bytes, most: int = REPORT_BYTES) -> Iterator[bytes]:
    """Cut an Arrow stream that is longer than one message may be into streams of fewer rows, in their order."""
    if len(stream) <= most:
        yield stream
        return
    # Loaded for the rare long batch only: it takes as long as all else that an agent loads.
    import pyarrow as pa

    table = pa.ipc.open_stream(stream).read_all()
    rows = max(1, table.num_rows * most // len(stream))
    for begin in range(0, table.num_rows, rows):
        yield from _halves(table.slice(begin, rows), most)


def _halves(table: "pa.Table", most: int) -> Iterator[bytes]:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    written = sink.getvalue()
    if written.size <= most or table.num_rows == 1:
        yield written.to_pybytes()
        return
    middle = table.num_rows // 2
    yield from _halves(table.slice(0, middle), most)
    yield from _halves(table.slice(middle), most)


def metrics_sink(publisher: Publisher) -> Callable[[Sequence[InterfaceMetric]], None]:
    """Return what probes hand their counters to."""
    encoder = msgspec.json.Encoder()

    def offer(metrics: Sequence[InterfaceMetric]) -> None:
        for begin in range(0, len(metrics), METRICS_A_REPORT):
            publisher.offer(encoder.encode(list(metrics[begin : begin + METRICS_A_REPORT])))

    return offer
