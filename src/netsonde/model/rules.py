# SPDX-License-Identifier: Apache-2.0
"""Rules: what users state of nodes that exist or will exist, instead of one node after the other.

Stored in the buckets `noderules` and `edgerules` (key: UUID). Wire names are the reference's; ours are additive.
"""

from typing import TypeVar

import msgspec

from netsonde.model.elements import Metadata


class NodeRule(msgspec.Struct, frozen=True, omit_defaults=False, rename="pascal"):
    """A node that users add (`create`), or metadata that they lay upon all nodes of a query (`update`)."""

    uuid: str = msgspec.field(name="UUID", default="")
    name: str = ""
    description: str = ""
    metadata: Metadata = {}
    action: str = ""
    """`create` or `update`."""
    query: str = ""
    """Which nodes are updated, present or future."""
    created_at: int = 0
    """Unix ms, set by the server. Of two rules that write one key of a node the later created one wins."""
    expires_at: int = 0
    """Unix ms at which the rule deletes itself, and what it did with it (from X-Resource-TTL); 0 = never."""


class EdgeRule(msgspec.Struct, frozen=True, omit_defaults=False, rename="pascal"):
    """Edges from every node of one query to every node of another, present or future."""

    uuid: str = msgspec.field(name="UUID", default="")
    name: str = ""
    description: str = ""
    src: str = ""
    """Query for the parents."""
    dst: str = ""
    """Query for the children."""
    metadata: Metadata = {}
    join: str = ""
    """Path of metadata whose value must be the same at both ends; "" = every pair is linked."""
    join_dst: str = ""
    """The path at the child, when it is another one there."""
    created_at: int = 0
    expires_at: int = 0


class NodeRuleView(NodeRule, frozen=True, omit_defaults=False, rename="pascal"):
    """A node rule with what it does now."""

    count: int = 0
    """Nodes that it created or updated."""
    reason: str = ""
    """Why it does less than it says, "" when it does not."""


class EdgeRuleView(EdgeRule, frozen=True, omit_defaults=False, rename="pascal"):
    """An edge rule with what it does now."""

    count: int = 0
    """Edges that it made; some of them may wait for an owner to go."""
    reason: str = ""


class NamedNode(msgspec.Struct, frozen=True, rename="pascal"):
    """A node as a list shows it."""

    id: str = msgspec.field(name="ID")
    name: str
    type: str
    host: str


class LinkedPair(msgspec.Struct, frozen=True, rename="pascal"):
    """An edge that would be made."""

    parent: NamedNode
    child: NamedNode


class RulePreview(msgspec.Struct, frozen=True, rename="pascal"):
    """What a rule would do now."""

    matching: int = 0
    """Nodes that would be created or updated, or edges that would be made."""
    nodes: list[NamedNode] = []
    """The first 20 of the nodes."""
    edges: list[LinkedPair] = []
    """The first 20 of the edges."""
    conflicts: list[str] = []
    """What would be hidden or left out, the first 20."""


Rule = TypeVar("Rule", NodeRule, EdgeRule)
