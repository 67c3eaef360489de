# SPDX-License-Identifier: Apache-2.0
"""The API described by itself: OpenAPI 3.1 at /api/openapi.json, and a page for people at /api/docs.

Handlers read their bodies themselves (any Content-Type, any case of names), so the bodies are described here.
"""

import copy
import html
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import MediaType, Response, get
from litestar.openapi.config import OpenAPIConfig

from netsonde import __version__
from netsonde.api.capture import Preview, PreviewRequest
from netsonde.api.complete import CompletionAnswer, CompletionRequest
from netsonde.api.elements import EdgeBody, ElementPatch, NodeBody
from netsonde.api.errors import PROBLEM, Problem
from netsonde.api.identity import Login, Ready
from netsonde.api.imports import ImportBody
from netsonde.api.node import MetricPoints
from netsonde.api.page import SECURITY_HEADERS
from netsonde.api.pcap_import import ImportAnswer
from netsonde.api.query import DOT, PCAP, PCAPNG, CheckAnswer, ExplainQuery, Explanation, TopologyQuery
from netsonde.api.requests import AnyRequest, json_response
from netsonde.api.status import StatusAnswer
from netsonde.api.workflow import CallBody
from netsonde.model.captures import Capture
from netsonde.model.checks import Check
from netsonde.model.declared import ImportReport
from netsonde.model.elements import Edge, Node
from netsonde.model.injections import Injection
from netsonde.model.workflows import Workflow
from netsonde.schema import Schema

_BODIES: dict[tuple[str, str], type[msgspec.Struct]] = {
    ("/api/topology", "post"): TopologyQuery,
    ("/api/query/check", "post"): TopologyQuery,
    ("/api/query/explain", "post"): ExplainQuery,
    ("/api/query/complete", "post"): CompletionRequest,
    ("/api/capture", "post"): Capture,
    ("/api/capture/{uuid}", "patch"): Capture,
    ("/api/capture/preview", "post"): PreviewRequest,
    ("/api/check", "post"): Check,
    ("/api/check/{uuid}", "patch"): Check,
    ("/api/injectpacket", "post"): Injection,
    ("/api/workflow", "post"): Workflow,
    ("/api/workflow/{uuid}", "patch"): Workflow,
    ("/api/workflow/{uuid}/call", "post"): CallBody,
    ("/api/node", "post"): NodeBody,
    ("/api/node/{node_id}", "patch"): ElementPatch,
    ("/api/node/{node_id}", "put"): NodeBody,
    ("/api/edge", "post"): EdgeBody,
    ("/api/edge/{edge_id}", "patch"): ElementPatch,
    ("/api/edge/{edge_id}", "put"): EdgeBody,
    ("/api/import/{name}", "post"): ImportBody,
}
_ANSWERS: dict[tuple[str, str, str], Any] = {
    ("/login", "post", "200"): Login,
    ("/readyz", "get", "200"): Ready,
    ("/api/status", "get", "200"): StatusAnswer,
    ("/api/query/check", "post", "200"): CheckAnswer,
    ("/api/workflow/{uuid}/call", "post", "200"): Any,
    ("/api/query/explain", "post", "200"): Explanation,
    ("/api/query/complete", "post", "200"): CompletionAnswer,
    ("/api/schema", "get", "200"): Schema,
    ("/api/capture/preview", "post", "200"): Preview,
    ("/api/node/{node_id}/metrics", "get", "200"): MetricPoints,
    ("/api/pcap", "post", "202"): ImportAnswer,
    ("/api/node", "get", "200"): dict[str, Node],
    ("/api/edge", "get", "200"): dict[str, Edge],
    ("/api/annotation", "get", "200"): dict[str, dict[str, Any]],
    ("/api/import/{name}", "post", "200"): ImportReport,
    ("/api/import/{name}", "delete", "200"): ImportReport,
    ("/api/import/{name}/finish", "post", "200"): ImportReport,
}
_FORMS: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("/api/topology", "get", "200"): (DOT,),
    ("/api/topology", "post", "200"): (DOT, PCAP, PCAPNG),
    ("/api/capture/{uuid}/packets", "get", "200"): (PCAPNG,),
}
"""Further forms of an answer, by Accept."""
_TEXTS = (("/metrics", "get", "200"),)
"""Answers that are text and never JSON."""
_CODES: dict[tuple[str, str, str], str] = {
    ("/api/topology", "post", "204"): "The query is empty",
    ("/api/workflow/{uuid}/call", "post", "202"): "The job, when it was not to be waited for",
    ("/readyz", "get", "503"): "Something is missing still",
}
_JSON = "application/json"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILES = {("/api/pcap", "post"): ("application/vnd.tcpdump.pcap", "application/x-pcapng", "application/gzip")}
"""Bodies that are files."""
_REFERENCE = "#/components/schemas/{name}"
_STYLE = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}code{font-size:1em}"


def openapi_config() -> OpenAPIConfig:
    """Return Litestar's part: paths and parameters."""
    return OpenAPIConfig(
        title="Netsonde",
        version=__version__,
        description="The network as a live graph, captures that wait for interfaces, and flows.",
        path="/api/_schema",
        render_plugins=[],
    )


@get("/api/openapi.json", include_in_schema=False)
async def openapi_json(request: AnyRequest) -> Response[bytes]:
    return json_response(document(request.app.openapi_schema.to_schema()))


@get("/api/docs", include_in_schema=False)
async def docs(request: AnyRequest) -> Response[str]:
    schema = document(request.app.openapi_schema.to_schema())
    content = "".join(_page(schema))
    return Response(content=content, media_type=MediaType.HTML, headers=SECURITY_HEADERS)


openapi_routes = (openapi_json, docs)


def document(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with bodies, answers and errors that Litestar cannot see."""
    schema = copy.deepcopy(schema)
    paths: dict[str, Any] = {path.rstrip("/") or "/": item for path, item in schema["paths"].items()}
    types = list({*_BODIES.values(), *_ANSWERS.values(), Problem, Node, Edge})
    references, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    by_type = dict(zip(types, references, strict=True))
    for (path, method), body in _BODIES.items():
        schema_of = {"schema": by_type[body]}
        _describe_body(paths[path][method], {kind: schema_of for kind in _spellings(path, method)})
    for (path, method), kinds in _FILES.items():
        _describe_body(paths[path][method], dict.fromkeys(kinds, _BINARY))
    for (path, method, status), answer in _ANSWERS.items():
        content = {"application/json": {"schema": by_type[answer]}}
        paths[path][method]["responses"][status] = {"description": "Done", "content": content}
    _add_forms(paths)
    error = {
        "description": "What is wrong, where, and what to do; text unless Accept asks for problem+json",
        "content": {"text/plain": {"schema": {"type": "string"}}, PROBLEM: {"schema": by_type[Problem]}},
    }
    for item in paths.values():
        for operation in item.values():
            operation["responses"]["default"] = error
            operation["responses"].pop("400", None)
    schema["paths"] = paths
    schema.setdefault("components", {}).setdefault("schemas", {}).update(components)
    return schema


def _spellings(path: str, method: str) -> tuple[str, ...]:
    """Return the media types in which a body may be written."""
    if method == "patch":
        return ("application/merge-patch+json",)
    return (_JSON, "application/yaml") if path in ("/api/capture", "/api/check", "/api/workflow") else (_JSON,)


def _describe_body(operation: dict[str, Any], content: dict[str, Any]) -> None:
    if operation["operationId"] in ("modifyCapture", "modifyCheck", "modifyWorkflow"):
        content["application/json-patch+json"] = {"schema": {"type": "array", "items": {"type": "object"}}}
    operation["requestBody"] = {"required": True, "content": content}


def _add_forms(paths: dict[str, Any]) -> None:
    """Say in which other forms and with which other codes an answer comes."""
    for (path, method, status), kinds in _FORMS.items():
        paths[path][method]["responses"][status]["content"] |= dict.fromkeys(kinds, _BINARY)
    for path, method, status in _TEXTS:
        paths[path][method]["responses"][status]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    for (path, method, status), description in _CODES.items():
        paths[path][method]["responses"][status] = {"description": description}


def _page(schema: dict[str, Any]) -> Iterator[str]:
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>Netsonde API</title><style>{_STYLE}</style>"
    yield f"<h1>Netsonde {html.escape(__version__)} API</h1><p>{html.escape(schema['info']['description'])} "
    yield "The whole description for programs: <a href=/api/openapi.json>OpenAPI 3.1</a>.</p>"
    for path, item in sorted(schema["paths"].items()):
        for method, operation in item.items():
            yield f"<h3><code>{method.upper()} {html.escape(path)}</code></h3>"
            yield f"<p>{html.escape(operation.get('summary') or '')}</p>"
            yield from _parameters(operation.get("parameters") or [])


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[str]:
    if parameters:
        yield "<ul>"
        for one in parameters:
            text = html.escape(one.get("description") or "")
            yield f"<li><code>{html.escape(one['name'])}</code> ({one['in']}) {text}</li>"
        yield "</ul>"
