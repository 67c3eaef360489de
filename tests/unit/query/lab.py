# SPDX-License-Identifier: Apache-2.0
"""The sample graphs of the reference's specification: LAB (now) and TL (a history), with sources over them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pyarrow as pa

from flow_tests import columns_of, passes
from netsonde.errors import NotFound
from netsonde.graph.graph import Graph
from netsonde.graph.reader import GraphReader
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.history.changes import RecordedRow, differences, feed
from netsonde.model.changes import ElementChange, ElementKind
from netsonde.model.elements import Edge, Json, Metadata, Node
from netsonde.model.flows import FlowAnswer, FlowPeriod, FlowRequest, PacketRequest, Talker
from netsonde.model.openflow import OpenFlowAnswer, OpenFlowRequest
from netsonde.model.topology import TopologySnapshot
from netsonde.query import Sources, Wanted

T0 = 1_700_000_000
T0_MS = T0 * 1000

_HOST: Metadata = {
    "RoutingTables": [
        {
            "ID": 254,
            "Routes": [
                {
                    "Protocol": 3,
                    "Prefix": "0.0.0.0/0",
                    "NextHops": [{"IP": "192.168.0.1", "IfIndex": 2, "Priority": 0}],
                },
                {"Protocol": 2, "Prefix": "192.168.0.0/24", "NextHops": [{"IfIndex": 2, "Priority": 0}]},
            ],
        }
    ],
    "Neighbors": [{"MAC": "02:00:00:00:ff:01", "IP": "192.168.0.1", "IfIndex": 2}],
    "Sockets": [
        {
            "Process": "/usr/bin/curl",
            "Pid": 4242,
            "Name": "curl",
            "LocalAddress": "192.168.0.10",
            "LocalPort": 40000,
            "RemoteAddress": "192.168.0.20",
            "RemotePort": 80,
            "Protocol": "TCP",
            "State": "ESTABLISHED",
        }
    ],
}

_ETH0: Metadata = {
    "Driver": "e1000",
    "IfIndex": 2,
    "MAC": "02:00:00:00:00:aa",
    "PeerIntfMAC": "02:00:00:00:ff:01",
    "MTU": 1500,
    "State": "UP",
    "IPV4": ["192.168.0.10/24"],
    "Speed": 1000,
    "Load": 0.75,
    "Vlan": "20",
    "Vlans": [10, 20],
    "Nil": None,
    "Features": {"gro": True, "tso": False},
    "FDB": [{"MAC": "02:00:00:00:ff:01", "Age": 5}, {"MAC": "02:00:00:00:ff:02"}],
    "LastUpdateMetric": {
        "RxBytes": 2000,
        "RxPackets": 20,
        "TxBytes": 1000,
        "TxPackets": 10,
        "Start": T0_MS + 10_000,
        "Last": T0_MS + 40_000,
    },
}

_V1N: Metadata = {
    "IPV4": ["10.0.0.1/24", "10.0.1.1/24"],
    "ExtID": {"vm-id": "vm-0001"},
    "LastUpdateMetric": {
        "RxBytes": 300,
        "RxPackets": 3,
        "TxBytes": 600,
        "TxPackets": 6,
        "Start": T0_MS + 20_000,
        "Last": T0_MS + 40_000,
    },
}


def _veth(name: str, mac: str, mtu: int, state: str) -> Metadata:
    return {"Type": "veth", "Name": name, "Driver": "veth", "MAC": mac, "MTU": mtu, "State": state}


_NODES: Sequence[tuple[str, Metadata]] = (
    ("h1", {"Type": "host", "Name": "host1", **_HOST}),
    ("eth0", {"Type": "device", "Name": "eth0", **_ETH0}),
    ("br0", {"Type": "ovsbridge", "Name": "br0", "UUID": "ovs-br0", "MTU": 1500}),
    ("p1", {"Type": "ovsport", "Name": "v1h", "UUID": "ovs-p1"}),
    ("p2", {"Type": "ovsport", "Name": "v2h", "UUID": "ovs-p2"}),
    ("v1h", _veth("v1h", "02:00:00:00:01:01", 1500, "UP")),
    ("v2h", _veth("v2h", "02:00:00:00:02:01", 9000, "DOWN")),
    ("ns1", {"Type": "netns", "Name": "vm1"}),
    ("ns2", {"Type": "netns", "Name": "vm2"}),
    ("v1n", {**_veth("eth0", "02:00:00:00:01:02", 1500, "UP"), **_V1N}),
    ("v2n", {**_veth("eth0", "02:00:00:00:02:02", 9000, "DOWN"), "IPV4": ["10.0.0.2/24"]}),
)

_OWNERSHIP = ("h1 eth0", "h1 br0", "br0 p1", "br0 p2", "h1 v1h", "h1 v2h", "h1 ns1", "h1 ns2", "ns1 v1n", "ns2 v2n")
_LAYER2: Sequence[tuple[str, Metadata]] = (
    ("br0 p1", {}),
    ("br0 p2", {}),
    ("p1 v1h", {"Type": "mapping"}),
    ("p2 v2h", {"Type": "mapping"}),
    ("v1h v1n", {"Type": "veth", "Tags": ["a", "b"], "Weight": 5}),
    ("v2h v2n", {"Type": "veth", "Weight": 9}),
)


def make_node(node_id: str, metadata: Metadata, at_ms: int) -> Node:
    return Node(node_id, metadata, "h1", "agent.h1", at_ms, at_ms)


def make_edge(edge_id: str, ends: str, metadata: Metadata, at_ms: int) -> Edge:
    parent, child = ends.split()
    return Edge(edge_id, metadata, "h1", "agent.h1", at_ms, at_ms, parent=parent, child=child)


def lab_elements() -> tuple[list[Node], list[Edge]]:
    nodes = [
        make_node(id, {"TID": f"tid-{id}", **metadata}, T0_MS + 1000 * at) for at, (id, metadata) in enumerate(_NODES)
    ]
    edges = [
        make_edge(f"o{at}", ends, {"RelationType": "ownership"}, T0_MS + 20_000)
        for at, ends in enumerate(_OWNERSHIP, 1)
    ]
    edges += [
        make_edge(f"l{at}", ends, {"RelationType": "layer2", **more}, T0_MS + 20_000)
        for at, (ends, more) in enumerate(_LAYER2, 1)
    ]
    return nodes, edges


def live_graph(nodes: Sequence[Node], edges: Sequence[Edge]) -> Graph:
    graph = Graph("analyzer", "analyzer", lambda: T0_MS)
    graph.replace_origin(TopologySnapshot("h1", "epoch", 1, list(nodes), list(edges)))
    return graph


def _metric(packets_ab: int, octets_ab: int, packets_ba: int, octets_ba: int, start: int, last: int) -> Metadata:
    return {
        "ABPackets": packets_ab,
        "ABBytes": octets_ab,
        "BAPackets": packets_ba,
        "BABytes": octets_ba,
        "Start": T0_MS + 1000 * start,
        "Last": T0_MS + 1000 * last,
    }


def _ping(uuid: str, tid: str, last: int) -> dict[str, Json]:
    return {
        "UUID": uuid,
        "LayersPath": "Ethernet/IPv4/ICMPv4",
        "Application": "ICMPv4",
        "Link": {"Protocol": "ETHERNET", "A": "02:00:00:00:01:02", "B": "02:00:00:00:02:02", "ID": 0},
        "Network": {"Protocol": "IPV4", "A": "10.0.0.1", "B": "10.0.0.2", "ID": 0},
        "ICMP": {"Type": "ECHO", "ID": 77},
        "LastUpdateMetric": _metric(1, 98, 1, 98, 32, 33),
        "Metric": {**_metric(3, 294, 3, 294, 30, last), "RTT": 120_000},
        "Start": T0_MS + 30_000,
        "Last": T0_MS + 1000 * last,
        "TrackingID": "trk-ping",
        "L3TrackingID": "l3-ping",
        "ParentUUID": "",
        "NodeTID": tid,
        "CaptureID": "cap-1",
        "RawPacketsCaptured": 0,
    }


def lab_flows() -> list[dict[str, Json]]:
    web: dict[str, Json] = {
        "UUID": "f3",
        "LayersPath": "Ethernet/IPv4/TCP",
        "Application": "TCP",
        "Link": {"Protocol": "ETHERNET", "A": "02:00:00:00:00:aa", "B": "02:00:00:00:ff:01", "ID": 0},
        "Network": {"Protocol": "IPV4", "A": "192.168.0.10", "B": "192.168.0.20", "ID": 0},
        "Transport": {"Protocol": "TCP", "A": 40000, "B": 80, "ID": 0},
        "Metric": _metric(10, 1200, 8, 9000, 20, 50),
        "Start": T0_MS + 20_000,
        "Last": T0_MS + 50_000,
        "TrackingID": "trk-web",
        "L3TrackingID": "l3-web",
        "ParentUUID": "",
        "NodeTID": "tid-eth0",
        "CaptureID": "cap-2",
        "RawPacketsCaptured": 0,
    }
    return [_ping("f1", "tid-br0", 33), _ping("f2", "tid-v1h", 34), web]


def lab_packets() -> bytes:
    table = pa.table(
        {
            "ts_ns": pa.array([(T0_MS + 30_000) * 1_000_000], pa.int64()),
            "wire_len": pa.array([14], pa.uint32()),
            "data": pa.array([bytes.fromhex("0200000002020200000001020800")], pa.binary()),
            "link_type": pa.array([1], pa.uint16()),
            "node_tid": pa.array(["tid-br0"]),
            "flow_uuid": pa.array([0xF1], pa.uint64()),
            "number": pa.array([0], pa.uint64()),
        }
    )
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


@dataclass
class FakeAgents:
    """Flows and packets of LAB, chosen as agents choose; remembers what it was asked."""

    records: list[dict[str, Json]] = field(default_factory=lab_flows)
    missing: tuple[str, ...] = ()
    asked: list[FlowRequest | PacketRequest] = field(default_factory=list)

    async def flows(self, request: FlowRequest) -> FlowAnswer:
        self.asked.append(request)
        wanted: Mapping[str, list[str] | None] = {
            "NodeTID": request.node_tids,
            "CaptureID": request.capture_ids,
            "UUID": request.uuids,
        }
        found = [
            record
            for record in self.records
            if all(values is None or record.get(key) in values for key, values in wanted.items())
            and passes(columns_of(record), request.where)
        ]
        # In the order of the sample unless there are too many, then the most recently active ones.
        chosen = sorted(found, key=lambda record: -cast("int", record["Last"]))[: request.limit]
        return FlowAnswer([each for each in found if each in chosen], list(self.missing), len(found) > request.limit)

    async def packets(self, request: PacketRequest) -> Sequence[bytes]:
        self.asked.append(request)
        return [_PACKETS] if "f1" in (request.flow_uuids or ()) else []


_PACKETS = lab_packets()
"""Made once: the first use of Arrow takes longer than a query may."""


def _period(uuid: str, metric: Mapping[str, Json]) -> FlowPeriod:
    names = ("Start", "Last", "ABPackets", "ABBytes", "BAPackets", "BABytes")
    return FlowPeriod(uuid, *(cast("int", metric[name]) for name in names))


@dataclass
class FakeHistory:
    """Revisions, visible as the specification says: half-open, and deletions shown at the start of an interval."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    ends: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """When a revision was superseded: (id, revision) -> Unix ms."""
    agents: FakeAgents = field(default_factory=FakeAgents)
    asked: list[tuple[int, int]] = field(default_factory=list)
    wanted: list[Wanted | None] = field(default_factory=list)

    async def graph(self, start_ms: int, last_ms: int, wanted: Wanted | None = None) -> GraphReader:
        self.asked.append((start_ms, last_ms))
        self.wanted.append(wanted)
        return SnapshotGraph(
            [node for node in self.nodes if self._visible(node, start_ms, last_ms)],
            [edge for edge in self.edges if self._visible(edge, start_ms, last_ms)],
        )

    async def changes(
        self, start_ms: int, last_ms: int, ids: Sequence[str] | None, limit: int
    ) -> Sequence[ElementChange]:
        rows = self._rows(ids)
        held = [row for row in rows if row.valid_from <= start_ms]
        return list(feed(held, [row for row in rows if start_ms < row.valid_from <= last_ms]))[:limit]

    async def difference(self, before_ms: int, after_ms: int, limit: int) -> Sequence[ElementChange]:
        before, after = (
            {row.identity: row for row in self._rows(None) if row.valid_from <= at} for at in (before_ms, after_ms)
        )
        return differences(before.values(), after.values())[:limit]

    async def top_talkers(self, start_ms: int, last_ms: int, limit: int) -> Sequence[Talker]:
        return [Talker("192.168.0.20", 10_200, 18, 1), Talker("10.0.0.1", 196, 2, 1)][:limit]

    def _rows(self, ids: Sequence[str] | None) -> list[RecordedRow]:
        """Return what history records of these, in the order of time."""
        elements: list[Node | Edge] = [*self.nodes, *self.edges]
        rows = [_recorded(element, element.updated_at) for element in elements]
        rows += [_recorded(element, element.deleted_at) for element in elements if element.deleted_at is not None]
        return sorted((row for row in rows if ids is None or row.id in ids), key=lambda row: row.valid_from)

    async def flows(self, request: FlowRequest, start_ms: int, last_ms: int) -> FlowAnswer:
        return await self.agents.flows(request)

    async def flow_periods(self, uuids: Sequence[str], start_ms: int, last_ms: int, limit: int) -> Sequence[FlowPeriod]:
        metrics = [
            (record["UUID"], record.get("LastUpdateMetric") or record["Metric"]) for record in self.agents.records
        ]
        return [
            _period(str(uuid), metric)
            for uuid, metric in metrics
            if uuid in uuids and isinstance(metric, dict) and start_ms <= metric["Start"] and metric["Last"] <= last_ms  # type: ignore[operator]
        ]

    async def packets(self, request: PacketRequest, start_ms: int, last_ms: int) -> Sequence[bytes]:
        return await self.agents.packets(request)

    def _visible(self, element: Node | Edge, start_ms: int, last_ms: int) -> bool:
        end = self.ends.get((element.id, element.revision), element.deleted_at)
        if element.updated_at > last_ms:
            return False
        if end is None or end > start_ms:
            return True
        return start_ms < last_ms and element.deleted_at is not None and element.deleted_at >= start_ms


def _recorded(element: Node | Edge, at_ms: int) -> RecordedRow:
    gone = element.deleted_at == at_ms
    parent, child = (element.parent, element.child) if isinstance(element, Edge) else ("", "")
    kind: ElementKind = "edge" if isinstance(element, Edge) else "node"
    metadata = {} if gone else element.metadata
    return RecordedRow(
        kind, element.id, at_ms, int(gone), element.host, element.origin, "netlink", metadata, parent, child
    )


def timeline() -> FakeHistory:
    """Return graph TL."""

    def state(name: str, value: str) -> Metadata:
        return {"Type": "veth", "Name": name, "State": value}

    owns: Metadata = {"RelationType": "ownership"}
    nodes = [
        make_node("H", {"Type": "host", "Name": "H"}, 1_000_000),
        make_node("A", state("A", "DOWN"), 1_000_000),
        Node("A", state("A", "UP"), "h1", "agent.h1", 1_000_000, 1_010_000, 1_020_000, 2),
        make_node("B", state("B", "UP"), 1_015_000),
    ]
    edges = [
        Edge("HA", owns, "h1", "agent.h1", 1_000_000, 1_000_000, 1_020_000, 1, "H", "A"),
        make_edge("HB", "H B", owns, 1_015_000),
    ]
    return FakeHistory(nodes, edges, {("A", 1): 1_010_000})


def lab_sources() -> Sources:
    nodes, edges = lab_elements()
    agents = FakeAgents()
    return Sources(
        graph=live_graph(nodes, edges),
        flows=agents,
        packets=agents,
        history=FakeHistory(nodes, edges, agents=agents),
        workflows=LabWorkflows(),
        openflow=FakeSwitches(),
        now_ms=lambda: T0_MS + 60_000,
    )


def lab_rules() -> list[Metadata]:
    def rule(table: int, priority: int, match: str, action: str, packets: int) -> Metadata:
        fields: Metadata = {"in_port": 1} if match else {}
        return {
            "Bridge": "br0",
            "Table": table,
            "Priority": priority,
            "Cookie": "0x2a",
            "Match": match,
            "Fields": fields,
            "Actions": [action],
            "Packets": packets,
            "Bytes": packets * 98,
        }

    return [rule(0, 100, "in_port=1", "resubmit(,1)", 7), rule(0, 0, "", "drop", 3), rule(1, 5, "", "output:2", 7)]


@dataclass
class FakeSwitches:
    """Rules and groups of LAB's bridge, chosen as agents choose; remembers what it was asked."""

    answer: OpenFlowAnswer | None = None
    asked: list[tuple[OpenFlowRequest, Mapping[str, str]]] = field(default_factory=list)

    async def openflow(self, request: OpenFlowRequest, hosts: Mapping[str, str]) -> OpenFlowAnswer:
        self.asked.append((request, hosts))
        group: Metadata = {"Bridge": "br0", "GroupId": 4, "GroupType": "all", "Buckets": [{"Actions": ["output:1"]}]}
        rules = [rule for rule in lab_rules() if request.table in (None, rule["Table"])]
        found = rules if request.kind == "rules" else [group]
        return self.answer or OpenFlowAnswer([("br0", one) for one in found if "br0" in request.node_ids])


class LabWorkflows:
    """`Rack` makes a graph of its arguments, each linked to the next; `Text` makes none."""

    async def call(self, reference: str, arguments: Sequence[Json]) -> Json:
        if reference == "Text":
            return "done"
        if reference != "Rack":
            raise NotFound(f"Workflow '{reference}' not found", hint="GET /api/workflow lists them")
        nodes: list[Json] = [{"ID": name, "Metadata": {"Name": name}} for name in arguments]
        ends = zip(arguments, [*arguments[1:], "elsewhere"], strict=True)
        edges: list[dict[str, Json]] = [{"ID": f"{a}-{b}", "Parent": a, "Child": b, "Metadata": {}} for a, b in ends]
        return {"Nodes": nodes, "edges": {str(edge["ID"]): edge for edge in edges}}


def tl_sources() -> Sources:
    return Sources(graph=SnapshotGraph((), ()), history=timeline(), now_ms=lambda: 1_030_000)


def as_ids(value: object) -> object:
    """Return a result with each element and flow replaced by its id."""
    if isinstance(value, Node | Edge):
        return value.id
    if isinstance(value, dict) and "UUID" in value and "LayersPath" in value:
        return value["UUID"]
    if isinstance(value, dict):
        return {key: as_ids(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [as_ids(member) for member in cast("Sequence[object]", value)]
    return value
