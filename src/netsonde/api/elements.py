# SPDX-License-Identifier: Apache-2.0
"""Nodes and edges as resources: /api/node, /api/edge, and what users said of the nodes of probes: /api/annotation.

What users create is theirs to change and delete. What a probe shows is not: PATCH of such a node goes into the user
layer above it, and everything else is refused.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response, Router, delete, get, patch, post, put
from litestar.params import FromPath

from netsonde.access.rights import EDGE_READ, EDGE_WRITE, NODE_READ, NODE_WRITE
from netsonde.api.bodies import convert, decode
from netsonde.api.patch import json_patch, merge_patch
from netsonde.api.requests import AnyRequest, ServicesDep, json_response
from netsonde.api.services import Services
from netsonde.declared.annotations import annotation_after, with_identity
from netsonde.errors import Conflict, NotFound, UserError
from netsonde.graph.batch import relation_type
from netsonde.graph.equality import same_json
from netsonde.graph.ids import edge_id as id_of_edge
from netsonde.model.elements import Edge, Element, Json, Metadata, Node
from netsonde.schema import Problem, problems

_TRIES = 3


class NodeBody(msgspec.Struct, frozen=True):
    """A node as clients send it; only `Metadata` with `Name` and `Type` is needed. Times are Unix ms."""

    id: str = msgspec.field(name="ID", default="")
    metadata: dict[str, Any] = msgspec.field(name="Metadata", default_factory=dict)
    host: str | None = msgspec.field(name="Host", default=None)
    origin: str | None = msgspec.field(name="Origin", default=None)
    created_at: int | None = msgspec.field(name="CreatedAt", default=None)
    updated_at: int | None = msgspec.field(name="UpdatedAt", default=None)
    deleted_at: int | None = msgspec.field(name="DeletedAt", default=None)
    revision: int | None = msgspec.field(name="Revision", default=None)


class EdgeBody(NodeBody, frozen=True):
    """An edge as clients send it; its ends need not exist yet."""

    parent: str = msgspec.field(name="Parent", default="")
    child: str = msgspec.field(name="Child", default="")


class ElementPatch(msgspec.Struct, frozen=True):
    """A merge patch (RFC 7396) of an element, of which only the metadata can change; a JSON Patch is a list."""

    metadata: dict[str, Any] = msgspec.field(name="Metadata")


@get("/api/node", right=NODE_READ, operation_id="listNodes", summary="All nodes, by id")
async def list_nodes(services: ServicesDep) -> Response[bytes]:
    return json_response({node.id: node for node in services.graph.nodes()})


@get(
    "/api/edge",
    right=EDGE_READ,
    operation_id="listEdges",
    summary="All edges, by id, those that wait for an end among them",
)
async def list_edges(services: ServicesDep) -> Response[bytes]:
    waiting = {edge.id: edge for edge in services.declared.waiting_edges()}
    return json_response({**waiting, **{edge.id: edge for edge in services.graph.edges()}})


@get("/api/node/{node_id:str}", right=NODE_READ, operation_id="getNode", summary="One node")
async def get_node(services: ServicesDep, node_id: FromPath[str]) -> Response[Node]:
    return Response(content=_node(services, node_id))


@get("/api/edge/{edge_id:str}", right=EDGE_READ, operation_id="getEdge", summary="One edge")
async def get_edge(services: ServicesDep, edge_id: FromPath[str]) -> Response[Edge]:
    return _edge_answer(services, edge_id)


@post("/api/node", right=NODE_WRITE, operation_id="createNode", summary="Create a node of your own")
async def create_node(services: ServicesDep, request: AnyRequest) -> Response[Node]:
    node = node_of(convert(decode(await request.body(), _type(request)), NodeBody), services)
    refuse(problems(node.metadata, "node"))
    await services.declared.create(node)
    location = {"Location": f"/api/node/{quote(node.id, safe='')}"}
    return Response(content=services.graph.node(node.id) or node, status_code=201, headers=location)


@post(
    "/api/edge",
    right=EDGE_WRITE,
    operation_id="createEdge",
    summary="Create an edge; it may wait for nodes that do not exist yet",
)
async def create_edge(services: ServicesDep, request: AnyRequest) -> Response[Edge]:
    edge = edge_of(convert(decode(await request.body(), _type(request)), EdgeBody), services)
    refuse(problems(edge.metadata, "edge"))
    await services.declared.create(edge)
    return _edge_answer(services, edge.id, status=201)


@patch(
    "/api/node/{node_id:str}",
    right=NODE_WRITE,
    operation_id="modifyNode",
    summary="Change metadata by JSON Patch or merge patch",
)
async def modify_node(services: ServicesDep, request: AnyRequest, node_id: FromPath[str]) -> Response[Node]:
    change = decode(await request.body(), _type(request))
    await insist(lambda: change_node(services, node_id, lambda before: _patched(before, change)))
    return Response(content=_node(services, node_id))


@put("/api/node/{node_id:str}", right=NODE_WRITE, operation_id="replaceNode", summary="Replace a node's metadata")
async def replace_node(services: ServicesDep, request: AnyRequest, node_id: FromPath[str]) -> Response[Node]:
    body = convert(decode(await request.body(), _type(request)), NodeBody)
    await insist(lambda: change_node(services, node_id, lambda _: body.metadata))
    return Response(content=_node(services, node_id))


@patch(
    "/api/edge/{edge_id:str}",
    right=EDGE_WRITE,
    operation_id="modifyEdge",
    summary="Change metadata by JSON Patch or merge patch",
)
async def modify_edge(services: ServicesDep, request: AnyRequest, edge_id: FromPath[str]) -> Response[Edge]:
    change = decode(await request.body(), _type(request))
    await insist(lambda: change_edge(services, edge_id, lambda before: _patched(before, change)))
    return _edge_answer(services, edge_id)


@put("/api/edge/{edge_id:str}", right=EDGE_WRITE, operation_id="replaceEdge", summary="Replace an edge's metadata")
async def replace_edge(services: ServicesDep, request: AnyRequest, edge_id: FromPath[str]) -> Response[Edge]:
    body = convert(decode(await request.body(), _type(request)), EdgeBody)
    await insist(lambda: change_edge(services, edge_id, lambda _: body.metadata))
    return _edge_answer(services, edge_id)


@delete(
    "/api/node/{node_id:str}",
    right=NODE_WRITE,
    operation_id="deleteNode",
    summary="Delete a node of your own",
    status_code=200,
)
async def delete_node(services: ServicesDep, node_id: FromPath[str]) -> Response[bytes]:
    if services.declared.node(node_id) is None:
        raise _not_yours(_node(services, node_id))
    await services.declared.delete_node(node_id)
    return _nothing()


@delete(
    "/api/edge/{edge_id:str}",
    right=EDGE_WRITE,
    operation_id="deleteEdge",
    summary="Delete an edge of your own",
    status_code=200,
)
async def delete_edge(services: ServicesDep, edge_id: FromPath[str]) -> Response[bytes]:
    if services.declared.edge(edge_id) is None:
        raise _not_yours(_edge(services, edge_id))
    await services.declared.delete_edge(edge_id)
    return _nothing()


@get(
    "/api/annotation",
    right=NODE_READ,
    operation_id="listAnnotations",
    summary="What users say of nodes that probes show, by node id",
)
async def list_annotations(services: ServicesDep) -> Response[bytes]:
    return json_response(services.declared.annotations())


@delete(
    "/api/annotation/{node_id:str}",
    right=NODE_WRITE,
    operation_id="deleteAnnotation",
    summary="Take back what users say of a node",
    status_code=200,
)
async def delete_annotation(services: ServicesDep, node_id: FromPath[str]) -> Response[bytes]:
    previous = services.declared.annotation(node_id)
    if not previous:
        raise NotFound(f"Annotation of '{node_id[:100]}' not found", hint="GET /api/annotation lists them")
    await services.declared.annotate(node_id, {}, previous)
    return _nothing()


def node_of(body: NodeBody, services: Services) -> Node:
    """Return a node with what the client left out."""
    return Node(body.id or str(uuid.uuid4()), **_common(body, services))


def edge_of(body: EdgeBody, services: Services) -> Edge:
    """Return an edge with what the client left out; without an id it gets that of its ends and RelationType."""
    made = id_of_edge(body.parent, body.child, relation_type(body.metadata))
    return Edge(body.id or made, **_common(body, services), parent=body.parent, child=body.child)


def _common(body: NodeBody, services: Services) -> dict[str, Any]:
    created_at = body.created_at or services.now_ms()
    return {
        "metadata": body.metadata,
        "host": body.host or "",
        "origin": body.origin or f"api.{services.host}",
        "created_at": created_at,
        "updated_at": body.updated_at or created_at,
        "deleted_at": body.deleted_at or None,
        "revision": 1 if body.revision is None else body.revision,
    }


async def insist(work: Callable[[], Awaitable[None]]) -> None:
    """Do what reads and then writes; again when somebody else wrote between the two."""
    for _ in range(_TRIES - 1):
        try:
            return await work()
        except _Meanwhile:
            continue
    try:
        await work()
    except _Meanwhile as changed:
        raise changed.conflict from changed


class _Meanwhile(Exception):
    """The element is not the one that was read any more."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(str(conflict))
        self.conflict = conflict


async def change_node(services: Services, node_id: str, change: Callable[[Element], Metadata]) -> None:
    """Change the metadata of a node: of a probe's by an annotation. Do it with `insist`."""
    shown = _node(services, node_id)
    declared = services.declared.node(node_id)
    if declared is not None:
        await _replace(services, declared, with_identity(declared.metadata, change(declared)))
        return
    annotation = services.declared.annotation(node_id)
    after = with_identity(shown.metadata, change(shown))
    _refuse_new(shown.metadata, after, "node")
    wanted = annotation_after(annotation, services.declared.base(node_id), shown.metadata, after)
    if not same_json(wanted, annotation):
        try:
            await services.declared.annotate(node_id, wanted, annotation)
        except Conflict as changed:
            raise _Meanwhile(changed) from changed


async def change_edge(services: Services, edge_id: str, change: Callable[[Element], Metadata]) -> None:
    """Change the metadata of a declared edge. Do it with `insist`."""
    declared = services.declared.edge(edge_id)
    if declared is None:
        raise _not_yours(_edge(services, edge_id))
    await _replace(services, declared, change(declared))


async def _replace(services: Services, previous: Element, metadata: Metadata) -> None:
    if same_json(previous.metadata, metadata):
        return
    _refuse_new(previous.metadata, metadata, "edge" if isinstance(previous, Edge) else "node")
    changed = msgspec.structs.replace(
        previous,
        metadata=metadata,
        updated_at=max(services.now_ms(), previous.updated_at),
        revision=previous.revision + 1,
    )
    try:
        await services.declared.replace(previous, changed)
    except Conflict as meanwhile:
        raise _Meanwhile(meanwhile) from meanwhile


def _patched(before: Element, change: Json) -> Metadata:
    """Return the metadata after a patch of the whole element; what it does beyond the metadata has no effect."""
    document: Json = msgspec.to_builtins(before)
    after = merge_patch(document, change) if isinstance(change, dict) else json_patch(document, change)
    metadata = after.get("Metadata") if isinstance(after, dict) else None
    if not isinstance(metadata, dict):
        raise UserError("Metadata must stay an object", hint='a path of it is "/Metadata/Owner"')
    return metadata


def refuse(found: list[Problem]) -> None:
    """Raise UserError for the first of the problems, if there is one."""
    if found:
        place = f"Metadata.{found[0].path}" if found[0].path else "Metadata"
        raise UserError(f"{place}: {found[0].message}", hint=found[0].hint)


def _refuse_new(before: Metadata, after: Metadata, on: Any) -> None:
    """Refuse what a change makes wrong, not what was wrong before it: an import keeps what it found."""
    known = problems(before, on)
    refuse([problem for problem in problems(after, on) if problem not in known])


def _node(services: Services, node_id: str) -> Node:
    node = services.graph.node(node_id)
    if node is None:
        raise NotFound(f"Node '{node_id[:100]}' not found", hint="GET /api/node lists them")
    return node


def _edge(services: Services, edge_id: str) -> Edge:
    edge = services.graph.edge(edge_id) or services.declared.edge(edge_id)
    if edge is None:
        raise NotFound(f"Edge '{edge_id[:100]}' not found", hint="GET /api/edge lists them")
    return edge


def _edge_answer(services: Services, edge_id: str, *, status: int = 200) -> Response[Edge]:
    """Give an edge; a header says what it waits for while it is not in the graph."""
    edge = _edge(services, edge_id)
    headers: dict[str, str] = {"Location": f"/api/edge/{quote(edge.id, safe='')}"} if status == 201 else {}
    if services.graph.edge(edge_id) is None:
        headers["X-Waiting-For"] = _awaited(services, edge)
    return Response(content=edge, status_code=status, headers=headers)


def _awaited(services: Services, edge: Edge) -> str:
    ends: Mapping[str, str] = {"parent": edge.parent, "child": edge.child}
    missing = [name for name, node_id in ends.items() if services.graph.node(node_id) is None]
    return ", ".join(missing) or "ownership"


def _not_yours(element: Element) -> Conflict:
    kind = "edge" if isinstance(element, Edge) else "node"
    return Conflict(
        f"the {kind} {element.id} is shown by {element.origin or 'a probe'}, which would show it again",
        hint="only what was created or imported can be deleted; PATCH adds metadata to a node"
        if kind == "node"
        else "only edges that were created or imported can be changed and deleted",
    )


def _type(request: AnyRequest) -> str:
    return request.headers.get("content-type", "")


def _nothing() -> Response[bytes]:
    return Response(content=b"", status_code=200, media_type="text/plain")


router = Router(
    "/",
    route_handlers=[
        list_nodes,
        get_node,
        create_node,
        modify_node,
        replace_node,
        delete_node,
        list_edges,
        get_edge,
        create_edge,
        modify_edge,
        replace_edge,
        delete_edge,
        list_annotations,
        delete_annotation,
    ],
    tags=["elements"],
)
