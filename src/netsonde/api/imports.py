# SPDX-License-Identifier: Apache-2.0
"""Whole topologies brought in: /api/import. Batches of elements, each taken as a whole or refused with a reason."""

from collections.abc import Iterator
from typing import Annotated, TypeAlias

import msgspec
from litestar import Response, Router, delete, get, post
from litestar.params import FromPath, QueryParameter

from netsonde.access.rights import TOPOLOGY_READ, TOPOLOGY_WRITE
from netsonde.api.elements import EdgeBody, NodeBody, edge_of, node_of
from netsonde.api.requests import AnyRequest, ServicesDep, json_response
from netsonde.api.services import Services
from netsonde.errors import UserError
from netsonde.model.declared import ElementKind, ImportReport, ImportSummary, Refusal
from netsonde.model.elements import Element

_MOST_ELEMENTS = 5000
_MOST_REFUSALS = 100
_HINT = "`netsonde topology import FILE` sends a file in batches"

DryRun = Annotated[bool, QueryParameter(name="dry_run", description="only say what would become of each element")]
Run = Annotated[str, QueryParameter(description="names the batches of one run, for finish")]


class ImportBody(msgspec.Struct, frozen=True, rename="pascal"):
    """A batch: an object as GET /api/topology gives it, a list with one, or JSON lines as `topology export` writes."""

    nodes: list[NodeBody] | None = None
    edges: list[EdgeBody] | None = None


class _Raw(msgspec.Struct, frozen=True, rename="pascal"):
    nodes: list[msgspec.Raw] | None = None
    edges: list[msgspec.Raw] | None = None


class _Line(msgspec.Struct, frozen=True, rename="pascal"):
    node: msgspec.Raw = msgspec.Raw()
    edge: msgspec.Raw = msgspec.Raw()


Piece: TypeAlias = tuple[ElementKind, msgspec.Raw]
_raw = msgspec.json.Decoder(_Raw)
_raws = msgspec.json.Decoder(list[_Raw])
_line = msgspec.json.Decoder(_Line)
_node = msgspec.json.Decoder(NodeBody)
_edge = msgspec.json.Decoder(EdgeBody)


@get("/", right=TOPOLOGY_READ, operation_id="listImports", summary="What was imported, by name")
async def list_imports(services: ServicesDep) -> dict[str, ImportSummary]:
    return {one.name: one for one in services.declared.imports()}


@post(
    "/{name:str}",
    right=TOPOLOGY_WRITE,
    operation_id="importElements",
    summary="Add a batch of elements to an import",
    status_code=200,
)
async def import_elements(
    services: ServicesDep, request: AnyRequest, name: FromPath[str], dry_run: DryRun = False, run: Run = ""
) -> Response[bytes]:
    elements, refusals = _elements(await request.body(), services)
    report = await services.declared.import_elements(name, elements, dry_run=dry_run, run=run)
    return json_response(_with(report, refusals))


@post(
    "/{name:str}/finish",
    right=TOPOLOGY_WRITE,
    operation_id="finishImport",
    summary="Delete what is in an import and was in no batch of a run",
    status_code=200,
)
async def finish_import(services: ServicesDep, name: FromPath[str], run: Run = "") -> Response[bytes]:
    return json_response(ImportReport(removed=await services.declared.finish_import(name, run)))


@delete(
    "/{name:str}", right=TOPOLOGY_WRITE, operation_id="deleteImport", summary="Take an import back", status_code=200
)
async def delete_import(services: ServicesDep, name: FromPath[str]) -> Response[bytes]:
    return json_response(ImportReport(removed=await services.declared.drop_import(name)))


def _elements(body: bytes, services: Services) -> tuple[list[Element], list[Refusal]]:
    elements: list[Element] = []
    refusals: list[Refusal] = []
    for kind, raw in _pieces(body):
        try:
            found = node_of(_node.decode(raw), services) if kind == "node" else edge_of(_edge.decode(raw), services)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as bad:
            refusals.append(Refusal(kind, "", f"not {'a' if kind == 'node' else 'an'} {kind}: {bad}"))
            continue
        elements.append(found)
        if len(elements) > _MOST_ELEMENTS:
            raise UserError(f"a batch may have {_MOST_ELEMENTS} elements", hint=_HINT)
    return elements, refusals


def _pieces(body: bytes) -> Iterator[Piece]:
    """Return the elements of a batch unopened, so that one that is wrong does not spoil the others."""
    return _lines(body) if _is_lines(body) else _lists(body)


def _is_lines(body: bytes) -> bool:
    return body.lstrip()[:12].replace(b" ", b"").startswith((b'{"Node":', b'{"Edge":', b'{"Netsonde'))


def _lists(body: bytes) -> Iterator[Piece]:
    try:
        graphs = _raws.decode(body) if body.lstrip()[:1] == b"[" else [_raw.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as bad:
        raise UserError(f"the body is no topology: {bad}", hint='send {"Nodes": […], "Edges": […]}') from bad
    for graph in graphs:
        yield from (("node", node) for node in graph.nodes or ())
        yield from (("edge", edge) for edge in graph.edges or ())


def _lines(body: bytes) -> Iterator[Piece]:
    for number, text in enumerate(body.splitlines(), 1):
        if text.strip():
            try:
                line = _line.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as bad:
                raise UserError(f"line {number} of the body: {bad}", hint="send one JSON object a line") from bad
            if line.node:
                yield "node", line.node
            if line.edge:
                yield "edge", line.edge


def _with(report: ImportReport, refusals: list[Refusal]) -> ImportReport:
    """Add what could not even be read."""
    return msgspec.structs.replace(
        report,
        refused=report.refused + len(refusals),
        refusals=[*refusals, *report.refusals][:_MOST_REFUSALS],
    )


router = Router(
    "/api/import", route_handlers=[list_imports, import_elements, finish_import, delete_import], tags=["import"]
)
