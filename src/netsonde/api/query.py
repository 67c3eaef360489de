# SPDX-License-Identifier: Apache-2.0
"""Queries over topology and flows: /api/topology and /api/query/check."""

from typing import Any

import msgspec
from litestar import Response, Router, get, post

from netsonde.api.accept import preferred
from netsonde.api.bodies import convert, decode
from netsonde.api.errors import NotAcceptable
from netsonde.api.pcap import to_pcap
from netsonde.api.requests import JSON, JSON_UTF8, AnyRequest, ServicesDep, completeness, json_response
from netsonde.api.services import QueryResult, Services
from netsonde.errors import UserError
from netsonde.query import render_dot

DOT = "text/vnd.graphviz"
PCAP = "application/vnd.tcpdump.pcap"
PCAPNG = "application/x-pcapng"
_OFFERS = (JSON, DOT, PCAP, PCAPNG)
_NEEDS = {DOT: "a graph: G, G.At(…) or ….SubGraph()", PCAP: "….RawPackets()", PCAPNG: "….RawPackets()"}


class TopologyQuery(msgspec.Struct, frozen=True):
    """Body of a query; `Bindings` are values for the names that the query leaves open."""

    gremlin_query: str = msgspec.field(name="GremlinQuery", default="")
    bindings: dict[str, Any] | None = msgspec.field(name="Bindings", default=None)


class CheckAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    """What is wrong with a query, or what it gives; offsets count characters."""

    valid: bool
    kind: str = ""
    local: bool = False
    reason: str = ""
    error: str = ""
    hint: str = ""
    span: list[int] | None = None


@get("/topology", operation_id="getTopology", summary="The whole live graph")
async def get_topology(services: ServicesDep, request: AnyRequest) -> Response[bytes] | Response[str]:
    if preferred(request.headers.get("accept", ""), (JSON, DOT))[:1] == [DOT]:
        return Response(content=render_dot(services.graph), media_type=DOT)
    return Response(content=services.graph_json(), media_type=JSON_UTF8)


@post("/topology", operation_id="searchTopology", summary="Run a Gremlin query", status_code=200)
async def search_topology(services: ServicesDep, request: AnyRequest) -> Response[bytes] | Response[str]:
    body = await request.body()
    asked = convert(decode(body), TopologyQuery) if body.strip() else TopologyQuery()
    if not asked.gremlin_query.strip():
        return Response(content=b"", status_code=204, headers={"Content-Type": JSON_UTF8})
    result = await services.queries.run(asked.gremlin_query, asked.bindings)
    return _render(services, result, request.headers.get("accept", ""))


class Explanation(msgspec.Struct, frozen=True, rename="pascal"):
    """Why a query finds nothing; all empty when it does find something, or looks at flows or the past."""

    reason: str = ""
    hint: str = ""
    span: list[int] | None = None


@post("/query/check", operation_id="checkQuery", summary="Parse a query without running it", status_code=200)
async def check_query(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    asked = convert(decode(await request.body()), TopologyQuery)
    try:
        found = services.queries.check(asked.gremlin_query)
    except UserError as wrong:
        span = [wrong.span.start, wrong.span.end] if wrong.span else None
        return json_response(CheckAnswer(valid=False, error=wrong.message, hint=wrong.hint, span=span))
    return json_response(CheckAnswer(valid=True, kind=found.kind, local=found.local, reason=found.reason))


@post("/query/explain", operation_id="explainQuery", summary="Why a query finds nothing", status_code=200)
async def explain_query(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    asked = convert(decode(await request.body()), TopologyQuery)
    found = services.queries.why_empty(asked.gremlin_query)
    if found is None:
        return json_response(Explanation())
    return json_response(Explanation(found.reason, found.hint, [found.span.start, found.span.end]))


def _render(services: Services, result: QueryResult, accept: str) -> Response[bytes] | Response[str]:
    """Give the result in the best accepted form that fits it; JSON when Accept names nothing that we know."""
    forms = preferred(accept, _OFFERS) or [JSON]
    for form in forms:
        if form == JSON:
            return json_response(result.value, headers=completeness(result.missing_hosts, truncated=result.truncated))
        if form == DOT and result.graph is not None:
            return Response(content=render_dot(result.graph), media_type=DOT)
        if form == PCAP and result.raw_packets is not None:
            return _download(to_pcap(result.raw_packets), PCAP, "packets.pcap")
        if form == PCAPNG and result.raw_packets is not None:
            return _download(services.packets.to_pcapng(result.raw_packets, ""), PCAPNG, "packets.pcapng")
    raise NotAcceptable(
        f"Error while encoding response: {forms[0]} needs {_NEEDS[forms[0]]}; this query gives {result.kind}",
        hint="ask for application/json, or end the query accordingly",
    )


def _download(content: bytes, media_type: str, name: str) -> Response[bytes]:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content=content, media_type=media_type, headers=headers)


router = Router("/api", route_handlers=[get_topology, search_topology, check_query, explain_query], tags=["topology"])
