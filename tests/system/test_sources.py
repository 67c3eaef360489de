# SPDX-License-Identifier: Apache-2.0
"""What others tell of traffic, and captures sent on to others: the real Open vSwitch, softflowd and tshark."""

import json
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from live_graph import name, private_netns
from netsonde.bus.server import find_server
from ovs_fixture import PrivateOvs, running_ovs
from system.links import Links, send_udp
from system.stack import PROGRAM, Stack

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def ovs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateOvs]:
    """The switch, in a namespace of its own that this process is in too."""
    with private_netns(), running_ovs(tmp_path_factory) as switch:
        yield switch


@pytest.fixture(scope="module")
def stack(ovs: PrivateOvs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    env = {"NETSONDE_PROBES_OVSDB_ADDRESSES": ovs.address, "NETSONDE_CAPTURE_FLOW_UPDATE": "1"}
    running = Stack(tmp_path_factory.mktemp("sources") / "state", env=env)
    try:
        yield running.start()
    finally:
        running.stop()


def ours(ovs: PrivateOvs, table: str) -> list[str]:
    """Return the rows of a table that bear our mark."""
    found = json.loads(ovs.vsctl("--format=json", "--columns=external_ids", "list", table))
    return [str(row) for row in found["data"] if "netsonde-capture" in str(row)]


def received(stack: Stack, uuid: str) -> int:
    return sum(node["PacketsReceived"] for node in stack.capture_status(uuid)["Nodes"])


def flows(stack: Stack, uuid: str, port: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.query(f"G.Flows().Has('CaptureID', '{uuid}', 'Transport.B', {port})")
    return found


def test_flows_and_packets_go_where_a_capture_sends_them(stack: Stack, tmp_path: Path) -> None:
    links = Links(name("v"))
    left, right = links.veth("a")
    sockets = {kind: listener() for kind in ("netflow5", "netflow9", "ipfix", "vxlan")}
    sinks = [{"Type": kind, "Target": f"127.0.0.1:{one.getsockname()[1]}", "ID": 7} for kind, one in sockets.items()]
    sinks.append({"Type": "pcapng", "RotatePackets": 10})
    # What the kernel says by itself on a new interface would be the first flow now and then.
    uuid = stack.capture(f"G.V().Has('Name', '{right}')", Sinks=sinks, BPFFilter="udp port 9001")
    stack.wait_capture(uuid, "active")
    send_udp(left, 0, 25, port=9001)
    stack.wait(lambda: received(stack, uuid) >= 25, 10, "received")
    heard = {kind: one.recv(2000) for kind, one in sockets.items()}
    assert [struct.unpack("!H", heard[kind][:2])[0] for kind in ("netflow5", "netflow9", "ipfix")] == [5, 9, 10]
    for kind in ("netflow5", "netflow9", "ipfix"):
        assert decoded(heard[kind], tmp_path / f"{kind}.pcap") == ["40000", "9001", "17"], kind
    assert heard["vxlan"][:8] == bytes((8, 0, 0, 0, 0, 0, 7, 0))
    assert seen_by_wireshark(stack, uuid, tmp_path / "extcap") == ["9001"] * 5
    stack.call("DELETE", f"/api/capture/{uuid}")
    directory = stack.state / "captures" / uuid
    stack.wait(lambda: len(list(directory.glob("*.pcapng"))) >= 3, 10, "three files")
    for one in sockets.values():
        one.close()


@pytest.fixture
def nats(ovs: PrivateOvs) -> Iterator[tuple[str, int]]:
    """A server that anybody may use, in the stack's namespace."""
    command = [str(find_server()), "--addr", "127.0.0.1", "--port", "-1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        try:
            said = "Listening for client connections on 127.0.0.1:"
            line = next(line for line in server.stderr or () if said in line)
            yield "127.0.0.1", int(line.rpartition(":")[2])
        finally:
            server.terminate()


def test_flows_are_published_as_messages(stack: Stack, nats: tuple[str, int]) -> None:
    links = Links(name("v"))
    left, right = links.veth("a")
    with socket.create_connection(nats, timeout=10) as reader, reader.makefile("rb") as lines:
        reader.sendall(b"CONNECT {}\r\nSUB lab.> 1\r\nPING\r\n")
        assert any(line == b"PONG\r\n" for line in lines)
        sink = {"Type": "nats", "Target": f"nats://127.0.0.1:{nats[1]}", "Subject": "lab.flows"}
        uuid = stack.capture(f"G.V().Has('Name', '{right}')", Sinks=[sink], BPFFilter="udp port 9005")
        stack.wait_capture(uuid, "active")
        send_udp(left, 0, 5, port=9005)
        header = next(line for line in lines if line.startswith(b"MSG "))
        flow = json.loads(next(lines))
    assert header.split()[1] == b"lab.flows"
    assert (flow["CaptureID"], flow["Transport"]["B"], flow["Network"]["Protocol"]) == (uuid, 9005, "IPV4")

    def sent() -> bool:
        sinks = stack.capture_status(uuid)["Nodes"][0]["Sinks"]
        return any(one["Type"] == "nats" and one["Sent"] >= 1 and one["Dropped"] == 0 for one in sinks)

    stack.wait(sent, 10, "counted")
    stack.call("DELETE", f"/api/capture/{uuid}")


def test_what_the_kernel_counts_is_tracked_like_captured_packets(stack: Stack) -> None:
    left, right = Links(name("v")).veth("a")
    uuids = [stack.capture(f"G.V().Has('Name', '{right}')", Type=kind) for kind in ("packet", "ebpf")]
    for uuid in uuids:
        stack.wait_capture(uuid, "active")
    send_udp(left, 0, 20, port=9002)

    def told() -> list[dict[str, Any]]:
        found = [flow for uuid in uuids for flow in flows(stack, uuid, 9002)]
        return [flow for flow in found if flow["Metric"]["ABPackets"] == 20]

    stack.wait(lambda: len(told()) == 2, 10, "both have counted all")
    ids = {tuple(flow[key] for key in ("TrackingID", "L3TrackingID", "CommunityID", "LayersPath")) for flow in told()}
    assert len(ids) == 1


def test_the_switch_tells_of_its_bridges_and_is_left_as_it_was(stack: Stack, ovs: PrivateOvs) -> None:
    bridge, links = name("br"), Links(name("v"))
    ovs.add_bridge(bridge)
    ends = [links.veth("a"), links.veth("b")]
    for _, inside in ends:
        ovs.vsctl("add-port", bridge, inside)
    by_type = {
        kind: stack.capture(f"G.V().Has('Type', 'ovsbridge', 'Name', '{bridge}')", Type=kind, **more)
        for kind, more in (("ovssflow", {"PollingInterval": 1}), ("ovsnetflow", {}), ("ovsipfix", {}))
    }
    port = f"G.V().Has('Type', 'ovsport', 'Name', '{ends[0][1]}')"
    by_type["ovsmirror"] = stack.capture(port, Type="ovsmirror")
    for uuid in by_type.values():
        stack.wait_capture(uuid, "active")
    assert [len(ours(ovs, table)) for table in ("sFlow", "NetFlow", "IPFIX", "Mirror")] == [1, 1, 1, 1]

    def told(kind: str) -> bool:
        send_udp(ends[0][0], 0, 20, port=9000)
        return bool(flows(stack, by_type[kind], 9000))

    for kind in ("ovssflow", "ovsmirror", "ovsipfix", "ovsnetflow"):
        stack.wait(lambda kind=kind: told(kind), 25, f"flows of {kind}")
    tracked = {kind: flows(stack, uuid, 9000)[0]["L3TrackingID"] for kind, uuid in by_type.items()}
    assert len(set(tracked.values())) == 1, tracked

    counted = f"G.V().Has('Type', 'ovsbridge', 'Name', '{bridge}').Metrics('SFlow')"

    def grew() -> bool:
        # No series at all until the switch has polled its bridge for the first time.
        points = [point for each in stack.query(counted) for series in each.values() for point in series]
        return bool(points) and all(points[-1].get(name, 0) > 0 for name in ("IfInOctets", "IfInUcastPkts"))

    stack.wait(lambda: told("ovssflow") and grew(), 15, "counters of the bridge's ports")

    # A killed agent leaves its rows; the next one, without the captures, takes them away.
    stack.kill("agent")
    for uuid in by_type.values():
        stack.call("DELETE", f"/api/capture/{uuid}")
    tables = ("sFlow", "NetFlow", "IPFIX", "Mirror", "Port")
    stack.wait(lambda: not any(ours(ovs, table) for table in tables), 25, "clean")


def test_a_mirror_goes_on_when_the_switch_makes_its_device_anew(stack: Stack, ovs: PrivateOvs) -> None:
    bridge, links = name("br"), Links(name("v"))
    ovs.add_bridge(bridge)
    (outside, inside), (_, other) = links.veth("a"), links.veth("b")
    for end in (inside, other):
        ovs.vsctl("add-port", bridge, end)
    uuid = stack.capture(f"G.V().Has('Type', 'ovsport', 'Name', '{inside}')", Type="ovsmirror")
    stack.wait_capture(uuid, "active")

    def told(port: int) -> bool:
        send_udp(outside, 0, 20, port=port)
        return bool(flows(stack, uuid, port))

    stack.wait(lambda: told(9020), 25, "flows")
    (device,) = (port for port in ovs.vsctl("list-ports", bridge).split() if port.startswith("nsm"))
    ovs.vsctl("del-port", bridge, device)
    stack.wait(lambda: told(9021), 40, "flows of the new device")
    stack.wait_capture(uuid, "active")
    stack.call("DELETE", f"/api/capture/{uuid}")


def seen_by_wireshark(stack: Stack, uuid: str, folder: Path) -> list[str]:
    """Let tshark find our plug-in and capture five packets by it; returns their ports."""
    env = {**os.environ, "WIRESHARK_EXTCAP_DIR": str(folder), "NETSONDE_URL": stack.url}
    subprocess.run([PROGRAM, "extcap", "--install", folder], env=env, check=True, capture_output=True)
    # Wireshark takes plug-ins from no folder of root's choice: it must not look like root.
    anybody = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    command = [*anybody, "tshark", "-i", f"netsonde-{uuid}", "-c", "5", "-T", "fields", "-e", "udp.dstport"]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=30).stdout.split()


def decoded(datagram: bytes, file: Path) -> list[str]:
    """Return ports and protocol of the first flow of a datagram, as tshark reads it."""
    udp = struct.pack("!HHHH", 2055, 2055, 8 + len(datagram), 0) + datagram
    packet = struct.pack("!BBHIBBH4s4s", 0x45, 0, 20 + len(udp), 0, 64, 17, 0, bytes(4), bytes(4)) + udp
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    file.write_bytes(header + struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
    names = ("cflow.srcport", "cflow.dstport", "cflow.protocol")
    fields = [part for one in names for part in ("-e", one)]
    command = ["tshark", "-r", str(file), "-d", "udp.port==2055,cflow", "-T", "fields", "-E", "occurrence=f", *fields]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.split()


def listener() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    one.settimeout(10)
    return one
