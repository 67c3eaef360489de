# SPDX-License-Identifier: Apache-2.0
"""Whatever probes, captures and the meter write from recorded input is in the list, with its type."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from capture_files import (
    CLIENT,
    CLIENT_MAC,
    SERVER,
    SERVER_MAC,
    conversation,
    dhcp_frame,
    echo_frame,
    ethernet,
    flows_in,
    ipv4,
    pcap,
    udp,
)
from netsonde._native import FileMeter
from netsonde.captures.engines._api import Point
from netsonde.captures.node_list import publish_captures
from netsonde.captures.taps import Tap
from netsonde.flows.blocks import BLOCKS
from netsonde.flows.records import flow_dicts
from netsonde.flows.schema import FLOW_SCHEMA
from netsonde.graph.graph import Graph
from netsonde.graph.tid import TidLayer
from netsonde.model.captures import Capture
from netsonde.model.elements import Json
from netsonde.probes import netlink_wire as wire
from netsonde.probes.host import host_metadata
from netsonde.probes.netns.naming import Sighting
from netsonde.probes.netns.processes import User
from netsonde.probes.ovsdb.translate import bridge_metadata, interface_metadata, port_metadata, system_metadata
from netsonde.schema import FLOW_FIELDS, Problem, unlisted
from netsonde.schema.check import fits
from unit.captures.host import Host
from unit.probes.netlink.test_publisher import Lab
from unit.probes.netlink.traffic import Recording, link_message, lower, play, route_message, u32
from unit.probes.ovsdb.hanging import BRIDGE, DPDK, LIVELY, PORT, SYSTEM, TABLES, VHOST_USER
from unit.probes.ovsdb.lab import recording, replica
from unit.probes.test_host import CPUINFO

FIELDS = {field.key: field for field in FLOW_FIELDS}
GOLDEN = sorted((Path(__file__).parents[2] / "data/flows").glob("*.pcap"))


def wrong(graph: Graph) -> list[tuple[Json, Problem]]:
    nodes = [(node.metadata.get("Name"), one) for node in graph.nodes() for one in unlisted(node.metadata)]
    return nodes + [(None, one) for edge in graph.edges() for one in unlisted(edge.metadata, "edge")]


def test_netlink_from_a_recording() -> None:
    lab = Lab()
    Recording().play_dumps(lab.state)
    lab.flush()
    assert lab.graph.node_count() > 5
    assert wrong(lab.graph) == []


def test_netlink_from_kinds_that_the_recording_lacks() -> None:
    lab = Lab()
    slave = b"".join(
        wire.attribute(number, body)
        for number, body in ((1, b"\0"), (2, b"\0"), (3, u32(2)), (4, bytes(6)), (5, b"\0\0"), (6, b"\1\0"), (7, b"="))
    )
    play(
        lab.state,
        [
            link_message(2, "eth0", extra=wire.attribute(10, u32(9)), slave=("bond", slave)),
            link_message(9, "bond0", "bond", wire.attribute(1, b"\4")),
            link_message(5, "eth0.7", "vlan", wire.attribute(1, b"\x07\x00"), extra=lower(2, 3)),
            link_message(6, "red", "vrf", wire.attribute(1, u32(10))),
            link_message(7, "mv0", "macvlan", wire.attribute(1, u32(4)), extra=lower(2)),
            link_message(
                8, "gre0", "gre", wire.attribute(6, bytes([10, 0, 0, 1])) + wire.attribute(7, bytes([10, 0, 0, 2]))
            ),
            link_message(10, "gnv", "geneve", wire.attribute(1, u32(7)) + wire.attribute(2, bytes([10, 0, 0, 2]))),
            link_message(11, "tap0", "tun", wire.attribute(3, b"\2")),
            link_message(12, "strange0", "batadv"),
            route_message("0.0.0.0/0", "10.0.0.254", 2),
        ],
    )
    lab.flush()
    assert {"BondSlave", "VRFTable", "TunMode", "RoutingTables"} <= {
        key for node in lab.graph.nodes() for key in node.metadata
    }
    assert wrong(lab.graph) == []


def test_ovsdb_from_a_recording() -> None:
    rows = replica()
    for note in recording()["notes"]:
        rows.update(note["params"][2])
    written = [bridge_metadata(uuid, row, rows.rows) for uuid, row in rows.rows["Bridge"].items()]
    written += [port_metadata(uuid, row, rows.rows) for uuid, row in rows.rows["Port"].items()]
    written += [interface_metadata(uuid, row) for uuid, row in rows.rows["Interface"].items()]
    written += [
        {"Name": "h", "Type": "host", **system_metadata(row, rows.rows)} for row in rows.rows["Open_vSwitch"].values()
    ]
    assert len(written) > 10
    assert [(one["Name"], problem) for one in written for problem in unlisted(one)] == []


def test_ovsdb_from_rows_that_the_recording_lacks() -> None:
    written = [bridge_metadata("b", BRIDGE, TABLES), port_metadata("p", PORT, TABLES)]
    written += [interface_metadata("i", row) for row in (LIVELY, DPDK, VHOST_USER)]
    written.append({"Name": "h", "Type": "host", **system_metadata(SYSTEM, TABLES)})
    assert [(one["Name"], problem) for one in written for problem in unlisted(one)] == []


def test_host_from_files(tmp_path: Path) -> None:
    files = {
        "proc/cpuinfo": CPUINFO,
        "proc/cmdline": 'root=/dev/vda1 quiet console=tty0 console=ttyS0 x="a b"',
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
        "sys/devices/system/cpu/isolated": "2-4,7",
        "var/lib/cloud/data/instance-id": "i-1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    metadata = host_metadata("h1", {}, tmp_path)
    assert {"CPU", "IsolatedCPU", "InstanceID", "Platform"} <= metadata.keys()
    assert unlisted(metadata) == []


def test_this_very_host() -> None:
    assert unlisted(host_metadata("h1", {})) == []


def test_namespaces_with_files_and_with_processes() -> None:
    named = Sighting(1, 4, paths=["/run/netns/a", "/run/netns/b"]).metadata()
    nameless = Sighting(1, 4, users=[User(7, "dnsmasq")]).metadata()
    assert [*unlisted(named), *unlisted(nameless)] == []


def test_captures_and_tids() -> None:
    graph = Graph("h1", "agent.h1", lambda: 1)
    graph.add_computed(TidLayer())
    Host(graph).plug("tap0")
    capture = Capture(uuid="c1", gremlin_query="G.V()", name="n", description="d", bpf_filter="arp", type="afpacket")
    running, failed = (Tap("tap0", Point("c1", None, 10), "tap0", "t", 0) for _ in range(2))
    running.enter("active", "", 1)
    failed.enter("failed", "no such device", 1)

    publish_captures(graph, "tap0", [(capture, running), (capture, failed)])

    node = graph.node("tap0")
    assert node is not None
    assert {"TID", "Captures"} <= node.metadata.keys()
    assert wrong(graph) == []


def leaves(flow: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Yield every member of a flow with its path, objects and lists included."""
    for name, value in flow.items() if isinstance(flow, dict) else ():
        place = f"{path}.{name}" if path else name
        yield place, value
        for item in value if isinstance(value, list) else [value]:
            yield from leaves(item, place)


def unlisted_fields(flow: dict[str, Any]) -> list[str]:
    """Return the members that the list of fields lacks or gives another type."""
    found = []
    for path, value in leaves(flow):
        field = FIELDS.get(path) or FIELDS.get(f"{path.split('.')[0]}.{path.split('.')[-2]}.*")
        if field is None or not fits(value, field.type):
            found.append(path)
    return found


def test_flows_with_every_column_filled() -> None:
    filled: dict[str, Any] = {"string": "x", "bool": True}
    # The period since the last report must differ from the whole, or it is left out.
    columns = {field.name: [filled.get(str(field.type), 7 - field.name.startswith("lu_"))] for field in FLOW_SCHEMA}
    columns |= {name: [""] for name in ("dns", "dhcpv4", "dhcpv6", "details")}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, FLOW_SCHEMA) as stream:
        stream.write_table(pa.table(columns, schema=FLOW_SCHEMA))

    (flow,) = flow_dicts([bytes(sink.getvalue())])

    assert unlisted_fields(flow) == []
    messages = {"DNS", "DHCPv4", "DHCPv6", *BLOCKS}
    assert {path for path, _ in leaves(flow)} == {key for key in FIELDS if key.split(".")[0] not in messages}


def test_flows_of_a_file_with_its_messages() -> None:
    frames = [*conversation(), echo_frame(True), echo_frame(False), *map(dhcp_frame, (1, 2, 3, 5)), *dns_frames()]
    flows = flows_in(FileMeter(pcap(frames)))
    assert {"DNS", "DHCPv4", "ICMP", "Transport"} <= {key for flow in flows for key in flow}
    assert [path for flow in flows for path in unlisted_fields(flow)] == []


def test_flows_of_golden_traces_which_show_every_block() -> None:
    flows = [flow for golden in GOLDEN for flow in flows_in(FileMeter(golden, ip_defrag=True))]
    assert {path for flow in flows for path in unlisted_fields(flow)} == set()
    assert {name for flow in flows for name in flow} >= BLOCKS.keys()


def dns_frames() -> list[bytes]:
    """A question for example.org, and an answer with an address and a name server."""
    name = b"\x07example\x03org\0"
    head = struct.Struct("!HHHHHH")
    question = head.pack(7, 0x0100, 1, 0, 0, 1) + name + struct.pack("!HH", 1, 1) + b"\0\0\x29\x04\xd0" + bytes(6)
    answer = head.pack(7, 0x8180, 1, 1, 1, 0) + name + struct.pack("!HH", 1, 1)
    answer += b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + SERVER
    answer += b"\xc0\x0c" + struct.pack("!HHIH", 2, 1, 300, 5) + b"\x02ns\xc0\x0c"
    return [
        ethernet(CLIENT_MAC, SERVER_MAC, 0x0800, ipv4(CLIENT, SERVER, 17, udp(5353, 53, question))),
        ethernet(SERVER_MAC, CLIENT_MAC, 0x0800, ipv4(SERVER, CLIENT, 17, udp(53, 5353, answer))),
    ]
