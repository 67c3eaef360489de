# SPDX-License-Identifier: Apache-2.0
"""The netlink probe against this kernel, in a namespace of the test's own."""

import array
import asyncio
import contextlib
import fcntl
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from live_graph import LiveGraph, NamedNetns, Namespaces, live_graph, name, run, settings
from live_graph import make_netns as make_netns
from netns_fixture import netns as netns
from netsonde.model.elements import Node
from netsonde.probes.netlink import watch

pytestmark = pytest.mark.netns


@pytest.fixture
def inner(make_netns: Namespaces) -> NamedNetns:
    return make_netns()


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns")) as graph:
        yield graph


@contextlib.contextmanager
def tap(device: str) -> Iterator[int]:
    """Hold a tap as a hypervisor does: it exists as long as its descriptor."""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", device.encode(), 0x0002 | 0x1000))
        yield fd
    finally:
        os.close(fd)


async def test_veth_ends_of_one_namespace_are_linked(live: LiveGraph) -> None:
    one, other = name("a"), name("b")
    run("ip", "link", "add", one, "type", "veth", "peer", "name", other)

    left = await live.node(Name=one, Type="veth", Driver="veth", EncapType="ether", State="DOWN")
    right = await live.node(Name=other, Type="veth")

    # The peer is made first and gets the lower index; the edge leads from the higher one, as in the reference.
    await live.edge(left.id, right.id, RelationType="layer2", Type="veth")
    assert (await live.node(Name=one, PeerIfIndex=right.metadata["IfIndex"])).id == left.id
    assert live.owner(left) == live.find(Type="host")
    assert "LinkNetNsID" not in left.metadata


async def test_rules_of_host_and_namespace_are_shown_as_long_as_there_are_others_than_the_standard_ones(
    live: LiveGraph, inner: NamedNetns
) -> None:
    host = await live.node(Type="host")
    netns = await live.node(Type="netns", Inode=inner.inode)
    run("ip", "rule", "add", "pref", "100", "from", "10.0.0.0/8", "lookup", "77")
    inner.run("ip", "-6", "rule", "add", "pref", "200", "unreachable")
    await live.node(Type="host", RoutingRules__Src="10.0.0.0/8")
    shown = await live.node(Type="netns", Inode=inner.inode, RoutingRules__Action="unreachable")
    told = json.loads(inner.run("ip", "-j", "-6", "rule"))
    rules = [one for one in shown.metadata["RoutingRules"] if one["Family"] == "IPv6"]  # type: ignore[union-attr, index, call-overload]
    assert [one["Priority"] for one in rules] == [one["priority"] for one in told]  # type: ignore[index, call-overload]
    run("ip", "rule", "del", "pref", "100")
    inner.run("ip", "-6", "rule", "del", "pref", "200")
    for node in (host, netns):
        await live.until(lambda node=node: "RoutingRules" not in (live.graph.node(node.id) or node).metadata)  # type: ignore[misc]


async def test_vxlan_that_moves_takes_its_forwarding_entries_along(live: LiveGraph, inner: NamedNetns) -> None:
    netns = await live.node(Type="netns", Inode=inner.inode)
    tunnel = name("vx")
    run("ip", "link", "add", tunnel, "type", "vxlan", "id", "77", "remote", "192.0.2.9", "dstport", "4789")
    await live.node(Name=tunnel, FDB__IP="192.0.2.9")
    run("ip", "link", "set", tunnel, "netns", str(inner.path))
    moved = await live.node(Name=tunnel, FDB__IP="192.0.2.9", LinkNetNsID=0)
    assert live.owner(moved) == netns


async def test_name_of_a_namespace_is_followed_by_what_stands_on_a_device_there(
    live: LiveGraph, inner: NamedNetns
) -> None:
    below, above = name("a"), name("mv")
    inner.run("ip", "link", "add", below, "type", "veth", "peer", "name", name("b"))
    inner.run("ip", "link", "add", above, "link", below, "netns", str(os.getpid()), "type", "macvlan")
    await live.node(Name=above, LinkNetNsName=inner.name)
    live.context.namespaces.prefer_name(inner.inode, "docker", "shop")
    await live.node(Name=above, LinkNetNsName="shop")


async def test_interface_under_the_index_of_one_that_has_just_gone_is_another_one(
    live: LiveGraph, inner: NamedNetns, tmp_path: Path
) -> None:
    goes, peer, comes = name("a"), name("b"), name("br")
    run("ip", "link", "add", goes, "index", "70", "type", "veth", "peer", "name", peer)
    before = await live.node(Name=goes)
    await live.link(before.id, (await live.node(Name=peer)).id, Type="veth")
    live.forget()

    at_once = tmp_path / "at_once"
    at_once.write_text(f"link set {goes} netns {inner.path}\nlink add {comes} index 70 type bridge\n")
    run("ip", "-batch", str(at_once))
    after = await live.node(Name=comes)
    assert after.id == before.id
    assert after.metadata["TID"] != before.metadata["TID"]
    assert [event.kind for event in live.events if event.element.id == after.id][:2] == ["deleted", "added"]
    moved = await live.until(lambda: next((n for n in live.graph.nodes_with("Name", goes) if n.id != after.id), None))
    await live.link(moved.id, (await live.node(Name=peer)).id, Type="veth")


async def test_device_that_moves_takes_along_what_stands_on_it(live: LiveGraph, inner: NamedNetns) -> None:
    below, above = name("a"), name("mv")
    run("ip", "link", "add", below, "type", "veth", "peer", "name", name("b"))
    run("ip", "link", "add", above, "link", below, "type", "macvlan")
    await live.edge((await live.node(Name=below)).id, (await live.node(Name=above)).id, Type="macvlan")

    run("ip", "link", "set", below, "netns", str(inner.path))
    standing = await live.node(Name=above, LinkNetNsName=inner.name)
    await live.edge((await live.node(Name=below)).id, standing.id, Type="macvlan")


async def test_vxlan_in_another_namespace_stands_on_what_it_was_made_on_or_nothing(
    live: LiveGraph, inner: NamedNetns
) -> None:
    alone, on, stranger = name("vx"), name("vy"), name("a")
    run("ip", "link", "add", alone, "index", "77", "type", "vxlan", "id", "7", "dstport", "4789")
    run("ip", "link", "add", on, "index", "78", "type", "vxlan", "id", "8", "dstport", "4788", "dev", "lo")
    for each in (alone, on):
        run("ip", "link", "set", each, "netns", str(inner.path))
    run("ip", "link", "add", stranger, "index", "77", "type", "veth", "peer", "name", name("b"), "index", "78")
    await live.node(Name=stranger)

    below = await live.node(Name="lo", LinkFlags="UP")
    await live.edge(below.id, (await live.node(Name=on, ParentIndex=1)).id, Type="vxlan")
    inner.run("ip", "link", "set", alone, "mtu", "1300")
    node = await live.node(Name=alone, MTU=1300)
    assert "ParentIndex" not in node.metadata
    assert [edge.metadata["RelationType"] for edge in live.graph.in_edges(node.id)] == ["ownership"]


async def test_bridge_its_port_and_other_names_are_those_that_ip_lists(live: LiveGraph) -> None:
    bridge, one, other = name("br"), name("a"), name("b")
    run("ip", "link", "add", bridge, "type", "bridge", "stp_state", "1", "priority", "4096")
    run("ip", "link", "add", one, "type", "veth", "peer", "name", other)
    run("ip", "link", "set", one, "master", bridge)
    run("ip", "link", "property", "add", "dev", one, "altname", f"alt-{one}")
    port = await live.node(Name=one, AltNames=f"alt-{one}", BridgePort__State="DISABLED")
    node = await live.node(Name=bridge, Bridge__STP="kernel")
    (told,) = json.loads(run("ip", "-d", "-j", "link", "show", bridge))
    data = told["linkinfo"]["info_data"]
    shown = node.metadata["Bridge"]
    assert isinstance(shown, dict)
    priority, _, address = data["bridge_id"].partition(".")
    # ip writes each octet without a leading zero.
    mac = "".join(octet.rjust(2, "0") for octet in address.split(":"))
    assert (shown["ID"], shown["Priority"]) == (f"{priority}.{mac}", 4096)
    (of_port,) = json.loads(run("ip", "-d", "-j", "link", "show", one))
    assert port.metadata["BridgePort"] == {
        "State": of_port["linkinfo"]["info_slave_data"]["state"].upper(),
        "Priority": int(of_port["linkinfo"]["info_slave_data"]["priority"]),
        "Cost": of_port["linkinfo"]["info_slave_data"]["cost"],
    }


async def test_veth_into_a_namespace_is_linked_and_owned_there(live: LiveGraph, inner: NamedNetns) -> None:
    outside, inside = name("a"), name("b")
    await live.node(Type="netns", Inode=inner.inode)
    run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", str(inner.path))

    left, right = await live.node(Name=outside), await live.node(Name=inside)
    await live.link(left.id, right.id, Type="veth")

    owner = live.owner(right)
    assert owner is not None
    assert owner.metadata["Inode"] == inner.inode
    await live.node(Name=outside, LinkNetNsName=inner.name)


async def test_equal_indexes_in_two_namespaces_are_not_mixed_up(live: LiveGraph, make_netns: Namespaces) -> None:
    first, second = make_netns(), make_netns()
    pairs = [(name("a"), name("b")) for _ in range(2)]
    for a, b in pairs:
        peer = ("peer", "name", b, "netns", str(second.path))
        run("ip", "link", "add", a, "netns", str(first.path), "type", "veth", *peer)
    for a, b in pairs:
        one, two = await live.node(Name=a), await live.node(Name=b)
        assert one.metadata["IfIndex"] == two.metadata["IfIndex"]
        await live.link(one.id, two.id, Type="veth")
    assert sum(edge.metadata.get("Type") == "veth" for edge in live.graph.edges()) == 2


async def test_moved_veth_end_leaves_and_comes_back_with_its_link(live: LiveGraph, inner: NamedNetns) -> None:
    stays, moves = name("a"), name("b")
    run("ip", "link", "add", stays, "type", "veth", "peer", "name", moves)
    at_home = await live.node(Name=moves)

    run("ip", "link", "set", moves, "netns", str(inner.path))
    await live.until(lambda: (node := live.find(Name=moves)) is not None and node.id != at_home.id)
    moved, left = await live.node(Name=moves), await live.node(Name=stays)
    await live.link(left.id, moved.id, Type="veth")

    inner.run("ip", "link", "del", moves)
    await live.gone(Name=moves)
    await live.gone(Name=stays)


async def test_rename_mac_mtu_address_and_state_are_followed_in_one_node(live: LiveGraph) -> None:
    before, after, peer = name("a"), name("c"), name("b")
    run("ip", "link", "add", before, "type", "veth", "peer", "name", peer)
    node = await live.node(Name=before)
    tid = node.metadata["TID"]

    run("ip", "link", "set", before, "name", after, "address", "02:00:00:00:00:17", "mtu", "1400")
    run("ip", "addr", "add", "10.77.0.1/24", "dev", after)
    run("ip", "addr", "add", "10.77.1.1/24", "dev", after)
    run("ip", "link", "set", after, "up")
    run("ip", "link", "set", peer, "up")
    found = await live.node(Name=after, MAC="02:00:00:00:00:17", MTU=1400, State="UP", IPV4="10.77.1.1/24")
    assert found.id == node.id
    assert found.metadata["TID"] == tid
    assert found.metadata["IPV4"] == ["10.77.0.1/24", "10.77.1.1/24"]
    assert {"UP", "BROADCAST", "MULTICAST", "LOWER_UP"} <= set(found.metadata["LinkFlags"])  # type: ignore[arg-type]

    run("ip", "addr", "flush", "dev", after)
    run("ip", "link", "set", after, "down")
    await live.until(lambda: "IPV4" not in live.graph.node(node.id).metadata)  # type: ignore[union-attr]
    await live.node(Name=after, State="DOWN")


async def test_bridge_ports_are_linked_until_they_leave(live: LiveGraph) -> None:
    bridge, port, peer = name("br"), name("a"), name("b")
    run("ip", "link", "add", bridge, "type", "bridge")
    run("ip", "link", "add", port, "type", "veth", "peer", "name", peer)
    run("ip", "link", "set", port, "master", bridge)

    master, slave = await live.node(Name=bridge, Type="bridge", Driver="bridge"), await live.node(Name=port)
    edge = await live.edge(master.id, slave.id, RelationType="layer2")
    assert "Type" not in edge.metadata
    await live.node(Name=port, MasterIndex=master.metadata["IfIndex"])

    run("ip", "link", "set", port, "nomaster")
    await live.until(lambda: live.find_edge(master.id, slave.id) is None)
    await live.until(lambda: "MasterIndex" not in live.graph.node(slave.id).metadata)  # type: ignore[union-attr]

    run("ip", "link", "del", bridge)
    await live.gone(Name=bridge)


async def test_tap_exists_as_long_as_its_process_holds_it(live: LiveGraph) -> None:
    device = name("tap")
    with tap(device):
        node = await live.node(Name=device, Type="tuntap", Driver="tun", TunMode="tap", State="DOWN")
        run("ip", "link", "set", device, "up")
        await live.until(lambda: live.graph.node(node.id).metadata["State"] != "DOWN")  # type: ignore[union-attr]
    await live.gone(Name=device)


async def test_macvlan_and_vxlan_stand_on_their_lower_device(live: LiveGraph, inner: NamedNetns) -> None:
    lower, peer, mac, vx = name("a"), name("b"), name("mv"), name("vx")
    run("ip", "link", "add", lower, "type", "veth", "peer", "name", peer)
    run("ip", "link", "add", mac, "link", lower, "type", "macvlan", "mode", "bridge")
    run("ip", "link", "add", vx, "type", "vxlan", "id", "77", "dev", lower, "remote", "192.0.2.9", "dstport", "4789")
    below = await live.node(Name=lower)

    vlan = await live.node(Name=mac, Type="macvlan", MacvlanMode="bridge")
    tunnel = await live.node(Name=vx, Type="vxlan", VNI=77, RemoteIP="192.0.2.9", DstPort=4789)
    await live.edge(below.id, vlan.id, RelationType="layer2", Type="macvlan")
    await live.edge(below.id, tunnel.id, RelationType="layer2", Type="vxlan")

    run("ip", "link", "set", mac, "netns", str(inner.path))
    await live.until(lambda: (node := live.find(Name=mac)) is not None and node.id != vlan.id)
    moved = await live.node(Name=mac)
    await live.edge(below.id, moved.id, Type="macvlan")


async def test_routes_and_neighbours_are_shown_and_vanish(live: LiveGraph) -> None:
    device, peer = name("a"), name("b")
    run("ip", "link", "add", device, "type", "veth", "peer", "name", peer)
    run("ip", "addr", "add", "10.78.0.1/24", "dev", device)
    run("ip", "link", "set", device, "up")
    run("ip", "route", "add", "default", "dev", device)
    run("ip", "route", "add", "198.51.100.0/24", "via", "10.78.0.254", "dev", device, "table", "77", "metric", "5")
    run("ip", "neigh", "add", "10.78.0.254", "lladdr", "02:00:00:00:00:fe", "dev", device, "nud", "permanent")

    node = await live.node(Name=device, RoutingTables__Routes__Prefix="0.0.0.0/0", Neighbors__MAC="02:00:00:00:00:fe")
    await live.node(Name=device, RoutingTables__Routes__Prefix="198.51.100.0/24")
    node = await live.node(Name=device, RoutingTables__ID=77)
    table = next(table for table in node.metadata["RoutingTables"] if table["ID"] == 77)  # type: ignore[union-attr,index,call-overload]
    assert table == {
        "ID": 77,
        "Src": None,
        "Routes": [
            {
                "Protocol": 3,
                "Prefix": "198.51.100.0/24",
                "NextHops": [{"Priority": 5, "IfIndex": node.metadata["IfIndex"], "IP": "10.78.0.254"}],
            }
        ],
    }

    run("ip", "link", "set", device, "down")  # the kernel flushes IPv4 routes without a message
    await live.until(lambda: live.find(Name=device, RoutingTables__ID=77) is None)
    run("ip", "neigh", "flush", "dev", device, "nud", "permanent")
    await live.until(lambda: live.find(Name=device, Neighbors__MAC="02:00:00:00:00:fe") is None)


async def test_routes_that_were_only_counted_are_counted_anew_when_some_went_without_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "NEXT_ATTEMPTS", 0.1)
    device, peer = name("a"), name("b")
    run("ip", "link", "add", device, "type", "veth", "peer", "name", peer)
    run("ip", "link", "set", device, "addrgenmode", "none", "up")
    run("ip", "addr", "add", "10.78.0.1/24", "dev", device)
    async with live_graph(settings(tmp_path / "netns", table_limit=4)) as live:
        for number in range(9):
            run("ip", "route", "add", f"10.79.{number}.0/24", "dev", device)
        await live.until(lambda: (node := live.find(Name=device)) and omitted(node) > 6)
        run("ip", "addr", "del", "10.78.0.1/24", "dev", device)
        await live.until(lambda: (node := live.find(Name=device)) and omitted(node) == 0)


def omitted(node: Node) -> int:
    count = node.metadata.get("RoutesOmitted", 0)
    assert isinstance(count, int)
    return count


async def test_neighbour_that_needs_no_arp_any_more_is_not_shown_as_it_was(live: LiveGraph) -> None:
    device, peer = name("a"), name("b")
    run("ip", "link", "add", device, "type", "veth", "peer", "name", peer)
    run("ip", "link", "set", device, "up")
    run("ip", "neigh", "add", "10.78.0.7", "lladdr", "02:00:00:00:00:07", "dev", device, "nud", "stale")
    await live.node(Name=device, Neighbors__IP="10.78.0.7")

    run("ip", "neigh", "replace", "10.78.0.7", "lladdr", "02:00:00:00:00:08", "dev", device, "nud", "noarp")
    await live.until(lambda: live.find(Name=device, Neighbors__IP="10.78.0.7") is None)


async def test_address_that_leads_to_two_peers_stays_until_the_last_is_gone(live: LiveGraph) -> None:
    device = name("a")
    run("ip", "link", "add", device, "type", "veth", "peer", "name", name("b"))
    for other in ("2", "3"):
        run("ip", "addr", "add", "10.78.0.1", "peer", f"10.78.0.{other}", "dev", device)
    await live.node(Name=device, IPV4="10.78.0.1/32")

    run("ip", "addr", "del", "10.78.0.1", "peer", "10.78.0.2", "dev", device)
    run("ip", "link", "set", device, "mtu", "1300")
    node = await live.node(Name=device, MTU=1300)
    assert node.metadata["IPV4"] == ["10.78.0.1/32"]
    run("ip", "addr", "del", "10.78.0.1", "peer", "10.78.0.3", "dev", device)
    await live.until(lambda: live.find(Name=device, IPV4="10.78.0.1/32") is None)


async def test_addresses_stand_in_the_order_in_which_ip_lists_them(live: LiveGraph) -> None:
    device = name("a")
    run("ip", "link", "add", device, "type", "veth", "peer", "name", name("b"))
    for address, scope in (("10.78.0.1/24", "global"), ("10.78.0.7/24", "global"), ("169.254.7.1/16", "link")):
        run("ip", "addr", "add", address, "dev", device, "scope", scope)
    run("ip", "addr", "add", "169.254.7.2/16", "dev", device, "scope", "link")
    node = await live.node(Name=device, IPV4="169.254.7.2/16")
    (listed,) = json.loads(run("ip", "-4", "-j", "addr", "show", "dev", device))
    assert node.metadata["IPV4"] == [f"{each['local']}/{each['prefixlen']}" for each in listed["addr_info"]]


async def test_queueing_discipline_is_followed(live: LiveGraph) -> None:
    device, peer = name("a"), name("b")
    run("ip", "link", "add", device, "type", "veth", "peer", "name", peer)
    run("ip", "link", "set", peer, "up")
    run("ip", "link", "set", device, "up")
    await live.node(Name=device, State="UP")

    run("tc", "qdisc", "replace", "dev", device, "root", "pfifo")
    await live.node(Name=device, Qdisc="pfifo")
    run("tc", "qdisc", "del", "dev", device, "root")
    await live.until(lambda: live.find(Name=device, Qdisc="pfifo") is None)


async def test_bridge_forwarding_entries_are_shown_on_the_port(live: LiveGraph) -> None:
    bridge, port, peer = name("br"), name("a"), name("b")
    run("ip", "link", "add", bridge, "type", "bridge")
    run("ip", "link", "add", port, "type", "veth", "peer", "name", peer)
    run("ip", "link", "set", port, "master", bridge)
    run("bridge", "fdb", "add", "02:00:00:00:00:aa", "dev", port, "master", "static")

    await live.node(Name=port, FDB__MAC="02:00:00:00:00:aa")
    run("bridge", "fdb", "del", "02:00:00:00:00:aa", "dev", port, "master")
    await live.until(lambda: live.find(Name=port, FDB__MAC="02:00:00:00:00:aa") is None)


async def test_graph_equals_what_ip_says_after_churn_with_a_tiny_receive_buffer(tmp_path: Path) -> None:
    """Most events are lost here; what remains must be equal to the kernel's own listing all the same."""
    async with live_graph(settings(tmp_path / "netns", receive_buffer=2304)) as live:
        script = tmp_path / "churn"
        names = [name("x") for _ in range(60)]
        lines = [f"link add {one} type veth peer name {one}p\nlink set {one} up" for one in names]
        lines += [f"link del {one}" for one in names[::2]]
        script.write_text("\n".join(lines) + "\n")
        run("ip", "-batch", str(script))

        expected = {(link["ifname"], link["ifindex"]) for link in json.loads(run("ip", "-j", "link"))}
        await live.until(lambda: _interfaces(live) == expected)
        counters = live.runner.healths["netlink"].counters
    assert counters.get("resyncs", 0) > 0


async def test_a_burst_of_events_for_one_interface_makes_few_revisions_and_ends_right(live: LiveGraph) -> None:
    device, peer = name("a"), name("b")
    run("ip", "link", "add", device, "type", "veth", "peer", "name", peer)
    node = await live.node(Name=device)
    script = "\n".join(f"link set {device} mtu {1280 + number}" for number in range(100))
    process = await asyncio.create_subprocess_exec("ip", "-batch", "-", stdin=asyncio.subprocess.PIPE)
    await process.communicate(script.encode())

    found = await live.node(Name=device, MTU=1379)
    assert found.id == node.id


async def test_counters_reach_the_metrics_sink_and_no_node(tmp_path: Path) -> None:
    async with live_graph(settings(tmp_path / "netns", metrics_interval=1.0)) as live:
        lo = await live.node(Name="lo")
        before = lo.revision
        ping = await asyncio.create_subprocess_exec(
            "python3", "-c", "import socket; socket.socket(2, 2).sendto(b'x' * 100, ('127.0.0.1', 9))"
        )
        await ping.wait()
        metric = await live.metric(lo.id)
        assert metric.counters["RxPackets"] >= 1
        assert metric.node_tid == lo.metadata["TID"]
        assert metric.last_ms > metric.start_ms
        assert live.graph.node(lo.id).revision == before  # type: ignore[union-attr]


async def test_interface_that_moves_does_not_count_again_what_it_had_counted(
    tmp_path: Path, make_netns: Namespaces
) -> None:
    inner, device, peer = make_netns(), name("a"), name("b")
    run("ip", "link", "add", device, "type", "veth", "peer", "name", peer)
    for each in (device, peer):
        run("ip", "link", "set", each, "up")
    speak(device, 500)
    async with live_graph(settings(tmp_path / "netns", metrics_interval=1.0)) as live:
        before = await live.node(Name=device)
        run("ip", "link", "set", device, "netns", str(inner.path))
        await live.until(lambda: live.graph.node(before.id) is None)
        inner.run("ip", "link", "set", device, "up")
        await live.node(Name=device, State="UP")
        speak(peer, 20)
        metric = await live.metric((await live.node(Name=device)).id)
        assert metric.counters.get("TxPackets", 0) < 500


def speak(device: str, times: int) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((device, 0))
        for _ in range(times):
            sock.send(bytes.fromhex("ffffffffffff02000000000188b5") + bytes(46))


def _interfaces(live: LiveGraph) -> set[tuple[object, object]]:
    return {(node.metadata["Name"], node.metadata["IfIndex"]) for node in live.graph.nodes_having("IfIndex")}


def set_feature(device: str, feature: str, *, on: bool) -> None:
    """Switch an offload by ETHTOOL_SFEATURES, as `ethtool -K` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:

        def ask(command: bytes) -> bytes:
            answer = array.array("B", command)
            fcntl.ioctl(sock, 0x8946, struct.pack("16sP16x", device.encode(), answer.buffer_info()[0]))
            return answer.tobytes()

        count = struct.unpack("=IIQI", ask(struct.pack("=IIQI", 0x37, 0, 1 << 4, 0)))[3]
        text = ask(struct.pack("=III", 0x1B, 4, count) + bytes(32 * count))[12:]
        index = [text[at : at + 32].split(b"\0")[0].decode() for at in range(0, len(text), 32)].index(feature)
        blocks = [(0, 0)] * ((count + 31) // 32)
        bit = 1 << index % 32
        blocks[index // 32] = (bit, bit if on else 0)
        ask(struct.pack("=II", 0x3B, len(blocks)) + b"".join(struct.pack("=II", *block) for block in blocks))


async def test_offloads_are_shown_and_followed_when_they_are_switched(tmp_path: Path) -> None:
    device, peer = name("a"), name("b")
    run("ip", "link", "add", device, "type", "veth", "peer", "name", peer)
    async with live_graph(settings(tmp_path / "netns", software_features=True)) as live:
        node = await live.node(Name=device, Features__highdma=True, Driver="veth")
        shown = node.metadata["Features"]
        assert isinstance(shown, dict)
        assert len(shown) > 40
        set_feature(device, "rx-gro", on=not shown["rx-gro"])
        await live.until(
            lambda: (
                (found := live.find(Name=device)) is not None
                and isinstance(found.metadata["Features"], dict)
                and found.metadata["Features"]["rx-gro"] is not shown["rx-gro"]
            )
        )


async def test_software_interfaces_are_not_asked_for_offloads_by_default(live: LiveGraph) -> None:
    device, peer = name("a"), name("b")
    run("ip", "link", "add", device, "type", "veth", "peer", "name", peer)
    node = await live.node(Name=device, Driver="veth")
    assert "Features" not in node.metadata
