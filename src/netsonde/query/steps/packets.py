# SPDX-License-Identifier: Apache-2.0
"""`RawPackets`: the kept packets of flows, as Arrow batches that become JSON or pcapng at the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from netsonde.model.flows import PacketRequest
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.flow_fields import Flow
from netsonde.query.rows import Packets, Rows
from netsonde.query.steps._api import Building, Fetch
from netsonde.query.syntax import Call


@dataclass(frozen=True, slots=True)
class FetchPackets(Fetch):
    """Ask for the kept packets of the flows."""

    call: Call

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        flows = cast("Sequence[Flow]", rows)
        uuids = _texts(flows, "UUID")
        if not uuids:
            return ()
        request = PacketRequest(
            node_tids=_texts(flows, "NodeTID") or None, flow_uuids=uuids, limit=context.limits.packets
        )
        return (Packets(await self._ask(request, context), frozenset(uuids)),)

    def keys(self) -> Iterable[str]:
        return ("UUID", "NodeTID")

    async def _ask(self, request: PacketRequest, context: Context) -> Sequence[bytes]:
        sources, time = context.sources, context.slice
        if time is not None and sources.history is not None:
            return await sources.history.packets(request, time.start_ms, time.last_ms)
        if time is None and sources.packets is not None:
            return await sources.packets.packets(request)
        raise QueryError("there are no packets here", hint="ask an analyzer", span=self.call.span)


def _texts(flows: Sequence[Flow], key: str) -> list[str]:
    return sorted({value for flow in flows if isinstance(value := flow.get(key), str) and value})


def build_raw_packets(call: Call, building: Building) -> Fetch:
    """The packets that captures kept of the flows: `G.Flows().Has('Application', 'ICMPv4').RawPackets()`."""
    arguments.none(call)
    return FetchPackets(call)
