# SPDX-License-Identifier: Apache-2.0
"""Kept packets: what agents hold and what history remembers, each packet once, in order of time."""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import cast

import msgspec
import pyarrow as pa

from netsonde._native import describe_packets, packets_to_pcapng
from netsonde.analyzer.gather import ask_agents
from netsonde.analyzer.hosts import Hosts
from netsonde.bus.connection import Bus
from netsonde.errors import WireError
from netsonde.flows.schema import PACKET_SCHEMA
from netsonde.history.batches import join
from netsonde.model.elements import Json
from netsonde.model.flows import PacketAnswer, PacketRequest
from netsonde.query import HistorySource

FOLLOW_INTERVAL = 0.2
"""Seconds between two questions of a live stream."""
DISORDER_NS = 50_000_000
"""Processors stamp packets of one interface, so a later one may bear an earlier time; not by so much."""
IDENTITY = ("capture_id", "node_tid", "ts_ns", "number")
"""Columns that tell a packet from any other; the number alone begins anew with each tap."""

Point = tuple[str, str]
"""Capture and TID."""


class LivePackets:
    """The PacketSource of queries: what the agents keep now."""

    def __init__(self, bus: Bus, hosts: Hosts) -> None:
        self._bus = bus
        self._hosts = hosts

    async def packets(self, request: PacketRequest) -> Sequence[bytes]:
        return (await self.answer(request)).batches

    async def answer(self, request: PacketRequest) -> PacketAnswer:
        """Return the packets, and which hosts did not answer."""
        if [] in (request.node_tids, request.flow_uuids):
            return PacketAnswer([])
        found = await ask_agents(self._bus, self._hosts.agents(), "packets", msgspec.json.encode(request))
        # Looked at in a thread only when there is something: a live stream asks five times a second.
        batches = await asyncio.to_thread(found.each, readable) if any(found.by_host.values()) else []
        return PacketAnswer(batches, found.missing_hosts)


def readable(items: Sequence[bytes]) -> list[bytes]:
    """Return the packets of one agent in the columns and types that we know; raises WireError when they have others."""
    if not items:
        return []
    joined = join(items, PACKET_SCHEMA)
    if joined.refused:
        raise WireError("no batch of packets")
    if joined.batch is None:
        return []
    if not set(IDENTITY) <= set(joined.batch.schema.names):
        raise WireError("packets without their capture, interface, time or number")
    return [_stream(pa.Table.from_batches([joined.batch]))]


class PacketService:
    """Packets for the API."""

    def __init__(self, live: LivePackets, history: HistorySource | None) -> None:
        self._live = live
        self._history = history

    async def packets(self, request: PacketRequest) -> PacketAnswer:
        live = await self._live.answer(request)
        batches = list(live.batches)
        if self._history is not None:
            now = time.time_ns() // 1_000_000
            batches += await self._history.packets(request, 0, now)
        return PacketAnswer(await asyncio.to_thread(merged, batches, request.limit), live.missing_hosts)

    async def follow(self, request: PacketRequest) -> AsyncIterator[Sequence[bytes]]:
        """Yield what is kept, then what arrives."""
        cursor = _Cursor()
        yield cursor.fresh((await self.packets(request)).batches)
        while True:
            await asyncio.sleep(FOLLOW_INTERVAL)
            batches = await self._live.packets(msgspec.structs.replace(request, since_ns=cursor.since_ns()))
            yield cursor.fresh(batches)

    def to_pcapng(self, batches: Sequence[bytes], comment: str) -> bytes:
        return packets_to_pcapng(list(batches), comment)

    def describe(self, batch: bytes) -> Sequence[Mapping[str, Json]]:
        return cast("Sequence[Mapping[str, Json]]", describe_packets(batch))


class _Cursor:
    """What a live stream has had of each interface of each capture.

    Time tells, not the number alone: that begins anew when an agent is started again, a capture is resumed, or an
    interface is made again under its old TID.
    """

    def __init__(self) -> None:
        self._since: dict[Point, int] = {}
        self._seen: dict[Point, set[tuple[int, int]]] = {}

    def since_ns(self) -> dict[str, int]:
        """Return, by TID, from when on packets are wanted; of what is not there all are."""
        return {tid: since for (_, tid), since in self._since.items()}

    def fresh(self, batches: Sequence[bytes]) -> Sequence[bytes]:
        """Return the packets not seen before as one batch."""
        table = _table(batches)
        if table is None:
            return []
        kept = [row for row, identity in enumerate(_identities(table)) if self._is_new(*identity)]
        for point, seen in self._seen.items():
            self._since[point] = since = max(ts_ns for ts_ns, _ in seen) - DISORDER_NS
            self._seen[point] = {one for one in seen if one[0] >= since}
        return [_stream(table.take(kept))] if kept else []

    def _is_new(self, capture: str, tid: str, ts_ns: int, number: int) -> bool:
        point = capture, tid
        seen = self._seen.setdefault(point, set())
        if ts_ns < self._since.get(point, ts_ns) or (ts_ns, number) in seen:
            return False
        seen.add((ts_ns, number))
        return True


def merged(batches: Iterable[bytes], limit: int) -> list[bytes]:
    """Return the packets of all batches as one Arrow IPC stream: each once, by time, the first `limit`."""
    table = _table(batches)
    if table is None:
        return []
    seen: set[tuple[str, str, int, int]] = set()
    kept = []
    for row, identity in enumerate(_identities(table)):
        if identity not in seen:
            seen.add(identity)
            kept.append(row)
    return [_stream(table.take(kept).slice(0, limit))]


def _table(batches: Iterable[bytes]) -> pa.Table | None:
    """Return all packets by time, or None when there are none."""
    tables = [pa.ipc.open_stream(io.BytesIO(batch)).read_all() for batch in batches]
    tables = [_plain(table) for table in tables if table.num_rows]
    if not tables:
        return None
    return pa.concat_tables(tables, promote_options="permissive").sort_by(
        [("ts_ns", "ascending"), ("number", "ascending")]
    )


def _plain(table: pa.Table) -> pa.Table:
    """Return the table without dictionaries, whose indexes differ from batch to batch."""
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _identities(table: pa.Table) -> list[tuple[str, str, int, int]]:
    columns = [table.column(name).to_pylist() for name in IDENTITY]
    return list(zip(*columns, strict=True))


def _stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()
