# SPDX-License-Identifier: Apache-2.0
"""`RawPackets`: the kept packets of flows, which become JSON, pcap or pcapng at the end; `BPF` thins them out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from netsonde._native import check_bpf, match_bpf
from netsonde.model.flows import PacketRequest
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import NotAllowed, QueryError, shown
from netsonde.query.flow_fields import Flow
from netsonde.query.packet_rows import packet_rows
from netsonde.query.rows import Packet, Rows
from netsonde.query.steps._api import Building, Fetch, Operation
from netsonde.query.syntax import Call

LONGEST_FILTER: Final = 1024
"""Characters; libpcap takes 0.2 s to compile 4,000 of them, 6 s for 20,000, and everything waits for it."""


@dataclass(frozen=True, slots=True)
class FetchPackets(Fetch):
    """Ask for the kept packets of the flows."""

    call: Call

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        if context.limits.packets == 0:
            raise NotAllowed(
                "you may not see what is in packets",
                hint="it needs the right capture rawpackets; an administrator gives roles",
                span=self.call.span,
            )
        flows = cast("Sequence[Flow]", rows)
        uuids = _texts(flows, "UUID")
        if not uuids:
            return ()
        request = PacketRequest(
            node_tids=_texts(flows, "NodeTID") or None, flow_uuids=uuids, limit=context.limits.packets
        )
        # Not more are looked at, whatever the agents send.
        found = context.collected(packet_rows(await self._ask(request, context), frozenset(uuids)))
        context.truncated = context.truncated or len(found) > request.limit
        return found[: request.limit]

    def keys(self) -> Iterable[str]:
        return ("UUID", "NodeTID")

    async def _ask(self, request: PacketRequest, context: Context) -> Sequence[bytes]:
        sources, time = context.sources, context.slice
        if time is not None and sources.history is not None:
            # At a point in time everything up to it counts.
            start_ms = 0 if time.is_point else time.start_ms
            return await sources.history.packets(request, start_ms, time.last_ms)
        if time is None and sources.packets is not None:
            return await sources.packets.packets(request)
        raise QueryError("there are no packets here", hint="ask an analyzer", span=self.call.span)


@dataclass(frozen=True, slots=True)
class MatchBpf(Operation):
    """Keep the packets that a filter in tcpdump's language matches."""

    text: str
    call: Call

    def apply(self, rows: Rows, context: Context) -> Rows:
        packets = cast("Sequence[Packet]", rows)
        matching: dict[int, frozenset[int]] = {}
        for batch in {id(packet.batch): packet.batch for packet in packets}.values():
            try:
                matching[id(batch)] = frozenset(match_bpf(batch.stream, self.text))
            except ValueError as wrong:
                # Checked for Ethernet when the query was read; another link type may know less.
                raise QueryError(f"{self.call.name}: {wrong}", span=self.call.span) from wrong
            context.check()
        return context.kept(packets, lambda packet: packet.row in matching[id(packet.batch)])

    def keys(self) -> Iterable[str]:
        return ("Data",)


def _texts(flows: Sequence[Flow], key: str) -> list[str]:
    return sorted({value for flow in flows if isinstance(value := flow.get(key), str) and value})


def build_raw_packets(call: Call, building: Building) -> Fetch:
    """The packets that captures kept of the flows: `G.Flows().Has('Application', 'ICMPv4').RawPackets()`."""
    arguments.none(call)
    return FetchPackets(call)


def build_bpf(call: Call, building: Building) -> Operation:
    """The packets that a filter in tcpdump's language matches: `G.Flows().RawPackets().BPF('ether proto 0x800')`."""
    (expression,) = arguments.exactly(call, 1, "one filter in quotes")
    text = arguments.text_of(expression, "a filter in quotes")
    if len(text) > LONGEST_FILTER:
        raise QueryError(
            f"the filter has {len(text):,} characters; at most {LONGEST_FILTER:,} are read", span=expression.span
        )
    try:
        check_bpf(text)
    except ValueError as wrong:
        raise QueryError(
            f"{shown(text)} is no packet filter: {wrong}", hint="such as 'tcp port 80'", span=expression.span
        ) from wrong
    return MatchBpf(text, call)
