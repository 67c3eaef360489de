# SPDX-License-Identifier: Apache-2.0
"""Requests for the OpenFlow rules and groups of switches, as they travel from a query to agents, and what comes back.

A rule or group itself is plain data; `RULE_FIELDS` and `GROUP_FIELDS` say what it has.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from netsonde.model.elements import Json, Metadata
from netsonde.model.keys import Field

OpenFlowKind: TypeAlias = Literal["rules", "groups"]


class OpenFlowRequest(msgspec.Struct, frozen=True):
    """What to read from the switches of one agent."""

    kind: OpenFlowKind
    node_ids: list[str]
    """Nodes of bridges, of ports and of interfaces that are ports; of the latter two only what concerns the port."""
    table: int | None = None
    """Only rules of this table; None = of all."""
    limit: int = 10_000
    """At most so many for each node; the answer says how many more there were."""


class OpenFlowPart(msgspec.Struct, frozen=True):
    """One item of an agent's answer: some rules or groups of one node, and, at the end of it, what is missing."""

    node_id: str
    found: list[Metadata] = []
    left_out: int = 0
    """How many more there were than the limit."""
    problem: str = ""
    """Why the rest is not there, with the name of the bridge."""


class OpenFlowAnswer(msgspec.Struct, frozen=True):
    """What all agents said."""

    found: Sequence[tuple[str, Metadata]]
    """Rules or groups, each after the id of its node."""
    missing_hosts: Sequence[str] = ()
    """Hosts whose agent did not answer in time."""
    left_out: int = 0
    notes: Sequence[str] = ()
    """What is missing, and why, for people."""


def _field(key: str, kind: Literal["string", "integer", "number", "object"], says: str, example: Json) -> Field:
    return Field(key, kind, says, example)


RULE_FIELDS: Final = (
    _field("Bridge", "string", "name of the bridge", "br-int"),
    _field("Table", "integer", "table", 0),
    _field("Priority", "integer", "priority; the highest that matches wins", 32768),
    _field("Cookie", "string", "what the controller called it", "0x2a"),
    _field("Match", "string", "what it matches, as ovs-ofctl writes it; empty = everything", "ip,in_port=1"),
    _field("Fields", "object", "the same by field; `true` for a protocol, a mask after a slash", {"in_port": 1}),
    Field("Actions", "list of string", "what it does, in order", ["output:2"]),
    Field("Outputs", "any", "ports that it sends to by itself, by number or as `LOCAL`; not through groups", [2]),
    Field("Packets", "integer", "that it matched", 11, "packets"),
    Field("Bytes", "integer", "that it matched", 1078, "B"),
    Field("Duration", "number", "since it was made", 12.5, "s"),
    Field("IdleTimeout", "integer", "without a packet after which it goes; absent = none", 60, "s"),
    Field("HardTimeout", "integer", "after which it goes; absent = none", 300, "s"),
    Field("IdleAge", "integer", "since the last packet, where the switch tells", 3, "s"),
    _field("Importance", "integer", "the lowest goes first when a table is full; absent = 0", 5),
    Field("Flags", "list of string", "as ovs-ofctl writes them", ["send_flow_rem"]),
)

GROUP_FIELDS: Final = (
    _field("Bridge", "string", "name of the bridge", "br-int"),
    _field("GroupId", "integer", "number of the group", 1),
    _field("GroupType", "string", "`all select indirect ff` (fast failover)", "select"),
    _field("SelectionMethod", "string", "how `select` chooses, where it was said", "hash"),
    Field("Buckets", "list of object", "where packets may go", [{"Actions": ["output:1"], "Packets": 5}]),
    Field("Buckets.ID", "integer", "number of the bucket, where the switch tells", 0),
    Field("Buckets.Weight", "integer", "share of a bucket; absent = default", 100),
    Field("Buckets.WatchPort", "any", "port that must be up for it", 1),
    Field("Buckets.WatchGroup", "integer", "group that must be up for it", 2),
    Field("Buckets.Actions", "list of string", "what it does", ["output:1"]),
    Field("Buckets.Packets", "integer", "that went through it", 5, "packets"),
    Field("Buckets.Bytes", "integer", "that went through it", 490, "B"),
    Field("Packets", "integer", "that went through it", 11, "packets"),
    Field("Bytes", "integer", "that went through it", 1078, "B"),
    Field("References", "integer", "rules and groups that lead to it", 1),
    Field("Duration", "number", "since it was made", 12.5, "s"),
)
