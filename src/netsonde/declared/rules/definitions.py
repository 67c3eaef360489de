# SPDX-License-Identifier: Apache-2.0
"""What a rule may say, checked when it is created or changed. Pure."""

from typing import Final

from netsonde.declared.annotations import IDENTITY
from netsonde.declared.checks import check_metadata
from netsonde.declared.settings import DeclaredSettings
from netsonde.errors import UserError
from netsonde.graph.batch import relation_type
from netsonde.graph.paths import Path, parse_path
from netsonde.model.elements import Metadata
from netsonde.model.rules import EdgeRule, NodeRule
from netsonde.query import StandingQuery, compile_standing, parse

_LONGEST: Final = 4096


def check_node_rule(rule: NodeRule, settings: DeclaredSettings) -> None:
    """Raise UserError for the first thing that is wrong with a rule."""
    _check_common(rule.name, rule.description, rule.metadata, settings)
    if rule.action not in ("create", "update"):
        raise UserError(
            f"Action: {rule.action[:40]!r} is not known",
            hint="create adds a node, update lays metadata upon the nodes of a query",
        )
    if rule.action == "create":
        if rule.query.strip():
            raise UserError("Query has no meaning in a rule that creates a node", hint="leave it out, or use update")
        _check_identity(rule.metadata)
        return
    wrong = [name for name in IDENTITY if name in rule.metadata]
    if wrong:
        raise UserError(
            f"Metadata.{wrong[0]} cannot be changed by a rule", hint="queries, captures and flows find nodes by it"
        )
    if not rule.metadata:
        raise UserError("Metadata is empty: the rule would change nothing", hint='such as {"Owner": "net team"}')
    compiled(rule.query, "Query")


def check_edge_rule(rule: EdgeRule, settings: DeclaredSettings) -> None:
    """Raise UserError for the first thing that is wrong with a rule."""
    _check_common(rule.name, rule.description, rule.metadata, settings)
    if not relation_type(rule.metadata):
        raise UserError("Metadata.RelationType is missing", hint='such as {"RelationType": "layer2"}')
    compiled(rule.src, "Src")
    compiled(rule.dst, "Dst")
    join_of(rule)


def compiled(text: str, member: str) -> StandingQuery:
    """Return the standing form of a rule's query; raises UserError with the place of any mistake."""
    if not text.strip():
        raise UserError(f"{member} is empty: a rule must say for which nodes it is", hint="G.V().Has('Type', 'host')")
    if len(text) > _LONGEST:
        raise UserError(f"{member} has {len(text)} characters, more than {_LONGEST}", hint="write it shorter")
    return compile_standing(parse(text))


def join_of(rule: EdgeRule) -> tuple[Path, Path] | None:
    """Return the paths whose values must be the same at parent and child, None when every pair is meant."""
    if not rule.join:
        if rule.join_dst:
            raise UserError("JoinDst is there without Join", hint="Join is the path at the parent")
        return None
    here = parse_path(rule.join)
    return here, parse_path(rule.join_dst) if rule.join_dst else here


def _check_identity(metadata: Metadata) -> None:
    for name in ("Name", "Type"):
        value = metadata.get(name)
        if not isinstance(value, str) or not value:
            raise UserError(f"Metadata.{name} is missing", hint="a node has a Name and a Type, both texts")


def _check_common(name: str, description: str, metadata: Metadata, settings: DeclaredSettings) -> None:
    for member, text in (("Name", name), ("Description", description)):
        if len(text) > _LONGEST:
            raise UserError(f"{member} has {len(text)} characters, more than {_LONGEST}", hint="choose a shorter one")
    check_metadata(metadata, settings)
