# SPDX-License-Identifier: Apache-2.0
"""Declared elements over a real graph and buckets in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.declared import DeclaredElements, DeclaredSettings, Stores
from netsonde.declared.rules import EdgeRules, NodeRules
from netsonde.graph import Graph
from netsonde.model.elements import Edge, Metadata, Node
from netsonde.model.rules import EdgeRule, NodeRule
from netsonde.model.stores import Store
from netsonde.model.topology import TopologySnapshot
from netsonde.observe import Health
from unit.captures.fakes import FakeStore

NOW_MS = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class AllStores(Stores):
    """The buckets of rules too."""

    node_rules: Store[NodeRule] = field(default_factory=FakeStore)
    edge_rules: Store[EdgeRule] = field(default_factory=FakeStore)


def memory_stores() -> AllStores:
    return AllStores(FakeStore(), FakeStore(), FakeStore(), FakeStore())


class Analyzer:
    """One analyzer's graph and what users declared."""

    def __init__(self, stores: AllStores, settings: DeclaredSettings | None = None, host: str = "a1") -> None:
        self.graph = Graph(host, f"analyzer.{host}", lambda: NOW_MS)
        settings = settings or DeclaredSettings()
        self.declared = DeclaredElements(self.graph, stores, settings, lambda: NOW_MS)
        clock = Clock(lambda: NOW_MS + self.later_ms)
        self.later_ms = 0
        self.node_rules = NodeRules(self.graph, stores.node_rules, self.declared, settings, clock)
        self.edge_rules = EdgeRules(self.graph, stores.edge_rules, self.declared, settings, clock)

    def agent_says(self, *elements: Node | Edge) -> None:
        """Let the agent of h1 publish exactly these elements."""
        nodes = [element for element in elements if isinstance(element, Node)]
        edges = [element for element in elements if isinstance(element, Edge)]
        self.graph.replace_origin(TopologySnapshot("h1", "e", 1, nodes, edges))

    def shown(self, node_id: str) -> Metadata:
        """Return the metadata of a node in the graph, {} when it is not there."""
        node = self.graph.node(node_id)
        return {} if node is None else node.metadata


@asynccontextmanager
async def running(analyzer: Analyzer) -> AsyncIterator[Analyzer]:
    """Run an analyzer's part until the end of the block, from when everything stored is read."""
    async with asyncio.TaskGroup() as group:
        parts: dict[str, DeclaredElements | NodeRules | EdgeRules] = {
            "declared": analyzer.declared,
            "noderules": analyzer.node_rules,
            "edgerules": analyzer.edge_rules,
        }
        tasks = [spawn(group, part.run(Health(name)), name) for name, part in parts.items()]
        for part in parts.values():
            await part.ready()
        yield analyzer
        for task in tasks:
            task.cancel()


def node(node_id: str, *, origin: str = "api.a1", host: str = "h1", **metadata: object) -> Node:
    facts: Metadata = {"Name": node_id, "Type": "device", **metadata}  # type: ignore[dict-item]
    return Node(node_id, facts, host, origin, NOW_MS - 5000, NOW_MS - 4000, None, 3)


def edge(parent: str, child: str, relation: str = "layer2", *, edge_id: str = "", origin: str = "api.a1") -> Edge:
    name = edge_id or f"{parent}-{child}-{relation}"
    return Edge(name, {"RelationType": relation}, "h1", origin, NOW_MS, NOW_MS, None, 1, parent, child)
