# SPDX-License-Identifier: Apache-2.0
"""`netsonde rule`: say something of nodes that exist or will exist, see first what it would do, and undo it."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import typer

from netsonde.cli import completing
from netsonde.cli.client import Client
from netsonde.cli.listing import EVERY, Every, Watch, show_list
from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, say, show
from netsonde.cli.rule_options import (
    Action,
    Description,
    Dst,
    Join,
    JoinDst,
    Name,
    NodeName,
    NodeType,
    Pairs,
    Preview,
    Query,
    Relation,
    Src,
    Ttl,
    Values,
    edge_fields,
    metadata_of,
    node_fields,
)
from netsonde.client.naming import named
from netsonde.client.rule_calls import (
    EDGE,
    NODE,
    RuleKind,
    create_rule,
    named_rule,
    patch_rule,
    preview_rule,
    rules,
)
from netsonde.model.rules import EdgeRuleView, LinkedPair, NamedNode, NodeRuleView, RulePreview

V = TypeVar("V", bound=NodeRuleView | EdgeRuleView)

app = new_app("Rules for nodes and edges, present or future. IDs may be names or the beginning of a UUID.")
node_app = new_app("Rules that create a node, or lay metadata upon nodes.")
edge_app = new_app("Rules that link nodes.")
app.add_typer(node_app, name="node")
app.add_typer(edge_app, name="edge")

NodeId = Annotated[
    str, typer.Argument(metavar="ID", help="Name, UUID, or its beginning.", autocompletion=completing.node_rules)
]
EdgeId = Annotated[
    str, typer.Argument(metavar="ID", help="Name, UUID, or its beginning.", autocompletion=completing.edge_rules)
]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.rules)]


@node_app.command(
    "create",
    epilog="Example: netsonde rule node create --query \"G.V().Has('Type', 'tap')\" --metadata Owner=vms --preview",
)
def create_node_rule(
    action: Action = "update",
    query: Query = "",
    node_name: NodeName = "",
    node_type: NodeType = "",
    metadata: Pairs = "",
    values: Values = None,
    name: Name = "",
    description: Description = "",
    ttl: Ttl = "",
    preview: Preview = False,
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Create a rule for nodes; it works at once, and on what appears later."""
    facts = metadata_of(metadata, values)
    fields = node_fields(name, description, action, query, node_name, node_type, facts)
    _create(Client(url), NODE, fields, ttl=ttl, preview=preview, output=output)


@node_app.command("update")
def update_node_rule(
    id_: NodeId,
    action: Action = "",
    query: Query = "",
    node_name: NodeName = "",
    node_type: NodeType = "",
    metadata: Pairs = "",
    values: Values = None,
    name: Name = "",
    description: Description = "",
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Change a rule for nodes; what is not named stays, and pairs are added."""
    facts = metadata_of(metadata, values)
    fields = node_fields(name, description, action, query, node_name, node_type, facts)
    _change(Client(url), NODE, id_, fields, output)


@edge_app.command(
    "create",
    epilog="Example: netsonde rule edge create --src \"G.V().Has('Type', 'host')\" --dst \"G.V().Has('Type', 'tor')\" "
    "--relationtype layer2 --preview",
)
def create_edge_rule(
    src: Src,
    dst: Dst,
    relation: Relation = "layer2",
    metadata: Pairs = "",
    values: Values = None,
    join: Join = "",
    join_dst: JoinDst = "",
    name: Name = "",
    description: Description = "",
    ttl: Ttl = "",
    preview: Preview = False,
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Create a rule for edges; it works at once, and on what appears later."""
    facts = {**metadata_of(metadata, values), "RelationType": relation}
    fields = edge_fields(name, description, src, dst, facts, (join, join_dst))
    _create(Client(url), EDGE, fields, ttl=ttl, preview=preview, output=output)


@edge_app.command("update")
def update_edge_rule(
    id_: EdgeId,
    src: Src = "",
    dst: Dst = "",
    relation: Relation = "",
    metadata: Pairs = "",
    values: Values = None,
    join: Join = "",
    join_dst: JoinDst = "",
    name: Name = "",
    description: Description = "",
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Change a rule for edges; what is not named stays, and pairs are added."""
    facts = {**metadata_of(metadata, values), **({"RelationType": relation} if relation else {})}
    fields = edge_fields(name, description, src, dst, facts, (join, join_dst))
    _change(Client(url), EDGE, id_, fields, output)


@app.command("list")
def list_rules(output: Output = Form.TABLE, watch: Watch = False, every: Every = EVERY, url: Url = DEFAULT_URL) -> None:
    """List rules of both kinds with what they do now."""
    client = Client(url)
    show_list(lambda: _all(client), output, _COLUMNS, watch=watch, every=every)


@app.command()
def get(
    id_: Annotated[str, typer.Argument(metavar="ID", autocompletion=completing.rules)],
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Show one rule."""
    _show_one(_find(Client(url), id_), output)


@app.command()
def delete(ids: Ids, url: Url = DEFAULT_URL) -> None:
    """Delete rules, and take back what they did."""
    client = Client(url)
    for one in [_find(client, name) for name in ids]:
        (client.api.rules.nodes if isinstance(one, NodeRuleView) else client.api.rules.edges).delete(one.uuid)


def _create(
    client: Client, kind: RuleKind[V], fields: Mapping[str, object], *, ttl: str, preview: bool, output: Form
) -> None:
    if preview:
        show_preview(client.send(preview_rule(kind, fields)), output)
    else:
        _show_one(client.send(create_rule(kind, fields, ttl)), output)


def _change(client: Client, kind: RuleKind[V], name: str, fields: Mapping[str, object], output: Form) -> None:
    if not fields:
        raise typer.BadParameter("nothing to change: name at least one option")
    found: list[V] = client.send(rules(kind))
    _show_one(client.send(patch_rule(kind, named_rule(kind, name, found).uuid, fields)), output)


def show_preview(preview: RulePreview, output: Form) -> None:
    """Print what a rule would do; how much, and conflicts, go to standard error beside a table."""
    items: list[Any] = [*preview.nodes, *preview.edges]
    show(preview, output, _PREVIEW_COLUMNS, items)
    if output is not Form.TABLE:
        return
    what = "edges would be made" if preview.edges else "nodes would be created or updated"
    shown = f", {len(items)} of them shown" if len(items) < preview.matching else ""
    say(f"{preview.matching} {what}{shown}")
    for conflict in preview.conflicts:
        say(f"conflict: {conflict}")


def _all(client: Client) -> list[NodeRuleView | EdgeRuleView]:
    return [*client.send(rules(NODE)), *client.send(rules(EDGE))]


def _find(client: Client, name: str) -> NodeRuleView | EdgeRuleView:
    return named(name, _all(client), "rule", "rule")


def _show_one(rule: NodeRuleView | EdgeRuleView, output: Form) -> None:
    show(rule, output, _COLUMNS, [rule])


def _does(rule: NodeRuleView | EdgeRuleView) -> str:
    if isinstance(rule, NodeRuleView):
        return f"{rule.action} {rule.query}".strip()
    join = f" where {rule.join} is the same" if rule.join else ""
    return f"{rule.src} -> {rule.dst}{join}"


def _end(item: NamedNode | LinkedPair, *, child: bool) -> str:
    if isinstance(item, NamedNode):
        return "" if child else f"{item.name}@{item.host}"
    end = item.child if child else item.parent
    return f"{end.name}@{end.host}"


_COLUMNS: tuple[Column, ...] = (
    ("UUID", lambda one: one.uuid),
    ("NAME", lambda one: one.name),
    ("KIND", lambda one: "node" if isinstance(one, NodeRuleView) else "edge"),
    ("COUNT", lambda one: one.count),
    ("METADATA", lambda one: one.metadata),
    ("REASON", lambda one: one.reason),
    ("DOES", _does),
)
_PREVIEW_COLUMNS: tuple[Column, ...] = (
    ("NODE", lambda one: _end(one, child=False)),
    ("TO", lambda one: _end(one, child=True)),
    ("TYPE", lambda one: one.type if isinstance(one, NamedNode) else one.parent.type),
    ("ID", lambda one: one.id if isinstance(one, NamedNode) else one.parent.id),
)
