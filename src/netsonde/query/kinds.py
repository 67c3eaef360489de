# SPDX-License-Identifier: Apache-2.0
"""What a step takes and gives. A plan is a chain in which each step takes what the one before it gives."""

from enum import StrEnum


class Kind(StrEnum):
    """Kinds of intermediate and final results."""

    GRAPH = "graph"
    NODES = "nodes"
    EDGES = "edges"
    PATHS = "paths"
    VALUES = "values"
    """A list of JSON values."""
    VALUE = "value"
    """One JSON value, such as a count."""
    FLOWS = "flows"
    METRICS = "metrics"
    """Series of counters, one a node or flow."""
    PACKETS = "packets"
    GROUPS = "groups"
    """Items with the same value at a key."""
    SOCKETS = "sockets"
    NEXT_HOPS = "next_hops"
    OF_RULES = "of_rules"
    OF_GROUPS = "of_groups"
    CHANGES = "changes"
    """What happened to nodes and edges, one JSON object each."""

    @property
    def noun(self) -> str:
        """How messages name it."""
        return _NOUNS[self]


_NOUNS = {
    Kind.GRAPH: "the graph",
    Kind.NODES: "nodes",
    Kind.EDGES: "edges",
    Kind.PATHS: "paths",
    Kind.VALUES: "values",
    Kind.VALUE: "a single value",
    Kind.FLOWS: "flows",
    Kind.METRICS: "metrics",
    Kind.PACKETS: "packets",
    Kind.GROUPS: "groups",
    Kind.SOCKETS: "sockets",
    Kind.NEXT_HOPS: "next hops",
    Kind.OF_RULES: "OpenFlow rules",
    Kind.OF_GROUPS: "OpenFlow groups",
    Kind.CHANGES: "changes",
}
