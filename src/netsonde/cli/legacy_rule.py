# SPDX-License-Identifier: Apache-2.0
"""`netsonde client node-rule` and `netsonde client edge-rule`: the reference's spelling, JSON on stdout."""

from typing import Annotated

import typer

from netsonde.cli import completing
from netsonde.cli.elements import pairs
from netsonde.cli.options import new_app
from netsonde.cli.output import print_json
from netsonde.cli.rule_options import (
    Description,
    Dst,
    Name,
    NodeName,
    NodeType,
    Pairs,
    Preview,
    Query,
    Src,
    edge_fields,
    node_fields,
)
from netsonde.client.rule_calls import EDGE, NODE, create_rule, preview_rule

node_app = new_app("Rules that create a node, or lay metadata upon nodes.")
edge_app = new_app("Rules that link nodes.")
NodeIds = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.node_rules)]
EdgeIds = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.edge_rules)]


@node_app.command("create")
def create_node_rule(
    context: typer.Context,
    action: Annotated[str, typer.Option("--action", metavar="create|update")] = "",
    node_name: NodeName = "",
    node_type: NodeType = "",
    metadata: Pairs = "",
    query: Query = "",
    name: Name = "",
    description: Description = "",
    preview: Preview = False,
) -> None:
    """Create a rule for nodes."""
    fields = node_fields(name, description, action, query, node_name, node_type, pairs(metadata))
    print_json(context.obj.send(preview_rule(NODE, fields) if preview else create_rule(NODE, fields)))


@node_app.command("list")
def list_node_rules(context: typer.Context) -> None:
    """List rules for nodes, by UUID."""
    print_json({one.uuid: one for one in context.obj.api.rules.nodes.all()})


@node_app.command("get")
def get_node_rules(context: typer.Context, ids: NodeIds) -> None:
    """Show rules for nodes."""
    for one in ids:
        print_json(context.obj.api.rules.nodes.get(one))


@node_app.command("delete")
def delete_node_rules(context: typer.Context, ids: NodeIds) -> None:
    """Delete rules for nodes, and take back what they did."""
    for one in ids:
        context.obj.api.rules.nodes.delete(one)


@edge_app.command("create")
def create_edge_rule(
    context: typer.Context,
    src: Src,
    dst: Dst,
    relation: Annotated[str, typer.Option("--relationtype", metavar="TYPE")],
    metadata: Pairs = "",
    name: Name = "",
    description: Description = "",
    preview: Preview = False,
) -> None:
    """Create a rule for edges."""
    facts = {**pairs(metadata), "RelationType": relation}
    fields = edge_fields(name, description, src, dst, facts, ("", ""))
    print_json(context.obj.send(preview_rule(EDGE, fields) if preview else create_rule(EDGE, fields)))


@edge_app.command("list")
def list_edge_rules(context: typer.Context) -> None:
    """List rules for edges, by UUID."""
    print_json({one.uuid: one for one in context.obj.api.rules.edges.all()})


@edge_app.command("get")
def get_edge_rules(context: typer.Context, ids: EdgeIds) -> None:
    """Show rules for edges."""
    for one in ids:
        print_json(context.obj.api.rules.edges.get(one))


@edge_app.command("delete")
def delete_edge_rules(context: typer.Context, ids: EdgeIds) -> None:
    """Delete rules for edges, and take back what they did."""
    for one in ids:
        context.obj.api.rules.edges.delete(one)
