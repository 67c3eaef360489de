# SPDX-License-Identifier: Apache-2.0
"""Declared elements on the bus: an entry each against chunks of an import, with a real nats-server.

Prints time and size of both in one run, and their ratio. Limit: chunks take a tenth of the time at most.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from data_centre import data_centre
from graph import HOSTS

from netsonde.bus.connection import Bus
from netsonde.bus.server import PrivateServer, ServerSettings
from netsonde.bus.settings import BusSettings
from netsonde.declared.stores import cut, pack, unpack
from netsonde.model.declared import ImportChunk
from netsonde.model.elements import Node

ELEMENTS = 5000
LIMIT = 0.1


async def single(bus: Bus, nodes: list[Node]) -> tuple[float, float]:
    """Return the seconds to write and to read again, an entry each."""
    bucket = await bus.bucket("nodes", codec=Node)
    began = time.monotonic()
    for node in nodes:
        await bucket.create(node.id, node)
    written = time.monotonic()
    assert len(await bucket.items()) == len(nodes)
    return written - began, time.monotonic() - written


async def chunked(bus: Bus, nodes: list[Node]) -> tuple[float, float]:
    bucket = await bus.bucket("imports", codec=ImportChunk)
    began = time.monotonic()
    for number, (some, edges) in enumerate(cut(nodes, [])):
        await bucket.create(f"bench.{number}", pack(some, edges))
    written = time.monotonic()
    assert sum(len(unpack(chunk).nodes) for chunk in (await bucket.items()).values()) == len(nodes)
    return written - began, time.monotonic() - written


async def main() -> int:
    found = list(data_centre(HOSTS)[0])[:ELEMENTS]
    nodes = [Node(node_id, facts, host, f"agent.{host}", 1, 1) for node_id, host, facts in found]
    with tempfile.TemporaryDirectory() as folder:
        server = PrivateServer(ServerSettings(Path(folder) / "nats"))
        await server.start()
        bus = await Bus.connect(BusSettings(url=server.url, token_file=server.token_file), name="bench", wait=10)
        try:
            each, chunks = await single(bus, nodes), await chunked(bus, nodes)
        finally:
            await bus.close()
            await server.stop()
    print(f"{len(nodes):,} nodes, an entry each: written in {each[0]:.2f} s, read in {each[1]:.2f} s")
    print(f"{len(nodes):,} nodes, in chunks:     written in {chunks[0]:.2f} s, read in {chunks[1]:.2f} s")
    ratio = sum(chunks) / sum(each)
    print(f"chunks / an entry each = {ratio:.3f}, limit {LIMIT}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
