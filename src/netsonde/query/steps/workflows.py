# SPDX-License-Identifier: Apache-2.0
"""`Workflow`: the graph that a workflow makes, to go on with."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from netsonde.errors import UserError
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Json, Metadata, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError, shown
from netsonde.query.rows import Rows
from netsonde.query.steps._api import Building, Fetch
from netsonde.query.syntax import Call, Literal


class _Element(msgspec.Struct, frozen=True, rename="pascal"):
    """An element as scripts make them: what they leave out is empty."""

    id: str = msgspec.field(name="ID")
    metadata: Metadata = msgspec.field(default_factory=dict)
    host: str = ""
    origin: str = "workflow"
    created_at: int = 0
    updated_at: int = 0
    revision: int = 1
    parent: str = ""
    child: str = ""


class _Made(msgspec.Struct, frozen=True):
    """What a workflow returns, its names in lower case; the graphs of scripts have their elements by id."""

    nodes: list[_Element] | dict[str, _Element] | None
    edges: list[_Element] | dict[str, _Element] | None = None


_NAMES: Final = frozenset({"nodes", "edges"})


@dataclass(frozen=True, slots=True)
class CallWorkflow(Fetch):
    """Run a workflow and take the nodes and edges that it returns as the graph."""

    reference: str
    given: tuple[Json, ...]
    call: Call

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        source = context.sources.workflows
        if source is None:
            raise QueryError(
                "no workflow can be called here",
                hint="ask an analyzer in a query of its own, as a user who may call workflows",
                span=self.call.span,
            )
        try:
            made = await source.call(self.reference, self.given)
        except UserError as e:
            raise QueryError(e.message, hint=e.hint, span=self.call.span) from e
        context.graph = await context.apart(lambda: self._graph(made, context))
        context.saved.clear()
        return ()

    def keys(self) -> Iterable[str]:
        return ()

    def _graph(self, made: Json, context: Context) -> SnapshotGraph:
        try:
            found = msgspec.convert(_lower(made), _Made)
        except msgspec.ValidationError as e:
            raise QueryError(
                f"the workflow {shown(self.reference)} returns no graph: {e}",
                hint="return {nodes: […], edges: […]} as queries give them",
                span=self.call.span,
            ) from e
        nodes = {each.id: _node(each) for each in context.watched(_listed(found.nodes))}
        edges = {each.id: _edge(each) for each in context.watched(_listed(found.edges))}
        between = (edge for edge in edges.values() if edge.parent in nodes and edge.child in nodes)
        return SnapshotGraph(nodes.values(), context.collected(between))


def _lower(made: Json) -> Json:
    """Return the object with `Nodes` as `nodes`: the API writes both."""
    if not isinstance(made, dict):
        return made
    return {name.lower() if name.lower() in _NAMES else name: value for name, value in made.items()}


def _listed(elements: list[_Element] | dict[str, _Element] | None) -> Iterable[_Element]:
    return elements.values() if isinstance(elements, dict) else elements or ()


def _node(made: _Element) -> Node:
    times = made.created_at, made.updated_at
    return Node(made.id, made.metadata, made.host, made.origin, *times, revision=made.revision)


def _edge(made: _Element) -> Edge:
    times = made.created_at, made.updated_at
    return Edge(
        made.id,
        made.metadata,
        made.host,
        made.origin,
        *times,
        revision=made.revision,
        parent=made.parent,
        child=made.child,
    )


def build_workflow(call: Call, building: Building) -> Fetch:
    """The graph that a workflow (its name or UUID, and its arguments) returns: `G.Workflow('Rack', 'r1').V()`.

    It runs with the rights of whoever asks, within the time of the query, and returns `{nodes: […], edges: […]}`. Not
    in captures, subscriptions and alerts.
    """
    if not call.arguments:
        raise QueryError(
            "Workflow requires at least 1 parameter", hint="its name: Workflow('Rack', 'r1')", span=call.span
        )
    name, *given = call.arguments
    values = tuple(argument.value for argument in given if isinstance(argument, Literal))
    if len(values) < len(given):
        raise QueryError(f"{call.name} takes texts, numbers and bound values", span=call.span)
    building.names.clear()
    building.graph_is_root = False
    return CallWorkflow(arguments.text_of(name, "the name of a workflow in quotes"), values, call)
