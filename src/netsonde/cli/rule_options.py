# SPDX-License-Identifier: Apache-2.0
"""Options of rules, and the fields that they come to; the reference's spelling is ours."""

from typing import Annotated, Any, TypeAlias, cast

import typer

from netsonde.cli.elements import changes, pairs
from netsonde.client.rule_calls import EdgeRuleUpdate, NodeRuleUpdate
from netsonde.model.elements import Metadata

Action: TypeAlias = Annotated[
    str, typer.Option("--action", metavar="create|update", help="Add a node, or lay metadata upon those of --query.")
]
Query: TypeAlias = Annotated[str, typer.Option("--query", metavar="GREMLIN", help="Which nodes are updated.")]
NodeName: TypeAlias = Annotated[str, typer.Option("--node-name", help="Name of the node to create.")]
NodeType: TypeAlias = Annotated[str, typer.Option("--node-type", help="Type of the node to create.")]
Src: TypeAlias = Annotated[str, typer.Option("--src", metavar="GREMLIN", help="The parents.")]
Dst: TypeAlias = Annotated[str, typer.Option("--dst", metavar="GREMLIN", help="The children.")]
Relation: TypeAlias = Annotated[str, typer.Option("--relationtype", metavar="TYPE", help="RelationType of the edges.")]
Join: TypeAlias = Annotated[
    str, typer.Option("--join", metavar="KEY", help="Link only nodes that have the same value here.")
]
JoinDst: TypeAlias = Annotated[str, typer.Option("--join-dst", metavar="KEY", help="The children's key, if another.")]
Name: TypeAlias = Annotated[str, typer.Option("--name", "-n", help="How the rule is called.")]
Description: TypeAlias = Annotated[str, typer.Option("--description", help="What it is for.")]
Pairs: TypeAlias = Annotated[str, typer.Option("--metadata", metavar="K=V,K2=V2", help="Texts; dotted keys nest.")]
Values: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="K=V", help="One pair whose value is JSON, or a text; may be repeated."),
]
Preview: TypeAlias = Annotated[bool, typer.Option("--preview", help="Only say what the rule would do now.")]
Ttl: TypeAlias = Annotated[str, typer.Option("--ttl", metavar="DURATION", help="It undoes itself after that: 1h30m.")]


def metadata_of(given: str, values: list[str] | None) -> Metadata:
    """Return the metadata of both options together."""
    return {**pairs(given), **changes(values or [], [])}


def node_fields(
    name: str, description: str, action: str, query: str, node_name: str, node_type: str, metadata: Metadata
) -> NodeRuleUpdate:
    """Return the fields of a node rule; only those that say something."""
    facts = {**metadata, **_said(Name=node_name, Type=node_type)}
    return cast(NodeRuleUpdate, _said(name=name, description=description, action=action, query=query, metadata=facts))


def edge_fields(
    name: str, description: str, src: str, dst: str, metadata: Metadata, join: tuple[str, str]
) -> EdgeRuleUpdate:
    """Return the fields of an edge rule; only those that say something. `join` is the key at parents and children."""
    ends = _said(src=src, dst=dst, join=join[0], join_dst=join[1])
    return cast(EdgeRuleUpdate, _said(name=name, description=description, metadata=metadata, **ends))


def _said(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value}
