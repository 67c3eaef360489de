# SPDX-License-Identifier: Apache-2.0
"""What analyzers may ask of an agent over the bus: its flow tables and the packets it keeps."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Protocol, TypeVar

import msgspec

from netsonde.bus.calls import Handler
from netsonde.errors import UserError
from netsonde.model.flows import FlowRequest, PacketRequest

T = TypeVar("T")


class Core(Protocol):
    """The part of `netsonde._native.CaptureCore` that answers questions."""

    def snapshot_flows(self, node_tids: list[str] | None, capture_ids: list[str] | None) -> list[bytes]: ...

    def packets(
        self,
        capture_id: str,
        node_tids: list[str] | None = None,
        flow_uuids: list[int] | None = None,
        after: int = -1,
        limit: int = 10_000,
    ) -> list[bytes]: ...


def flow_handler(core: Core) -> Handler:
    """Return the handler of `flows`: a FlowRequest in, Arrow IPC streams of flows out."""

    async def handle(request: bytes) -> AsyncIterator[bytes]:
        wanted = _decode(request, FlowRequest)
        # Walking large tables takes a while; the loop must go on following the kernel.
        for batch in await asyncio.to_thread(core.snapshot_flows, wanted.node_tids, wanted.capture_ids):
            yield batch

    return handle


def packet_handler(core: Core, captures: Callable[[], Iterable[str]]) -> Handler:
    """Return the handler of `packets`: a PacketRequest in, Arrow IPC streams of packets out.

    `captures` gives the captures of this agent, for a request that names none.
    """

    async def handle(request: bytes) -> AsyncIterator[bytes]:
        wanted = _decode(request, PacketRequest)
        uuids = None if wanted.flow_uuids is None else [int(uuid, 16) for uuid in wanted.flow_uuids]
        chosen = [wanted.capture_id] if wanted.capture_id is not None else sorted(captures())
        for capture_id in chosen:
            for batch in await asyncio.to_thread(
                core.packets, capture_id, wanted.node_tids, uuids, wanted.after, wanted.limit
            ):
                yield batch

    return handle


def _decode(request: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request, type=kind)
    except msgspec.MsgspecError as bad:
        raise UserError(f"no {kind.__name__}: {bad}") from bad
