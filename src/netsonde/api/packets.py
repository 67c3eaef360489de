# SPDX-License-Identifier: Apache-2.0
"""Packets of a capture: /api/capture/{id}/packets as pcapng, streamed while it runs, or as a decoded list."""

import base64
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Annotated

from litestar import Response, Router, get
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from netsonde.access.rights import RAW_PACKETS
from netsonde.api.accept import preferred
from netsonde.api.capture import find
from netsonde.api.pcapng import SectionJoiner
from netsonde.api.query import PCAPNG
from netsonde.api.requests import JSON, AnyRequest, ServicesDep, completeness, json_response
from netsonde.api.services import Services
from netsonde.errors import UserError
from netsonde.model.elements import Json
from netsonde.model.flows import PacketRequest

_CHUNK = 256 * 1024
_LISTED = 1000
_MOST_LISTED = 100_000
_MOST_DOWNLOADED = 10_000_000

NodeTids = Annotated[list[str] | None, QueryParameter(name="node", description="TIDs of nodes; none = every node")]
FlowUuids = Annotated[list[str] | None, QueryParameter(name="flow", description="UUIDs of flows; none = every flow")]
Limit = Annotated[int | None, QueryParameter(ge=1, le=_MOST_DOWNLOADED, description="at most so many packets")]
After = Annotated[int, QueryParameter(ge=-1, description="only packets with a greater number on their interface")]
Follow = Annotated[bool, QueryParameter(description="go on with packets as they arrive, until the client hangs up")]


@get(
    "/api/capture/{uuid:str}/packets",
    right=RAW_PACKETS,
    operation_id="getCapturePackets",
    summary="The packets of a capture, as pcapng or as a decoded list",
)
async def capture_packets(
    services: ServicesDep,
    request: AnyRequest,
    uuid: FromPath[str],
    nodes: NodeTids = None,
    flows: FlowUuids = None,
    limit: Limit = None,
    after: After = -1,
    follow: Follow = False,
) -> Response[bytes] | Stream:
    view = find(services, uuid)
    _check_ids(flows or ())
    as_list = preferred(request.headers.get("accept", ""), (PCAPNG, JSON))[:1] == [JSON]
    most = limit or (_LISTED if as_list else _MOST_DOWNLOADED)
    wanted = PacketRequest(uuid, nodes, flows, after, min(most, _MOST_LISTED) if as_list else most)
    if as_list:
        found = await services.packets.packets(wanted)
        listed = _listed(services, found.batches, wanted.limit)
        return json_response(listed, headers=completeness(found.missing_hosts, truncated=False))
    name = _file_name(view.name or f"capture-{uuid[:8]}")
    headers = {"Content-Disposition": f'attachment; filename="{name}.pcapng"', "Cache-Control": "no-store"}
    comment = f"capture {view.name or uuid}: {view.gremlin_query}"
    if follow:
        content = _followed(services, wanted, comment)
    else:
        found = await services.packets.packets(wanted)
        headers |= completeness(found.missing_hosts, truncated=False)
        content = _cut(services.packets.to_pcapng(found.batches, comment))
    return Stream(content, media_type=PCAPNG, headers=headers)


def _check_ids(flows: Iterable[str]) -> None:
    """Refuse what cannot be the UUID of a flow; it would match nothing, and say nothing."""
    for flow in flows:
        if not re.fullmatch("[0-9a-fA-F]{1,16}", flow):
            raise UserError(
                f"flow: {flow[:80]!r} is no UUID of a flow", hint="GET /api/flows lists flows with their UUID"
            )


def _listed(services: Services, batches: Sequence[bytes], limit: int) -> list[Mapping[str, Json]]:
    """Decode batches into one list in time order."""
    packets = [packet for batch in batches for packet in services.packets.describe(batch)]
    packets.sort(key=_time)
    return [_encoded(packet) for packet in packets[:limit]]


def _time(packet: Mapping[str, Json]) -> int:
    value = packet.get("Time")
    return value if isinstance(value, int) else 0


def _encoded(packet: Mapping[str, object]) -> Mapping[str, Json]:
    """Return a packet with its bytes in base64, as JSON has no bytes."""
    data = packet.get("Data")
    text = base64.b64encode(data).decode() if isinstance(data, bytes) else data
    encoded: dict[str, Json] = {**packet, "Data": text}  # type: ignore[dict-item]
    return encoded


async def _followed(services: Services, wanted: PacketRequest, comment: str) -> AsyncIterator[bytes]:
    """Yield one growing section: its header at once, so that the reader sees that it is connected."""
    joiner = SectionJoiner()
    yield joiner.join(services.packets.to_pcapng([], comment))
    async with aclosing(services.packets.follow(wanted)) as arriving:  # type: ignore[type-var]
        async for batches in arriving:
            if batches:
                yield joiner.join(services.packets.to_pcapng(batches, comment))


async def _cut(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), _CHUNK):
        yield content[begin : begin + _CHUNK]


def _file_name(name: str) -> str:
    """Return a name that is harmless in a header and on every file system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "capture"


router = Router("/", route_handlers=[capture_packets], tags=["capture"])
