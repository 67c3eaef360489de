# SPDX-License-Identifier: Apache-2.0
"""What 100 subscribers with different filters cost at each event of a graph of 100,000 nodes.

Peers in the same run: 100 subscribers without a filter, and the reference's way, the filter's whole query at each
event. The same on 1,000 nodes shows what of the cost depends on the size. Processor time, one event a batch.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from netsonde.analyzer.filters import FilterService
from netsonde.api.websocket.filtered import Followed
from netsonde.api.websocket.handshake import Handshake
from netsonde.api.websocket.hub import Client, Hub
from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Metadata
from netsonde.query import Sources, parse, run
from unit.api.fakes import Fakes

SUBSCRIBERS = 100
PER_HOST = 100
"""Nodes of a host: itself, namespaces and a veth in each."""
LIMIT_MS = 1.0
"""For one event and all subscribers: a tenth of a processor at 100 events/s."""
OWNS: Metadata = {"RelationType": OWNERSHIP}
Change = Callable[[Batch], None]


def graph_of(hosts: int) -> Graph:
    graph = Graph("analyzer", "analyzer.a", lambda: 1_700_000_000_000)
    for host in range(hosts):
        batch = Batch()
        batch.put_node(f"h{host}", "p", {"Type": "host", "Name": f"h{host}"})
        for number in range(PER_HOST // 2):
            add_netns(batch, host, number)
        graph.apply(batch)
    return graph


def add_netns(batch: Batch, host: int, number: int) -> None:
    netns, veth = f"h{host}-ns{number}", f"h{host}-veth{number}"
    batch.put_node(netns, "p", {"Type": "netns", "Name": netns, "Inode": number})
    batch.put_node(veth, "p", {"Type": "veth", "Name": veth, "State": "UP", "MTU": 1500})
    batch.put_edge(f"{netns}-{veth}", netns, veth, "p", OWNS)
    batch.put_edge(f"h{host}-{netns}", f"h{host}", netns, "p", OWNS)


def filters(hosts: int) -> list[str]:
    """Return as many different filters as there are subscribers, of four shapes."""
    shapes = [
        "G.V().Has('Type', 'host', 'Name', 'h{}').Out().Out().SubGraph()",
        "G.V().Has('Name', Regex('h{}-.*')).SubGraph()",
        "G.V().Has('Type', 'netns', 'Name', 'h{}-ns1').Both().SubGraph()",
        "G.V().Has('Type', 'veth', 'State', 'DOWN', 'Name', Ne('{}')).SubGraph()",
    ]
    return [shapes[number % 4].format(number % hosts) for number in range(SUBSCRIBERS)]


def changes(hosts: int, count: int) -> Iterator[Change]:
    """Yield changes: two thirds updates that few filters read, the rest appearing, disappearing, going down and up."""
    for turn in range(count):
        host, veth = turn * 7 % hosts, f"h{turn * 7 % hosts}-veth{turn % 40}"
        facts: Metadata = {"Type": "veth", "Name": veth, "State": "UP", "MTU": 1500 + turn}
        if turn % 6 == 4:
            yield lambda batch, host=host: add_netns(batch, host, 49)  # type: ignore[misc]
        elif turn % 6 == 5:
            yield lambda batch, host=host: batch.delete_node(f"h{host}-veth49")  # type: ignore[misc]
        else:
            facts["State"] = "DOWN" if turn % 12 == 0 else "UP"
            yield lambda batch, veth=veth, facts=facts: batch.put_node(veth, "p", facts)  # type: ignore[misc]


def apply(graph: Graph, some: Sequence[Change], clients: Sequence[Client]) -> float:
    """Apply each change as a batch of its own; return milliseconds of processor time per event."""
    spent = 0.0
    for change in some:
        batch = Batch()
        change(batch)
        began = time.process_time()
        graph.apply(batch)
        spent += time.process_time() - began
        for client in clients:
            client.outbox._messages.clear()
            client.outbox._characters = 0
    return spent * 1000 / len(some)


def subscribed(graph: Graph, texts: Sequence[str]) -> tuple[Hub, list[Client]]:
    services = replace(Fakes.new().services(), graph=graph, filters=FilterService(graph))
    hub = Hub(services)
    clients = [Client(Handshake("bench", "bench", frozenset(), text, "full"), 10_000) for text in texts]
    for client in clients:
        hub.join(client)
        while isinstance(client.view, Followed) and not client.view.ready:
            client.view.fill()
    return hub, clients


def cost(graph: Graph, hosts: int, texts: Sequence[str], events: int) -> float:
    """Return milliseconds per event for subscribers with these filters, beyond what the graph itself costs."""
    alone = apply(graph, list(changes(hosts, events)), [])
    hub, clients = subscribed(graph, texts)
    with_them = apply(graph, list(itertools.islice(changes(hosts, 2 * events), events, None)), clients)
    for client in clients:
        hub.leave(client)
    return max(0.0001, with_them - alone)


async def asked_anew(graph: Graph, texts: Sequence[str]) -> float:
    """Return milliseconds that all queries take once, as at each event in the reference."""
    began = time.process_time()
    for text in texts:
        await run(parse(text), Sources(graph))
    return (time.process_time() - began) * 1000


def main(events: int) -> int:
    large, small = graph_of(1000), graph_of(10)
    print(f"{large.node_count():,} nodes, {large.edge_count():,} edges, {SUBSCRIBERS} subscribers")
    began = time.process_time()
    hub, clients = subscribed(large, filters(1000))
    print(f"all filters compiled and filled: {(time.process_time() - began) * 1000:.0f} ms")
    for client in clients:
        hub.leave(client)
    followed = cost(large, 1000, filters(1000), events)
    same = cost(large, 1000, [filters(1000)[0]] * SUBSCRIBERS, events)
    tiny = cost(small, 10, filters(1000), events)
    unfiltered = cost(large, 1000, [""] * SUBSCRIBERS, events)
    anew = asyncio.run(asked_anew(large, filters(1000)))
    print(f"followed:            {followed:9.4f} ms an event, {1000 / followed:,.0f} events/s")
    print(f"  each subscriber:   {followed * 1000 / SUBSCRIBERS:9.2f} us an event")
    print(f"  all the same one:  {same:9.4f} ms an event")
    print(f"  on 1,000 nodes:    {tiny:9.4f} ms an event, ratio {followed / tiny:.2f}")
    print(f"without a filter:    {unfiltered:9.4f} ms an event; followed / unfiltered = {followed / unfiltered:.2f}")
    print(f"queries asked anew:  {anew:9.1f} ms an event; asked anew / followed = {anew / followed:,.0f}")
    print(f"cost of an event / limit of {LIMIT_MS:g} ms = {followed / LIMIT_MS:.2f}")
    return 0 if followed <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000))
