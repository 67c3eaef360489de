# SPDX-License-Identifier: Apache-2.0
"""The live flow table: /api/flows."""

from collections.abc import Mapping
from typing import Annotated

from litestar import Response, Router, get
from litestar.params import QueryParameter

from netsonde.access.rights import TOPOLOGY_READ
from netsonde.api.requests import ServicesDep, completeness, json_response
from netsonde.errors import UserError
from netsonde.model.elements import Json
from netsonde.model.flows import FlowRequest

Ids = Annotated[list[str] | None, QueryParameter(description="may be repeated; none = no restriction")]
_MOST = 100_000
Limit = Annotated[int, QueryParameter(ge=1, le=_MOST, description="at most so many flows")]
Sort = Annotated[str, QueryParameter(description="a field such as Last or Metric.ABBytes; a leading - = largest first")]


@get(
    "/api/flows",
    right=TOPOLOGY_READ,
    operation_id="listFlows",
    summary="Flows of captures and nodes, most recently active first",
)
async def list_flows(
    services: ServicesDep, capture: Ids = None, node: Ids = None, limit: Limit = 1000, sort: Sort = "-Last"
) -> Response[bytes]:
    # Sources give the most recent flows first; any other order needs them all.
    most = limit if sort == "-Last" else _MOST
    answer = await services.flows.flows(FlowRequest(node_tids=node, capture_ids=capture, limit=most))
    field = sort.removeprefix("-")
    keys = [_value(flow, field) for flow in answer.flows]
    if answer.flows and all(key is None for key in keys):
        raise UserError(f"no flow has a field {field[:80]!r}", hint="such as Last, Metric.ABBytes or Network.A")
    order = sorted(range(len(keys)), key=lambda at: _rank(keys[at]), reverse=sort.startswith("-"))
    headers = {"X-Total-Count": str(len(keys)), **completeness(answer.missing_hosts, truncated=answer.truncated)}
    return json_response([answer.flows[at] for at in order[:limit]], headers=headers)


def _value(flow: Mapping[str, Json], field: str) -> Json:
    value: Json = dict(flow)
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _rank(value: Json) -> tuple[int, float, str]:
    """Order values of any kind: absent, then numbers, then text."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, int | float):
        return (1, float(value), "")
    return (2, 0.0, str(value))


router = Router("/", route_handlers=[list_flows], tags=["flows"])
