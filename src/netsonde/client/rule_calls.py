# SPDX-License-Identifier: Apache-2.0
"""The calls about rules, one function each, for both kinds: what differs is in `NODE` and `EDGE`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypedDict, TypeVar

import msgspec

from netsonde.client.call import Call, as_json, ask, nothing, segment, tell
from netsonde.client.fields import ttl_header, wire_names
from netsonde.client.naming import named
from netsonde.model.elements import Metadata
from netsonde.model.rules import EdgeRule, EdgeRuleView, NodeRule, NodeRuleView, RulePreview

V = TypeVar("V", bound=NodeRuleView | EdgeRuleView)


class NodeRuleFields(TypedDict, total=False):
    """`NodeRule` says what each means; what is not given keeps its default, or its value."""

    name: str
    description: str
    metadata: Metadata
    query: str


class NodeRuleUpdate(NodeRuleFields, total=False):
    """What can be changed of a node rule."""

    action: str


class EdgeRuleFields(TypedDict, total=False):
    """`EdgeRule` says what each means; what is not given keeps its default, or its value."""

    name: str
    description: str
    join: str
    join_dst: str


class EdgeRuleUpdate(EdgeRuleFields, total=False):
    """What can be changed of an edge rule."""

    src: str
    dst: str
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class RuleKind(Generic[V]):
    """One of the two kinds of rules."""

    path: str
    noun: str
    verb: str
    definition: type[NodeRule] | type[EdgeRule]
    view: type[V]


NODE = RuleKind("/api/noderule", "node rule", "rule", NodeRule, NodeRuleView)
EDGE = RuleKind("/api/edgerule", "edge rule", "rule", EdgeRule, EdgeRuleView)


def rules(kind: RuleKind[V]) -> Call[list[V]]:
    by_uuid = as_json(dict[str, kind.view])  # type: ignore[name-defined]
    return ask(kind.path, object).read_by(lambda answer: list(by_uuid(answer).values()))


def rule(kind: RuleKind[V], uuid: str) -> Call[V]:
    return ask(f"{kind.path}/{segment(uuid)}", kind.view)


def create_rule(kind: RuleKind[V], fields: Mapping[str, object], ttl: str = "") -> Call[V]:
    return tell(kind.path, wire_names(fields, kind.definition, kind.noun), kind.view, ttl_header(ttl))


def preview_rule(kind: RuleKind[V], fields: Mapping[str, object]) -> Call[RulePreview]:
    return tell(f"{kind.path}/preview", wire_names(fields, kind.definition, kind.noun), RulePreview)


def patch_rule(kind: RuleKind[V], uuid: str, fields: Mapping[str, object], ttl: str = "") -> Call[V]:
    headers = {"Content-Type": "application/merge-patch+json", **ttl_header(ttl)}
    body = msgspec.json.encode(wire_names(fields, kind.definition, kind.noun))
    return Call("PATCH", f"{kind.path}/{segment(uuid)}", as_json(kind.view), body, headers)


def delete_rule(kind: RuleKind[V], uuid: str) -> Call[None]:
    return Call("DELETE", f"{kind.path}/{segment(uuid)}", nothing)


def named_rule(kind: RuleKind[V], name: str, found: Sequence[V]) -> V:
    """Return the rule with this UUID, name, or beginning of a UUID; raises NotFound or UserError."""
    return named(name, found, kind.noun, kind.verb)
