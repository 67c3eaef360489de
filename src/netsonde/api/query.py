# SPDX-License-Identifier: Apache-2.0
"""Queries over topology and flows: /api/topology, /api/query/check, /api/query/explain."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

import msgspec
from litestar import Response, Router, get, post

from netsonde.access.rights import RAW_PACKETS, TOPOLOGY_READ
from netsonde.api.accept import preferred
from netsonde.api.authorize import principal_of
from netsonde.api.bodies import convert, decode
from netsonde.api.calls import called_workflows
from netsonde.api.errors import NotAcceptable
from netsonde.api.pcap import to_pcap
from netsonde.api.requests import JSON, JSON_UTF8, AnyRequest, ServicesDep, completeness, json_response
from netsonde.api.services import ClientGone, QueryResult, Services
from netsonde.errors import UserError
from netsonde.query import render_dot

DOT = "text/vnd.graphviz"
PCAP = "application/vnd.tcpdump.pcap"
PCAPNG = "application/x-pcapng"
Look: TypeAlias = Callable[[], None]
_SHORT: Final = 1_000
"""Characters that are parsed within some milliseconds."""
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
    calls_workflow: bool = False


@get("/topology", right=TOPOLOGY_READ, operation_id="getTopology", summary="The whole live graph")
async def get_topology(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    if preferred(request.headers.get("accept", ""), (JSON, DOT))[:1] == [DOT]:
        return await _answer(services, request, TopologyQuery("G"), DOT)
    return Response(content=await services.graph_json(), media_type=JSON_UTF8)


@post("/topology", right=TOPOLOGY_READ, operation_id="searchTopology", summary="Run a Gremlin query", status_code=200)
async def search_topology(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    body = await request.body()
    asked = convert(decode(body), TopologyQuery) if body.strip() else TopologyQuery()
    if not asked.gremlin_query.strip():
        return Response(content=b"", status_code=204, headers={"Content-Type": JSON_UTF8})
    return await _answer(services, request, asked, request.headers.get("accept", ""))


async def _answer(services: Services, request: AnyRequest, asked: TopologyQuery, accept: str) -> Response[bytes]:
    def rendered(result: QueryResult, look: Look) -> Response[bytes]:
        return _render(services, result, accept, look)

    try:
        return await services.queries.answer(
            asked.gremlin_query,
            asked.bindings,
            rendered,
            client=_client(request),
            gone=partial(_hung_up, request),
            packets=_may_see_packets(services, request),
            workflows=called_workflows(services, request),
        )
    except ClientGone:
        return _nobody()


class ExplainedStep(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """One step as it runs; `index` is the key that it is looked up by, `rows` and `milliseconds` come with Profile."""

    step: str
    takes: str
    gives: str
    index: str | None
    rows: int | None = None
    milliseconds: float | None = None


class Explanation(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """What a query gives and reads, how it runs, and why it finds nothing: "" when it finds something."""

    gives: str
    reads: dict[str, list[str]]
    steps: list[ExplainedStep]
    reason: str
    hint: str
    span: list[int] | None
    rows: int | None = None
    milliseconds: float | None = None


class ExplainQuery(TopologyQuery, frozen=True):
    """Body of an explanation; with `Profile` the query is run, and each step says what it gave and took."""

    profile: bool = msgspec.field(name="Profile", default=False)


@post(
    "/query/check",
    right=TOPOLOGY_READ,
    operation_id="checkQuery",
    summary="Parse a query without running it",
    status_code=200,
)
async def check_query(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    asked = convert(decode(await request.body()), TopologyQuery)
    check = partial(services.queries.check, asked.gremlin_query)
    try:
        found = await asyncio.to_thread(check) if len(asked.gremlin_query) > _SHORT else check()
    except UserError as wrong:
        span = [wrong.span.start, wrong.span.end] if wrong.span else None
        return json_response(CheckAnswer(valid=False, error=wrong.message, hint=wrong.hint, span=span))
    said = msgspec.structs.asdict(found)
    return json_response(CheckAnswer(valid=True, **said))


@post(
    "/query/explain",
    right=TOPOLOGY_READ,
    operation_id="explainQuery",
    summary="What a query reads, gives and costs, and why it finds nothing",
    status_code=200,
)
async def explain_query(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    asked = convert(decode(await request.body()), ExplainQuery)
    try:
        told = await services.queries.explain(
            asked.gremlin_query,
            asked.bindings,
            profile=asked.profile,
            client=_client(request),
            gone=partial(_hung_up, request),
            packets=_may_see_packets(services, request),
        )
    except ClientGone:
        return _nobody()
    return json_response(msgspec.convert(told, Explanation))


def _may_see_packets(services: Services, request: AnyRequest) -> bool:
    return services.gate.allows(principal_of(request.scope), RAW_PACKETS)


def _client(request: AnyRequest) -> str:
    return request.client.host if request.client is not None else ""


async def _hung_up(request: AnyRequest) -> None:
    """Wait until the client hangs up, and raise ClientGone then; call it when the body is read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    raise ClientGone


def _nobody() -> Response[bytes]:
    """Return an answer that only a log could see, under the status that proxies have for it."""
    return Response(content=b"", status_code=499, media_type="text/plain")


def _render(services: Services, result: QueryResult, accept: str, look: Look) -> Response[bytes]:
    """Give the result in the best accepted form that fits it; JSON when Accept names nothing that we know."""
    forms = preferred(accept, _OFFERS) or [JSON]
    for form in forms:
        if form == JSON:
            headers = completeness(result.missing_hosts, truncated=result.truncated, notes=result.notes)
            return Response(content=result.json(look, end=b"\n"), media_type=JSON_UTF8, headers=headers)
        if form == DOT and result.graph is not None:
            return Response(content=render_dot(result.graph, look).encode(), media_type=DOT)
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
