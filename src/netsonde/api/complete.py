# SPDX-License-Identifier: Apache-2.0
"""Completion of a query while it is written: /api/query/complete."""

import msgspec
from litestar import Response, Router, post

from netsonde.access.rights import TOPOLOGY_READ
from netsonde.api.bodies import convert, decode
from netsonde.api.requests import AnyRequest, json_response
from netsonde.api.services import Services
from netsonde.query.completion import Vocabulary, complete
from netsonde.query.graph_words import GraphWords
from netsonde.schema import FLOW_FIELDS, KEYS, METRIC_FIELDS, schema


class CompletionRequest(msgspec.Struct, frozen=True):
    """Body of a question for completion; `Cursor` counts characters, absent = the end."""

    gremlin_query: str = msgspec.field(name="GremlinQuery", default="")
    cursor: int | None = msgspec.field(name="Cursor", default=None)


class CompletionItem(msgspec.Struct, frozen=True, rename="pascal"):
    """One offer."""

    text: str
    kind: str
    info: str = ""


class CompletionAnswer(msgspec.Struct, frozen=True):
    """Offers, the best first; each replaces the characters from `From` up to `To`."""

    start: int = msgspec.field(name="From")
    end: int = msgspec.field(name="To")
    items: list[CompletionItem] = msgspec.field(name="Items")


def router_over(services: Services) -> Router:
    """Return the route; what it has seen of the graph is kept between two keystrokes."""
    words = Vocabulary(
        GraphWords(services.graph),
        KEYS,
        FLOW_FIELDS,
        METRIC_FIELDS,
        {predicate.name: predicate.doc for predicate in schema().predicates},
    )

    @post(
        "/query/complete",
        right=TOPOLOGY_READ,
        operation_id="completeQuery",
        summary="What may be written at a cursor",
        status_code=200,
    )
    async def complete_query(request: AnyRequest) -> Response[bytes]:
        asked = convert(decode(await request.body()), CompletionRequest)
        cursor = len(asked.gremlin_query) if asked.cursor is None else asked.cursor
        found = complete(asked.gremlin_query, cursor, words)
        items = [CompletionItem(item.text, item.kind, item.info) for item in found.items]
        return json_response(CompletionAnswer(found.start, found.end, items))

    return Router("/api", route_handlers=[complete_query], tags=["query"])
