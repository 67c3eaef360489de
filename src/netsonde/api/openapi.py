# SPDX-License-Identifier: Apache-2.0
"""The API described by itself: OpenAPI 3.1 at /api/openapi.json, and a page for people at /api/docs.

Handlers read their bodies themselves (any Content-Type, any case of names), so the bodies are described here.
"""

import copy
import html
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Response, Router, get
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from netsonde import __version__
from netsonde.access.rights import PUBLIC
from netsonde.api.alert import DryRun
from netsonde.api.authorize import declared
from netsonde.api.capture import Preview, PreviewRequest
from netsonde.api.complete import CompletionAnswer, CompletionRequest
from netsonde.api.credentials import COOKIE
from netsonde.api.elements import EdgeBody, ElementPatch, NodeBody
from netsonde.api.enrol import EnrolAnswer, EnrolRequest
from netsonde.api.errors import PROBLEM, Problem
from netsonde.api.identity import Ready
from netsonde.api.imports import ImportBody
from netsonde.api.login import LoggedOut, Login, WhoAmI
from netsonde.api.node import MetricPoints
from netsonde.api.page import SECURITY_HEADERS
from netsonde.api.pcap_import import ImportAnswer
from netsonde.api.query import DOT, PCAP, PCAPNG, CheckAnswer, ExplainQuery, Explanation, TopologyQuery
from netsonde.api.requests import AnyRequest, json_response
from netsonde.api.status import StatusAnswer
from netsonde.api.workflow import CallBody
from netsonde.model.alerts import Alert
from netsonde.model.captures import Capture
from netsonde.model.checks import Check
from netsonde.model.declared import ImportReport
from netsonde.model.elements import Edge, Node
from netsonde.model.injections import Injection
from netsonde.model.rules import EdgeRule, EdgeRuleView, NodeRule, NodeRuleView, RulePreview
from netsonde.model.workflows import Workflow
from netsonde.schema import Schema

_BODIES: dict[tuple[str, str], type[msgspec.Struct]] = {
    ("/api/topology", "post"): TopologyQuery,
    ("/api/query/check", "post"): TopologyQuery,
    ("/api/query/explain", "post"): ExplainQuery,
    ("/api/query/complete", "post"): CompletionRequest,
    ("/api/enrol", "post"): EnrolRequest,
    ("/api/capture", "post"): Capture,
    ("/api/capture/{uuid}", "patch"): Capture,
    ("/api/capture/preview", "post"): PreviewRequest,
    ("/api/check", "post"): Check,
    ("/api/check/{uuid}", "patch"): Check,
    ("/api/alert", "post"): Alert,
    ("/api/alert/{uuid}", "patch"): Alert,
    ("/api/alert/test", "post"): DryRun,
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
    ("/api/noderule", "post"): NodeRule,
    ("/api/noderule/{uuid}", "patch"): NodeRule,
    ("/api/noderule/preview", "post"): NodeRule,
    ("/api/edgerule", "post"): EdgeRule,
    ("/api/edgerule/{uuid}", "patch"): EdgeRule,
    ("/api/edgerule/preview", "post"): EdgeRule,
}
_NAMING = frozenset({"workflow"})
"""Query parameters that name a resource, which there may not be."""
_ANSWERS: dict[tuple[str, str, str], Any] = {
    ("/login", "post", "200"): Login,
    ("/logout", "post", "200"): LoggedOut,
    ("/api/whoami", "get", "200"): WhoAmI,
    ("/api/enrol", "post", "200"): EnrolAnswer,
    ("/readyz", "get", "200"): Ready,
    ("/api/status", "get", "200"): StatusAnswer,
    ("/api/topology", "get", "200"): Any,
    ("/api/topology", "post", "200"): Any,
    ("/api/config/{key}", "get", "200"): Any,
    ("/api/flows", "get", "200"): list[dict[str, Any]],
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
    ("/api/noderule", "get", "200"): dict[str, NodeRuleView],
    ("/api/noderule", "post", "201"): NodeRuleView,
    ("/api/noderule/{uuid}", "get", "200"): NodeRuleView,
    ("/api/noderule/{uuid}", "patch", "200"): NodeRuleView,
    ("/api/noderule/preview", "post", "200"): RulePreview,
    ("/api/edgerule", "get", "200"): dict[str, EdgeRuleView],
    ("/api/edgerule", "post", "201"): EdgeRuleView,
    ("/api/edgerule/{uuid}", "get", "200"): EdgeRuleView,
    ("/api/edgerule/{uuid}", "patch", "200"): EdgeRuleView,
    ("/api/edgerule/preview", "post", "200"): RulePreview,
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
_YAML = ("/api/capture", "/api/check", "/api/alert", "/api/workflow", "/api/noderule", "/api/edgerule")
_PATCHED = ("modifyCapture", "modifyCheck", "modifyAlert", "modifyWorkflow", "modifyNodeRule", "modifyEdgeRule")
_ASKING = ("/login", "/api/topology", "/api/query")
"""Operations that change nothing, whatever their method."""
_ERRORS = {
    "400": "Something in the request is wrong: where, and what to do",
    "401": "Log in first",
    "403": "Not allowed",
    "404": "There is none",
    "406": "It cannot be given in the form that is asked for",
    "409": "It is there already, or was changed meanwhile",
    "412": "It is another version than If-Match says",
    "413": "The body is too large",
    "421": "The server does not answer for the name in Host",
    "429": "Too many long queries wait already",
    "503": "Something that this needs is away: try again",
}
_SCHEMES = {
    "password": {"type": "http", "scheme": "basic"},
    "token": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
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
        # Without a form and a router of our own Litestar serves five more, which load scripts from elsewhere.
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        openapi_router=Router("/api/_schema", route_handlers=[], include_in_schema=False, opt={"right": PUBLIC}),
    )


@get("/api/openapi.json", right=PUBLIC, include_in_schema=False)
async def openapi_json(request: AnyRequest) -> Response[bytes]:
    return json_response(_document_of(request.app))


@get("/api/docs", right=PUBLIC, include_in_schema=False)
async def docs(request: AnyRequest) -> Response[str]:
    schema = _document_of(request.app)
    content = "".join(_page(schema))
    return Response(content=content, media_type=MediaType.HTML, headers=SECURITY_HEADERS)


openapi_routes = (openapi_json, docs)


def _document_of(app: Litestar) -> dict[str, Any]:
    """Return the description with the right that each route asks for."""
    described = document(app.openapi_schema.to_schema())
    described["components"]["securitySchemes"] = _SCHEMES
    for route in declared(app):
        path = re.sub(r":\w+}", "}", route.path)
        operation = described["paths"].get(path, {}).get(route.method.lower())
        if operation is not None and route.right != PUBLIC:
            operation["x-right"] = str(route.right)
            operation["security"] = [{name: []} for name in _SCHEMES]
        if operation is not None and (route.right != PUBLIC or route.path == "/login"):
            # As every route may answer 403; 429 after too many wrong passwords.
            for code, description in (("401", _ERRORS["401"]), ("429", "Too many long queries or wrong passwords")):
                operation["responses"][code] = operation["responses"]["403"] | {"description": description}
    return described


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
    for path, item in paths.items():
        for method, operation in item.items():
            if method == "delete" and (path, method, "200") not in _ANSWERS:
                operation["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
            _add_errors(path, method, operation, by_type[Problem])
    schema["paths"] = paths
    schema.setdefault("components", {}).setdefault("schemas", {}).update(components)
    return schema


def _add_errors(path: str, method: str, operation: dict[str, Any], problem: dict[str, Any]) -> None:
    """Say with which codes an operation may fail: all that it has, so that any other is a mistake of ours."""
    content = {"text/plain": {"schema": {"type": "string"}}, PROBLEM: {"schema": problem}}
    parameters = operation.get("parameters") or []
    takes_body = "requestBody" in operation
    applies = {
        "400": bool(parameters) or takes_body,
        "403": True,
        "404": "{" in path or any(one["name"] in _NAMING for one in parameters),
        "406": any((path, method) == known[:2] for known in _FORMS),
        "409": method != "get" and not path.startswith(_ASKING) and not path.endswith("/preview"),
        "412": any(one["name"] == "If-Match" for one in parameters),
        "413": takes_body,
        "421": True,
        "429": path.startswith(("/api/topology", "/api/query")),
        "503": True,
    }
    for code in (code for code, does_apply in applies.items() if does_apply):
        what = {"description": f"{_ERRORS[code]}; text unless Accept asks for problem+json", "content": content}
        # The readiness of a server that is not ready is no error.
        operation["responses"][code] = operation["responses"].get(code, what) if code == "503" else what


def _spellings(path: str, method: str) -> tuple[str, ...]:
    """Return the media types in which a body may be written."""
    if method == "patch":
        return ("application/merge-patch+json",)
    return (_JSON, "application/yaml") if path in _YAML else (_JSON,)


def _describe_body(operation: dict[str, Any], content: dict[str, Any]) -> None:
    if operation["operationId"] in _PATCHED:
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
