# SPDX-License-Identifier: Apache-2.0
"""What is recorded about one node: /api/node/{id}/metrics."""

from typing import Annotated

import msgspec
from litestar import Response, Router, get
from litestar.params import FromPath, QueryParameter

from netsonde.access.rights import TOPOLOGY_READ
from netsonde.api.requests import ServicesDep, json_response
from netsonde.api.ttl import parse_duration_ms
from netsonde.model.topology import InterfaceMetric

Last = Annotated[str, QueryParameter(description="how far back, as 300s or 1h30m")]


class MetricPoints(msgspec.Struct, frozen=True, rename="pascal"):
    """Counters of an interface, one point an interval, oldest first; counters are deltas."""

    points: list[dict[str, int]]


@get(
    "/api/node/{node_id:str}/metrics",
    right=TOPOLOGY_READ,
    operation_id="getNodeMetrics",
    summary="Interface counters over time",
)
async def node_metrics(services: ServicesDep, node_id: FromPath[str], last: Last = "300s") -> Response[bytes]:
    since_ms = services.now_ms() - parse_duration_ms(last, "last")
    intervals = await services.interface_metrics.node_metrics(node_id, since_ms=since_ms)
    return json_response(MetricPoints([_point(interval) for interval in intervals]))


def _point(interval: InterfaceMetric) -> dict[str, int]:
    return {"Start": interval.start_ms, "Last": interval.last_ms, **interval.counters}


router = Router("/", route_handlers=[node_metrics], tags=["node"])
