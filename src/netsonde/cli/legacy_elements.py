# SPDX-License-Identifier: Apache-2.0
"""`netsonde client node` and `netsonde client edge`, spelt as Skydive's client spells them."""

from typing import Annotated, Any

import msgspec
import typer

from netsonde.cli import completing
from netsonde.cli.elements import changes, pairs
from netsonde.cli.options import new_app
from netsonde.cli.output import print_json
from netsonde.errors import UserError
from netsonde.model.elements import Metadata

node_app = new_app("Nodes.")
edge_app = new_app("Edges.")

NodeIds = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.nodes)]
EdgeIds = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.edges)]
Pairs = Annotated[str, typer.Option("--metadata", metavar="K=V,K2=V2")]
Gremlin = Annotated[bool, typer.Option("--gremlin", help="The arguments are queries.")]
Added = Annotated[list[str] | None, typer.Option("--add", "-a", metavar="K=V")]
Removed = Annotated[list[str] | None, typer.Option("--remove", "-r", metavar="K")]


@node_app.command("create")
def create_node(
    context: typer.Context,
    name: Annotated[str, typer.Option("--node-name")] = "",
    kind: Annotated[str, typer.Option("--node-type")] = "",
    metadata: Pairs = "",
    host: Annotated[str, typer.Option("--host")] = "",
) -> None:
    """Create a node."""
    facts: Metadata = {**pairs(metadata), "Name": name, "Type": kind}
    print_json(context.obj.api.create_node(facts, host=host))


@node_app.command("list")
def list_nodes(context: typer.Context) -> None:
    """List nodes, by id."""
    print_json(context.obj.get("/api/node", dict[str, Any]))


@node_app.command("get")
def get_nodes(context: typer.Context, ids: NodeIds) -> None:
    """Show nodes."""
    for one in ids:
        print_json(context.obj.api.node(one))


@node_app.command("update")
def update_nodes(context: typer.Context, ids: NodeIds, add: Added = None, remove: Removed = None) -> None:
    """Add and remove metadata."""
    for one in ids:
        print_json(context.obj.api.update_node(one, changes(add or [], remove or [])))


@node_app.command("delete")
def delete_nodes(context: typer.Context, ids: NodeIds, gremlin: Gremlin = False) -> None:
    """Delete nodes."""
    for one in _ids(context, ids) if gremlin else ids:
        context.obj.api.delete_node(one)


@edge_app.command("create")
def create_edge(
    context: typer.Context,
    parent: Annotated[str, typer.Option("--parent", metavar="ID", autocompletion=completing.nodes)],
    child: Annotated[str, typer.Option("--child", metavar="ID", autocompletion=completing.nodes)],
    kind: Annotated[str, typer.Option("--edge-type")] = "",
    metadata: Pairs = "",
    host: Annotated[str, typer.Option("--host")] = "",
) -> None:
    """Create an edge; it waits for nodes that do not exist yet."""
    facts = pairs(metadata) | ({"RelationType": kind} if kind else {})
    print_json(context.obj.api.create_edge(parent, child, facts, host=host))


@edge_app.command("list")
def list_edges(context: typer.Context) -> None:
    """List edges, by id."""
    print_json(context.obj.get("/api/edge", dict[str, Any]))


@edge_app.command("get")
def get_edges(context: typer.Context, ids: EdgeIds) -> None:
    """Show edges."""
    for one in ids:
        print_json(context.obj.api.edge(one))


@edge_app.command("update")
def update_edges(context: typer.Context, ids: EdgeIds, add: Added = None, remove: Removed = None) -> None:
    """Add and remove metadata."""
    for one in ids:
        print_json(context.obj.api.update_edge(one, changes(add or [], remove or [])))


@edge_app.command("delete")
def delete_edges(context: typer.Context, ids: EdgeIds, gremlin: Gremlin = False) -> None:
    """Delete edges."""
    for one in _ids(context, ids) if gremlin else ids:
        context.obj.api.delete_edge(one)


def _ids(context: typer.Context, queries: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for query in queries:
        answer = msgspec.json.decode(context.obj.query(query) or b"[]")
        if not isinstance(answer, list) or not all(isinstance(one, dict) and "ID" in one for one in answer):
            raise UserError(f"{query} gives no nodes or edges", hint="such as G.V().Has('Type', 'rack')")
        found.update(dict.fromkeys(one["ID"] for one in answer))
    return list(found)
