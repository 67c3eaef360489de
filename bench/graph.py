# SPDX-License-Identifier: Apache-2.0
"""A data centre of 100,000 nodes and 165,000 edges: queries, dump, memory, standing captures; peer: networkx.

Both sides get the same metadata in the same run. Times are the best of several, in one process.
"""

import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import networkx as nx

from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.encode import GraphDump
from netsonde.graph.events import Event
from netsonde.graph.graph import Graph
from netsonde.graph.ids import edge_id, stable_id
from netsonde.graph.shortest_path import shortest_path
from netsonde.model.elements import Edge, Metadata, Node
from netsonde.model.topology import TopologySnapshot
from netsonde.query import Matcher, compile_standing, parse

HOSTS = 1000
VMS = 32
"""Per host; each has a tap, an OVS port and, for every second one, a namespace with a veth pair."""
LAYER2: Metadata = {"RelationType": "layer2"}
OWNS: Metadata = {"RelationType": OWNERSHIP}

Nodes = list[tuple[str, str, Metadata]]
Edges = list[tuple[str, str, str, Metadata]]


def data_centre() -> tuple[Nodes, Edges]:
    """Return (id, host, metadata) of nodes and (parent, child, host, metadata) of edges."""
    nodes: Nodes = []
    edges: Edges = []
    for number in range(HOSTS):
        add_host(number, nodes, edges)
    racks = [stable_id("fabric", "switch", f"rack{rack}") for rack in range(HOSTS // 40)]
    spine = stable_id("fabric", "switch", "spine")
    nodes.append((spine, "", {"Type": "switch", "Name": "spine"}))
    for rack, switch in enumerate(racks):
        nodes.append((switch, "", {"Type": "switch", "Name": f"rack{rack}"}))
        edges.append((spine, switch, "", LAYER2))
    for number in range(HOSTS):
        edges.append((racks[number // 40], stable_id(f"m{number}", "if", "eth0"), f"h{number}", LAYER2))
    return nodes, edges


def add_host(number: int, nodes: Nodes, edges: Edges) -> None:
    machine, host = f"m{number}", f"h{number}"

    def node(kind: str, name: str, **more: Any) -> str:
        found = stable_id(machine, kind, name)
        nodes.append((found, host, {"Name": name, "Type": kind, "State": "UP", "MTU": 1500, **more}))
        return found

    def link(parent: str, child: str, metadata: Metadata) -> None:
        edges.append((parent, child, host, metadata))

    root = node("host", host)
    uplink, bridge = stable_id(machine, "if", "eth0"), node("ovsbridge", "br-int")
    nodes.append((uplink, host, {"Name": "eth0", "Type": "device", "IfIndex": 2, "MAC": f"02:00:{number:08x}"}))
    link(root, uplink, OWNS)
    link(root, bridge, OWNS)
    link(bridge, uplink, LAYER2)
    for vm in range(VMS):
        add_vm(number, vm, root, bridge, node, link)


def add_vm(
    number: int, vm: int, root: str, bridge: str, node: Callable[..., str], link: Callable[[str, str, Metadata], None]
) -> None:
    ids: Metadata = {
        "vm-id": f"vm-{number}-{vm}",
        "iface-id": f"port-{number}-{vm}",
        "attached-mac": f"fa:16:{number:04x}:{vm:02x}",
    }
    port = node("ovsport", f"tap{vm}", UUID=f"row-{number}-{vm}")
    tap = node("tuntap", f"tap{vm}", IfIndex=10 + vm, MAC=f"fe:16:{number:04x}:{vm:02x}", ExtID=ids)
    link(bridge, port, OWNS)
    link(bridge, port, LAYER2)
    link(port, tap, LAYER2)
    link(root, tap, OWNS)
    if vm % 2 == 0:
        netns = node("netns", f"ns{vm}", Inode=4026531000 + vm, Path=f"/run/netns/ns{vm}")
        outer = node("veth", f"veth{vm}", IfIndex=100 + vm, IPV4=[f"10.{number % 250}.{vm}.1/24"])
        link(root, netns, OWNS)
        link(netns, outer, OWNS)
        if vm % 4 == 0:
            link(outer, port, LAYER2)


def best(work: Callable[[], Any], rounds: int = 7) -> float:
    """Return the best time of several runs, in milliseconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times) * 1000


def traced(build: Callable[[], Any]) -> tuple[Any, int]:
    """Return what `build` returns and the bytes it left allocated."""
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    built = build()
    gc.collect()
    return built, tracemalloc.get_traced_memory()[0] - before


def load(nodes: Nodes, edges: Edges) -> Graph:
    """Bring in each host's snapshot as an analyzer does, ids and strings fresh as from the decoder."""
    graph = Graph("analyzer", "analyzer.a", lambda: 1_700_000_000_000)
    by_host: dict[str, tuple[list[Node], list[Edge]]] = {}
    for found, host, metadata in nodes:
        by_host.setdefault(host, ([], []))[0].append(
            Node(copy(found), metadata, copy(host), f"agent.{host}", 1_700_000_000_000, 1_700_000_000_000)
        )
    for parent, child, host, metadata in edges:
        by_host.setdefault(host, ([], []))[1].append(
            Edge(
                edge_id(parent, child, str(metadata["RelationType"])),
                metadata,
                copy(host),
                f"agent.{host}",
                1_700_000_000_000,
                1_700_000_000_000,
                parent=copy(parent),
                child=copy(child),
            )
        )
    for host, (its_nodes, its_edges) in by_host.items():
        graph.replace_origin(TopologySnapshot(host, "e", 1, its_nodes, its_edges))
    return graph


def copy(text: str) -> str:
    return text.encode().decode()


def load_networkx(nodes: Nodes, edges: Edges) -> Any:
    peer = nx.MultiGraph()
    for found, host, metadata in nodes:
        peer.add_node(copy(found), metadata=metadata, host=copy(host))
    for parent, child, host, metadata in edges:
        peer.add_edge(
            parent, child, key=edge_id(parent, child, str(metadata["RelationType"])), metadata=metadata, host=host
        )
    return peer


def report(what: str, ours: float, peer: float | None, unit: str = "ms", limit: float | None = None) -> bool:
    met = limit is None or ours <= limit
    ratio = "" if peer is None else f"  networkx {peer:10.3f} {unit}  ratio {peer / ours:9.1f}"
    bound = "" if limit is None else f"  limit {limit:g} {'met' if met else 'MISSED'}"
    print(f"{what:44} {ours:10.4f} {unit}{ratio}{bound}")
    return met


def standing_change(graph: Graph, node_id: str) -> Callable[[], None]:
    """Return a change of one node, different each time."""
    state = {"turn": 0}

    def change() -> None:
        state["turn"] += 1
        batch = Batch()
        batch.annotate(node_id, "user", {"ExtID": {"turn": str(state["turn"])}})
        graph.apply(batch)

    return change


def standing_cost(graph: Graph, query: str, node_id: str) -> float:
    """Return milliseconds in which one standing capture is re-tested upon a change that it reads."""
    matcher = Matcher(compile_standing(parse(query)), graph)
    batches: list[Sequence[Event]] = []
    stop = graph.subscribe(batches.append)
    change = standing_change(graph, node_id)
    for _ in range(200):
        change()
    stop()
    return best(lambda: [matcher.update(events) for events in batches]) / len(batches)


def main() -> int:
    (nodes, edges) = data_centre()
    print(f"{len(nodes):,} nodes, {len(edges):,} edges")
    tracemalloc.start()
    graph, ours = traced(lambda: load(nodes, edges))
    # Before the peer is there: its million objects would be in every round of the garbage collector.
    first = best(lambda: graph.nodes_with("MAC", "fe:16:01f4:05"), 1)
    dump = GraphDump(graph)
    _, cached = traced(lambda: dump.json() and None)
    peer, theirs = traced(lambda: load_networkx(nodes, edges))
    tracemalloc.stop()
    size = len(nodes)
    met = [report("memory beyond metadata", ours / size, theirs / size, "B/node", 1500)]
    report("  and the cached JSON of a dump", cached / size, None, "B/node")
    report("index built at the first question", first, None)
    met += [*queries(graph, peer), *paths(graph, peer), *dumps(graph, dump, peer)]
    tap = stable_id("m500", "tuntap", "tap5")
    small = load(nodes[:200], edges[:200])
    for query in ("G.V().HasKey('ExtID.vm-id')", "G.V().Has('Type', 'ovsbridge').Out().HasKey('ExtID.vm-id')"):
        cost = standing_cost(graph, query, tap)
        met.append(report(f"re-tested: {query[:30]}…", cost, None, limit=0.1))
        report("  the same on 200 nodes", standing_cost(small, query, stable_id("m0", "tuntap", "tap5")), None)
    return 0 if all(met) else 1


def queries(graph: Graph, peer: Any) -> list[bool]:
    def scan_value() -> list[str]:
        return [n for n, data in peer.nodes(data=True) if data["metadata"].get("MAC") == "fe:16:01f4:05"]

    def scan_key() -> list[str]:
        return [n for n, data in peer.nodes(data=True) if "vm-id" in data["metadata"].get("ExtID", {})]

    assert len(list(graph.nodes_with("MAC", "fe:16:01f4:05"))) == len(scan_value()) == 1
    assert len(graph.nodes_having("ExtID.vm-id")) == len(scan_key())
    return [
        report(
            "Has on an indexed key",
            best(lambda: list(graph.nodes_with("MAC", "fe:16:01f4:05"))),
            best(scan_value),
            limit=1,
        ),
        report("HasKey on an indexed key", best(lambda: graph.nodes_having("ExtID.vm-id")), best(scan_key), limit=1),
    ]


def paths(graph: Graph, peer: Any) -> list[bool]:
    start, end = stable_id("m3", "tuntap", "tap5"), stable_id("m990", "tuntap", "tap7")

    def is_layer2(edge: Edge) -> bool:
        return edge.metadata.get("RelationType") == "layer2"

    layer2 = peer.edge_subgraph((u, v, k) for u, v, k, d in peer.edges(keys=True, data=True) if d["metadata"] == LAYER2)
    found = [node.id for node in shortest_path(graph, start, [end], is_layer2)]
    assert len(found) == len(nx.shortest_path(layer2, start, end))
    assert all(two in layer2[one] for one, two in pairwise(found))
    ours = best(lambda: shortest_path(graph, start, [end], is_layer2))
    return [
        report("shortest path across the fabric", ours, best(lambda: nx.shortest_path(layer2, start, end)), limit=10)
    ]


def dumps(graph: Graph, dump: GraphDump, peer: Any) -> list[bool]:
    change = standing_change(graph, stable_id("m1", "tuntap", "tap1"))

    def changed_dump() -> bytes:
        change()
        return dump.json()

    def peer_dump() -> bytes:
        return json.dumps(nx.node_link_data(peer, edges="links")).encode()

    text = changed_dump()
    assert len(json.loads(text)["Nodes"]) == graph.node_count()
    print(f"full JSON: {len(text) / 1e6:.1f} MB")
    return [report("full JSON", best(changed_dump, 5), best(peer_dump, 1), limit=150)]


if __name__ == "__main__":
    sys.exit(main())
