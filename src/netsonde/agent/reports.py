# SPDX-License-Identifier: Apache-2.0
"""From the native core to the bus: flow reports and first packets; from the probes: interface counters."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from netsonde.aio.tasks import HealthSink
from netsonde.model.topology import InterfaceMetric

FLUSH_INTERVAL = 0.25
"""Seconds between two looks at what the core has finished; a flow is reported within a second of its first packet."""


class Core(Protocol):
    """The part of `netsonde._native.CaptureCore` that yields reports."""

    def take_flows(self) -> list[bytes]: ...
    def take_packets(self) -> list[bytes]: ...


class Publisher(Protocol):
    """Where reports go; never blocks."""

    def offer(self, payload: bytes) -> None: ...


class ReportPump:
    """Moves finished reports to their publishers until cancelled, and once more at the end."""

    def __init__(self, core: Core, *, flows: Publisher, packets: Publisher) -> None:
        self._core = core
        self._flows = flows
        self._packets = packets

    async def run(self, health: HealthSink) -> None:
        health.running()
        while True:
            await asyncio.sleep(FLUSH_INTERVAL)
            self.flush()

    def flush(self) -> None:
        """Hand over what is finished now."""
        for batch in self._core.take_flows():
            self._flows.offer(batch)
        for batch in self._core.take_packets():
            self._packets.offer(batch)


def metrics_sink(publisher: Publisher) -> Callable[[Sequence[InterfaceMetric]], None]:
    """Return what probes hand their counters to."""
    encoder = msgspec.json.Encoder()

    def offer(metrics: Sequence[InterfaceMetric]) -> None:
        if metrics:
            publisher.offer(encoder.encode(list(metrics)))

    return offer
