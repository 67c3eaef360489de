# SPDX-License-Identifier: Apache-2.0
"""What analyzers may ask of an agent over the bus: its flow tables and the packets it keeps."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Protocol, TypeAlias, TypeVar

import msgspec

from netsonde.bus.calls import Handler
from netsonde.errors import UserError
from netsonde.model.flows import FlowRequest, PacketRequest, flow_numbers

T = TypeVar("T")
Test: TypeAlias = tuple[str, str, list[str | int | None]]
"""Column, operator, values: a FlowTest as the native core takes it."""


class Core(Protocol):
    """The part of `netsonde._native.CaptureCore` that answers questions."""

    def snapshot_flows(
        self,
        node_tids: list[str] | None = None,
        capture_ids: list[str] | None = None,
        tests: list[list[Test]] = ...,
        limit: int | None = None,
    ) -> list[bytes]: ...

    def packets(
        self,
        capture_id: str,
        node_tids: list[str] | None = None,
        flow_uuids: list[int] | None = None,
        after: int = -1,
        limit: int = 10_000,
        since_ns: dict[str, int] | None = None,
    ) -> list[bytes]: ...


def flow_handler(core: Core) -> Handler:
    """Return the handler of `flows`: a FlowRequest in, Arrow IPC streams of flows out."""

    async def handle(request: bytes) -> AsyncIterator[bytes]:
        wanted = _decode(request, FlowRequest)
        # Walking large tables takes a while; the loop must go on following the kernel.
        try:
            # One flow more than asked for tells that there are more.
            found = await asyncio.to_thread(
                core.snapshot_flows, wanted.node_tids, wanted.capture_ids, _tests(wanted), wanted.limit + 1
            )
        except ValueError as unknown:
            raise UserError(f"flows cannot be chosen like that: {unknown}") from unknown
        for batch in found:
            yield batch

    return handle


def _tests(wanted: FlowRequest) -> list[list[Test]]:
    """Return the tests of the native core."""
    tests: list[list[Test]] = [
        [(each.column, each.operator, each.values) for each in clause] for clause in wanted.where
    ]
    if wanted.uuids is not None:
        tests.append([("uuid", "in", [*flow_numbers(wanted.uuids)])])
    return tests


def packet_handler(core: Core, captures: Callable[[], Iterable[str]]) -> Handler:
    """Return the handler of `packets`: a PacketRequest in, Arrow IPC streams of packets out.

    `captures` gives the captures of this agent, for a request that names none.
    """

    async def handle(request: bytes) -> AsyncIterator[bytes]:
        wanted = _decode(request, PacketRequest)
        uuids = None if wanted.flow_uuids is None else flow_numbers(wanted.flow_uuids)
        chosen = [wanted.capture_id] if wanted.capture_id is not None else sorted(captures())
        for capture_id in chosen:
            for batch in await asyncio.to_thread(
                core.packets, capture_id, wanted.node_tids, uuids, wanted.after, wanted.limit, wanted.since_ns
            ):
                yield batch

    return handle


def _decode(request: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request, type=kind)
    except msgspec.MsgspecError as bad:
        raise UserError(f"no {kind.__name__}: {bad}") from bad
