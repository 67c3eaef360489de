# SPDX-License-Identifier: Apache-2.0
"""The Python client and the command line against the real program: one capture, its packets, its flows, the graph."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from netsonde.client import Client, FlowReports, G, P, Snapshot
from netsonde.client.query import NodesQuery
from netsonde.model.topology import NodeChange
from system.links import Links, send_udp
from system.stack import PROGRAM, Stack

pytestmark = pytest.mark.system


def test_a_program_follows_an_interface_from_its_birth_to_its_flows(stack: Stack, links: Links, tmp_path: Path) -> None:
    interface = G.V().has("Name", f"{links.prefix}a0'\\", "Note", "no such thing")
    with Client(stack.url) as client:
        assert client.run(interface) == []
        wanted: NodesQuery = G.V().has("Name", P.regex(f"{links.prefix}a"))
        client.captures.create(wanted, name="vms", bpf_filter="udp port 9000")
        with client.subscribe(wanted) as graph, client.flow_reports() as reports:
            events = iter(graph)
            assert next(events) == Snapshot([], [])
            left, right = links.veth("a")
            born = next(events)
            assert isinstance(born, NodeChange)
            assert (born.kind, born.node.metadata["Name"]) == ("added", left)
            send_udp(right, 0, 3)
            assert client.captures.wait("vms", timeout=20).count == 1
            flow = next(one for event in reports if isinstance(event, FlowReports) for one in event.flows)
            assert flow.transport is not None
            assert (flow.transport.b, flow.node_tid) == (9000, born.node.metadata["TID"])
        stack.wait(lambda: len(client.captures.packets("vms")) == 3, 10, "three packets")
        found = client.run(G.flows(CaptureID=client.captures.get("vms").uuid).capture_node().values("Name"))
        assert found == [left]
        network = client.query("G").networkx()
        assert any(data["Name"] == left for _, data in network.nodes(data=True))
    dump = tmp_path / "dump.jsonl"
    netsonde(stack, "topology", "export", str(dump))
    offline = netsonde(stack, "query", str(wanted.values("Name")), "--graph", str(dump), "-o", "json")
    assert json.loads(offline) == [left]


def netsonde(stack: Stack, *arguments: str) -> Any:
    """Run a command line against the stack; returns what it prints."""
    environment = {"NETSONDE_URL": stack.url, "PATH": "/usr/bin:/bin"}
    return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, check=True).stdout
