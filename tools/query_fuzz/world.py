# SPDX-License-Identifier: Apache-2.0
"""A network for the analyzer to show: agents on the bus that publish a data centre, and change it all the time."""

import asyncio
import json
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from data_centre import LAYER2, data_centre

from netsonde.aio import spawn
from netsonde.bus.connection import Bus
from netsonde.bus.settings import BusSettings
from netsonde.bus.topology import TopologyPublisher
from netsonde.graph.ids import edge_id, stable_id
from netsonde.model.elements import Edge, Metadata, Node
from netsonde.model.topology import NodeChange

RING = 1000
"""Interfaces in a circle, for walks that never end."""
PULSE = "pulse"
"""Name of the node that changes."""


class World:
    """The elements of each made-up host."""

    def __init__(self, hosts: int) -> None:
        now = time.time_ns() // 1_000_000
        self.nodes: dict[str, list[Node]] = defaultdict(list)
        self.edges: dict[str, list[Edge]] = defaultdict(list)
        nodes, edges = data_centre(hosts)
        owner_of = {}
        for found, host, metadata in nodes + [_ring_node(number) for number in range(RING)]:
            owner_of[found] = host or "h0"
            self.nodes[owner_of[found]].append(Node(found, metadata, host, f"agent.{owner_of[found]}", now, now))
        for parent, child, host, metadata in edges + [_ring_edge(number) for number in range(RING)]:
            publisher = host or owner_of[parent]
            known = edge_id(parent, child, str(metadata["RelationType"]))
            self.edges[publisher].append(
                Edge(known, metadata, host, f"agent.{publisher}", now, now, parent=parent, child=child)
            )
        self.pulse = Node(stable_id("fuzz", "pulse", "0"), {"Name": PULSE}, "h0", "agent.h0", now, now)
        self.nodes["h0"].append(self.pulse)

    @property
    def size(self) -> tuple[int, int]:
        return sum(map(len, self.nodes.values())), sum(map(len, self.edges.values()))


def _ring_node(number: int) -> tuple[str, str, Metadata]:
    facts: Metadata = {
        "Name": f"ring{number}",
        "Type": "veth",
        "Ring": f"r{number}",
        "Text": "ab" * 40 + "a" * (number % 100) + "x" * (20_000 if number % 250 == 0 else 1),
        "FDB": [{"MAC": f"02:00:00:00:{number % 256:02x}:{entry:02x}", "VLANs": [1, 2]} for entry in range(20)],
        "Deep": {"a": {"b": {"c": {"d": {"e": [number] * 3}}}}},
    }
    return stable_id("ring", "veth", str(number)), "h0", facts


def _ring_edge(number: int) -> tuple[str, str, str, Metadata]:
    ends = (stable_id("ring", "veth", str(number)), stable_id("ring", "veth", str((number + 1) % RING)))
    return *ends, "h0", LAYER2


@asynccontextmanager
async def published(world: World, bus_directory: Path, scratch: Path) -> AsyncIterator[TopologyPublisher]:
    """Publish every host of the world for the time of the block; give the publisher of the node that changes."""
    port = json.loads((bus_directory / "server.conf").read_text())["port"]
    settings = BusSettings(url=f"nats://127.0.0.1:{port}", token_file=bus_directory / "token")
    bus = await Bus.connect(settings, name=f"fuzz {secrets.token_hex(4)}", wait=20)
    publishers = {
        host: TopologyPublisher(bus, host, scratch / host, lambda host=host: (world.nodes[host], world.edges[host]))  # type: ignore[misc]
        for host in world.nodes
    }
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [spawn(group, publisher.run(), host) for host, publisher in publishers.items()]
            yield publishers["h0"]
            for task in tasks:
                task.cancel()
    finally:
        await bus.close()


def changed(node: Node, beat: int) -> NodeChange:
    """Return the next change of the pulse."""
    metadata: Metadata = {"Name": PULSE, "Beat": beat}
    now = time.time_ns() // 1_000_000
    return NodeChange(
        "updated", msgspec.structs.replace(node, metadata=metadata, updated_at=now, revision=beat + 1), "fuzz"
    )
