# SPDX-License-Identifier: Apache-2.0
"""The ovsdb probe against real ovsdb-server and ovs-vswitchd (userspace datapath), in a namespace of its own."""

import asyncio
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, Namespaces, live_graph, name, private_netns, run, settings, sh
from live_graph import make_netns as make_netns
from netns_fixture import netns as netns
from netsonde.agent.switch import OvsDatabase
from netsonde.analyzer.tunnels import Tunnels
from netsonde.errors import SourceLost, Unsupported, WireError
from netsonde.probes.ovsdb.control import ask, control_socket
from netsonde.probes.ovsdb.settings import OvsdbSettings
from ovs_fixture import PrivateOvs, certificate
from ovs_fixture import ovs_in_netns as ovs_in_netns

pytestmark = pytest.mark.system

TAP = struct.Struct("16sH22x")


@pytest.fixture
async def live(ovs: PrivateOvs, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    probes = settings(tmp_path / "netns", probes=("netns", "netlink", "ovsdb"), ovsdb=ovs.address)
    async with live_graph(probes) as graph:
        yield graph


@contextlib.contextmanager
def tap(device: str) -> Iterator[None]:
    fd = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(fd, 0x400454CA, TAP.pack(device.encode(), 0x0002 | 0x1000))
        yield
    finally:
        os.close(fd)


def fields(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return conditions whose keys are no Python names."""
    return metadata


async def test_bridge_port_and_vm_interface_are_joined(live: LiveGraph, ovs: PrivateOvs) -> None:
    bridge, device, vm = name("br"), name("tap"), "8a566101-8736-4522-bbad-29951893d152"
    ovs.add_bridge(bridge)
    with tap(device):
        ids = (f"external_ids:vm-id={vm}", 'external_ids:"dotted.key/x"=1')
        await sh(*ovs.command("add-port", bridge, device, "tag=7", "--", "set", "Interface", device, *ids))

        interface = await live.node(Name=device, **fields({"ExtID.vm-id": vm}))
        assert interface.metadata["Type"] == "tuntap"
        assert interface.metadata["ExtID"] == {"vm-id": vm, "dotted.key/x": "1"}
        assert interface.metadata["IfIndex"]
        assert live.count(Name=device, Type="tuntap") == 1

        port = await live.node(Type="ovsport", Name=device, Vlans=7)
        switch = await live.node(Type="ovsbridge", Name=bridge, Ovs__DatapathType="netdev")
        await live.edge(switch.id, port.id, RelationType="ownership")
        await live.edge(switch.id, port.id, RelationType="layer2")
        await live.edge(port.id, interface.id, RelationType="layer2")
        assert live.owner(interface) == live.find(Type="host")
        assert live.owner(switch) == live.find(Type="host")
        await live.until(lambda: live.find(Name=device, OfPort=ovs_port(ovs, device)))


async def test_tap_behind_a_hybrid_port_is_told_its_machine_while_the_port_is_plugged(
    live: LiveGraph, ovs: PrivateOvs
) -> None:
    bridge, port, vm = name("br"), os.urandom(4).hex() + "-0f", "8a566101-8736-4522-bbad-29951893d152"
    ovs.add_bridge(bridge)
    await sh("ip", "link", "add", f"qbr{port}", "type", "bridge")
    await sh("ip", "link", "add", f"qvb{port}", "type", "veth", "peer", "name", f"qvo{port}")
    await sh("ip", "link", "set", f"qvb{port}", "master", f"qbr{port}")
    ovs.vsctl("add-port", bridge, f"qvo{port}", "--", "set", "Interface", f"qvo{port}", f"external_ids:vm-uuid={vm}")
    with tap(f"tap{port}"):
        await sh("ip", "link", "set", f"tap{port}", "master", f"qbr{port}")
        node = await live.node(Name=f"tap{port}", **fields({"ExtID.vm-uuid": vm}))
        assert node.metadata["VM"] == {"UUID": vm}
        ovs.vsctl("del-port", bridge, f"qvo{port}")
        await live.until(lambda: node_value(live, node.id, "ExtID") is None)


def ovs_port(ovs: PrivateOvs, device: str) -> int:
    return int(ovs.vsctl("get", "Interface", device, "ofport"))


async def test_row_before_its_device_and_device_before_its_row_end_equal(live: LiveGraph, ovs: PrivateOvs) -> None:
    bridge, early, late = name("br"), name("tap"), name("tap")
    ovs.add_bridge(bridge)
    ovs.vsctl("--no-wait", "add-port", bridge, early, "--", "set", "Interface", early, "external_ids:vm-id=1")
    with tap(early), tap(late):
        await live.node(Name=late)
        ovs.vsctl("--no-wait", "add-port", bridge, late, "--", "set", "Interface", late, "external_ids:vm-id=2")

        first = await live.node(Name=early, Type="tuntap", **fields({"ExtID.vm-id": "1"}))
        second = await live.node(Name=late, Type="tuntap", **fields({"ExtID.vm-id": "2"}))
        assert {key for key in first.metadata if key != "Ovs"} >= {"UUID", "IfIndex", "ExtID"}
        await live.until(lambda: live.count(Name=early) == 2 and live.count(Name=late) == 2)  # port, interface
        assert live.context.identity.interface(None, int(str(second.metadata["IfIndex"]))) == second.id


async def test_what_is_removed_from_the_database_is_gone_from_the_node(live: LiveGraph, ovs: PrivateOvs) -> None:
    bridge, device = name("br"), name("tap")
    ovs.add_bridge(bridge)
    with tap(device):
        ovs.vsctl("add-port", bridge, device, "tag=5", "--", "set", "Interface", device, "external_ids:vm-id=a")
        ovs.vsctl("set", "Interface", device, "external_ids:iface-id=b")
        node = await live.node(Name=device, **fields({"ExtID.vm-id": "a", "ExtID.iface-id": "b"}))
        port = await live.node(Type="ovsport", Name=device, Vlans=5)

        ovs.vsctl("remove", "Interface", device, "external_ids", "vm-id", "--", "clear", "Port", device, "tag")
        ovs.vsctl("set", "Port", device, "trunks=1,2", "vlan_mode=trunk")
        await live.until(lambda: node_value(live, node.id, "ExtID") == {"iface-id": "b"})
        await live.node(Type="ovsport", Name=device, Trunks=2, VlanMode="trunk")
        assert "Vlans" not in live.graph.node(port.id).metadata  # type: ignore[union-attr]

        ovs.vsctl("del-port", bridge, device)
        await live.gone(Type="ovsport", Name=device)
        await live.until(lambda: node_value(live, node.id, "UUID") is None)
        assert live.find(Name=device, Type="tuntap") is not None


def node_value(live: LiveGraph, node_id: str, key: str) -> object:
    node = live.graph.node(node_id)
    return None if node is None else node.metadata.get(key)


async def test_device_that_comes_back_gets_its_row_again(live: LiveGraph, ovs: PrivateOvs) -> None:
    bridge, device = name("br"), name("tap")
    ovs.add_bridge(bridge)
    with tap(device):
        ovs.vsctl("add-port", bridge, device, "--", "set", "Interface", device, "external_ids:vm-id=x")
        first = await live.node(Name=device, Type="tuntap", **fields({"ExtID.vm-id": "x"}))
    await live.until(lambda: live.graph.node(first.id) is None)
    with tap(device):
        again = await live.node(Name=device, Type="tuntap", **fields({"ExtID.vm-id": "x"}))
        port = await live.node(Type="ovsport", Name=device)
        await live.edge(port.id, again.id, RelationType="layer2")


async def test_patch_pair_and_tunnel_have_nodes_of_their_own(live: LiveGraph, ovs: PrivateOvs) -> None:
    one, two, left, right, tunnel = name("br"), name("br"), name("pa"), name("pb"), name("vx")
    ovs.add_bridge(one)
    ovs.add_bridge(two)
    ovs.vsctl("add-port", one, left, "--", "set", "Interface", left, "type=patch", f"options:peer={right}")
    ovs.vsctl("add-port", two, right, "--", "set", "Interface", right, "type=patch", f"options:peer={left}")
    options = ("options:local_ip=127.0.0.1", "options:remote_ip=192.0.2.9", "options:key=flow")
    ovs.vsctl("add-port", two, tunnel, "--", "set", "Interface", tunnel, "type=vxlan", *options)

    a, b = await live.node(Name=left, Type="patch"), await live.node(Name=right, Type="patch")
    ends = sorted((a, b), key=lambda node: str(node.metadata["Name"]))
    await live.edge(ends[0].id, ends[1].id, RelationType="layer2", Type="patch")
    vxlan = await live.node(Name=tunnel, Type="vxlan", LocalIP="127.0.0.1", RemoteIP="192.0.2.9")
    owner = live.owner(vxlan)
    assert owner is not None
    assert owner.metadata["Name"] == two
    assert owner.metadata["Type"] == "ovsbridge"

    ovs.vsctl("del-port", two, right)
    await live.gone(Name=right)
    await live.until(lambda: live.find_edge(ends[0].id, ends[1].id) is None)


async def test_patch_port_that_names_itself_is_followed_as_any_other(live: LiveGraph, ovs: PrivateOvs) -> None:
    bridge, port = name("br"), name("pa")
    ovs.add_bridge(bridge)
    ovs.vsctl("add-port", bridge, port, "--", "set", "Interface", port, "type=patch", f"options:peer={port}")
    await live.node(Name=port, Type="patch")
    ovs.vsctl("set", "Interface", port, "external_ids:one=1")
    await live.node(Name=port, Type="patch", ExtID__one="1")
    ovs.vsctl("del-port", bridge, port)
    await live.gone(Name=port)
    assert live.failures == []


async def test_tunnel_without_near_address_is_tied_to_the_interface_that_open_vswitch_sends_it_by(
    live: LiveGraph, ovs: PrivateOvs
) -> None:
    bridge, tunnel, carrier, far = name("br"), name("gv"), name("ca"), name("cb")
    await sh("ip", "link", "add", carrier, "type", "veth", "peer", "name", far)
    await sh("ip", "addr", "add", "192.0.2.1/24", "dev", carrier)
    await sh("ip", "link", "set", carrier, "up")
    await sh("ip", "link", "set", far, "up")
    ovs.add_bridge(bridge)
    ovs.vsctl(
        "add-port", bridge, tunnel, "--", "set", "Interface", tunnel, "type=geneve", "options:remote_ip=192.0.2.9"
    )
    node = await live.node(Name=tunnel, Type="geneve", TunEgressIface=carrier)
    tunnels = Tunnels(live.graph)
    assert node.id in tunnels.take(live.graph.nodes())
    tunnels.settle(node.id)
    (edge,) = tunnels.edges(node.id).values()
    assert edge.metadata["End"] == "local"
    assert edge.child == (await live.node(Name=carrier)).id


async def test_internal_port_moved_to_a_namespace_stays_one_node_with_the_kernels_state(
    live: LiveGraph, ovs: PrivateOvs, make_netns: Namespaces
) -> None:
    bridge, device, mac = name("br"), name("qr"), "fa:16:3e:fe:05:df"
    inner = make_netns()
    # A container's interface of the same name, of another kind: it must never be taken for the port.
    run("ip", "link", "add", name("v"), "type", "veth", "peer", "name", device, "netns", str(inner.path))
    other = make_netns()
    ovs.add_bridge(bridge)
    ids = (f"external_ids:attached-mac={mac}", "external_ids:iface-id=6d76c586")
    ovs.vsctl("add-port", bridge, device, "--", "set", "Interface", device, "type=internal", *ids)
    here = await live.node(Name=device, Type="internal", **fields({"ExtID.iface-id": "6d76c586"}))
    assert live.owner(here) == live.find(Type="host")

    run("ip", "link", "set", device, "address", mac, "netns", str(other.path))
    other.run("ip", "link", "set", device, "up")
    moved = await live.until(lambda: _owned_by(live, device, other.inode))

    await live.until(lambda: live.find(Name=device, State="UNKNOWN", **fields({"ExtID.iface-id": "6d76c586"})))
    assert live.count(Name=device, **fields({"ExtID.iface-id": "6d76c586"})) == 1
    assert moved == live.find(Name=device, **fields({"ExtID.iface-id": "6d76c586"})).id  # type: ignore[union-attr]
    port = await live.node(Type="ovsport", Name=device)
    await live.edge(port.id, moved, RelationType="layer2")


def _owned_by(live: LiveGraph, device: str, inode: int) -> str | None:
    for node in live.graph.nodes_with("Name", device):
        owner = live.owner(node)
        if owner is not None and owner.metadata.get("Inode") == inode and "UUID" in node.metadata:
            return node.id
    return None


async def test_port_without_a_device_is_shown_with_its_error(live: LiveGraph, ovs: PrivateOvs) -> None:
    bridge, missing = name("br"), name("no")
    ovs.add_bridge(bridge)
    ovs.vsctl("--no-wait", "add-port", bridge, missing)

    node = await live.node(Name=missing, Type="system", State="DOWN")
    await live.until(lambda: "Error" in (node_value(live, node.id, "Ovs") or {}))  # type: ignore[operator]
    owner = live.owner(node)
    assert owner is not None
    assert owner.metadata["Name"] == bridge


async def test_the_switch_itself_is_told_on_the_host(live: LiveGraph, ovs: PrivateOvs) -> None:
    ovs.vsctl("--no-wait", "set", "Open_vSwitch", ".", "ovs_version=3.1.0")  # what the distribution's start script does
    host = await live.node(Type="host", Ovs__Version="3.1.0")
    assert host.metadata["Ovs"]["ExtID"]["system-id"] == "test"  # type: ignore[index,call-overload]


def of_switch(live: LiveGraph, key: str) -> Any:
    """Return what the host says of its switch at a key, [] when nothing."""
    host = live.find(Type="host")
    assert host is not None
    ovs = host.metadata.get("Ovs")
    return ovs.get(key, []) if isinstance(ovs, dict) else []


async def test_managers_of_the_switch_are_told_with_their_state(live: LiveGraph, ovs: PrivateOvs) -> None:
    waiting, refused = "ptcp:0:127.0.0.1", "tcp:127.0.0.1:1"
    ovs.stop_server()
    ovs.start_server("--remote=db:Open_vSwitch,Open_vSwitch,manager_options")
    ovs.vsctl("--no-wait", "set-manager", waiting, refused)

    def both() -> dict[str, Any] | None:
        told = {one["Target"]: one for one in of_switch(live, "Managers")}
        return told if "State" in told.get(refused, {}) and "BoundPort" in told.get(waiting, {}) else None

    told = await live.until(both, 15)
    assert (told[refused]["Connected"], told[refused]["State"]) == (False, "BACKOFF")
    assert told[waiting]["BoundPort"] == int(ovs.vsctl("get", "Manager", waiting, "status:bound_port").strip('"'))

    _, client = await asyncio.open_connection("127.0.0.1", told[waiting]["BoundPort"])
    await live.until(lambda: any(one["Connected"] for one in of_switch(live, "Managers")), 15)
    client.close()
    ovs.vsctl("--no-wait", "del-manager")
    await live.until(lambda: not of_switch(live, "Managers"))


async def test_datapath_is_told_with_what_it_can_do_and_its_zones(live: LiveGraph, ovs: PrivateOvs) -> None:
    ovs.add_bridge(name("br"))
    made = ("--id=@d", "create", "Datapath", "datapath_version=0")
    ovs.vsctl(*made, "--", "set", "Open_vSwitch", ".", "datapaths:netdev=@d")
    ovs.vsctl("add-zone-tp", "netdev", "zone=7", "tcp_close=10", "udp_first=20")

    def whole() -> Any:
        told = of_switch(live, "Datapaths")
        return told[0] if told and {"Zones", "Capabilities"} <= told[0].keys() else None

    datapath = await live.until(whole, 10)
    assert (datapath["Type"], datapath["Version"]) == ("netdev", "0")
    assert datapath["Zones"] == [{"ID": 7, "Timeouts": {"tcp_close": "10", "udp_first": "20"}}]
    row = ovs.vsctl("--bare", "--columns=_uuid", "list", "Datapath")
    listed = ovs.vsctl("get", "Datapath", row, "capabilities")
    assert {f'{ability}="{value}"' for ability, value in datapath["Capabilities"].items()} == {
        *listed.strip("{}").split(", ")
    }

    ovs.vsctl("del-zone-tp", "netdev", "zone=7")
    await live.until(lambda: "Zones" not in of_switch(live, "Datapaths")[0], 10)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_rows_deleted_while_the_server_was_away_are_gone_when_it_is_back(
    live: LiveGraph, ovs: PrivateOvs, how: signal.Signals
) -> None:
    kept, gone = name("br"), name("br")
    ovs.add_bridge(kept)
    ovs.add_bridge(gone)
    before = await live.node(Type="ovsbridge", Name=kept)
    await live.node(Type="ovsbridge", Name=gone)
    ovs.stop_server(how)
    health = live.runner.healths["ovsdb"]
    await live.until(lambda: health.state == "failed" and health.reason)
    assert live.find(Type="ovsbridge", Name=kept) is not None

    _delete_offline(ovs, gone)
    ovs.start_server()
    await live.gone(Type="ovsbridge", Name=gone, within=10.0)
    await live.until(lambda: health.state == "running")
    after = live.find(Type="ovsbridge", Name=kept)
    assert after is not None
    assert (after.id, after.created_at) == (before.id, before.created_at)


def _delete_offline(ovs: PrivateOvs, bridge: str) -> None:
    """Change the database file while no server has it open, as a restored backup would be."""
    run(
        "ovsdb-tool",
        "transact",
        str(ovs.directory / "conf.db"),
        f'["Open_vSwitch",{{"op":"select","table":"Bridge","where":[["name","==","{bridge}"]],"columns":["_uuid"]}}]',
    )
    # Bridges are garbage when nothing refers to them, so it is enough to set the list anew.
    listing = run(
        "ovsdb-tool",
        "query",
        str(ovs.directory / "conf.db"),
        f'["Open_vSwitch",{{"op":"select","table":"Bridge","where":[["name","!=","{bridge}"]],"columns":["_uuid"]}}]',
    )
    uuids = [row["_uuid"] for row in json.loads(listing)[0]["rows"]]
    bridges = json.dumps(["set", uuids])
    update = f'{{"op":"update","table":"Open_vSwitch","where":[],"row":{{"bridges":{bridges}}}}}'
    run("ovsdb-tool", "transact", str(ovs.directory / "conf.db"), f'["Open_vSwitch",{update}]')


async def test_a_thousand_changes_a_second_end_right(live: LiveGraph, ovs: PrivateOvs) -> None:
    bridge, device = name("br"), name("tap")
    ovs.add_bridge(bridge)
    with tap(device):
        ovs.vsctl("add-port", bridge, device)
        await live.node(Name=device, Type="tuntap", UUID=ovs.vsctl("get", "Interface", device, "_uuid"))
        commands: list[str] = ["--no-wait"]
        for number in range(500):
            commands += ["--", "set", "Interface", device, f"external_ids:count={number}"]
        await asyncio.gather(*(sh(*ovs.command(*commands)) for _ in range(3)))
        await live.node(Name=device, **fields({"ExtID.count": "499"}))


async def test_patch_port_counts_what_ovs_counts_and_makes_no_revision_of_it(live: LiveGraph, ovs: PrivateOvs) -> None:
    one, two, left, right = (name(kind) for kind in ("br", "br", "l", "r"))
    ovs.add_bridge(one)
    ovs.add_bridge(two)
    for bridge, port, peer in ((one, left, right), (two, right, left)):
        ovs.vsctl("add-port", bridge, port, "--", "set", "Interface", port, "type=patch", f"options:peer={peer}")
    await sh("ip", "link", "set", one, "up")
    patch = await live.node(Name=left, Type="patch", State="UP")
    before = live.graph.node(patch.id)
    assert before is not None

    frame = bytes.fromhex("ffffffffffff 020000000001 88b5") + bytes(50)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((one, 0))
        for _ in range(10):
            sender.send(frame)
    sent = 0
    while sent < 10:
        sent += (await live.metric(patch.id, within=20)).counters.get("TxPackets", 0)

    assert int(ovs.vsctl("get", "Interface", left, "statistics:tx_packets")) >= sent
    after = live.graph.node(patch.id)
    assert after is not None
    assert after.revision == before.revision


async def test_userspace_datapath_counts_on_the_host_what_ovs_appctl_shows(live: LiveGraph, ovs: PrivateOvs) -> None:
    bridge = name("br")
    ovs.add_bridge(bridge)
    await sh("ip", "link", "set", bridge, "up")
    host = await live.node(Type="host")
    frame = bytes.fromhex("ffffffffffff 020000000001 88b5") + bytes(50)
    counted: dict[str, int] = {}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((bridge, 0))
        while not {"PmdPackets", "PmdUpcalls"} <= counted.keys():
            # What is sent before the first reading is not told: more until something is.
            sender.send(frame)
            with contextlib.suppress(TimeoutError):
                counted |= (await live.metric(host.id, within=0.3)).counters

    shown = ovs.appctl("ovs-vswitchd", "dpif-netdev/pmd-stats-show")
    received = re.search(r"packets received: (\d+)", shown)
    assert received is not None
    assert 0 < counted["PmdPackets"] <= int(received[1])
    assert of_switch(live, "PMDs") == []  # without DPDK the main thread polls
    assert live.unlisted() == []


async def test_a_switch_is_asked_and_given_up_when_it_hangs(ovs: PrivateOvs) -> None:
    control = control_socket(ovs.address)
    assert "ovs-vswitchd" in await ask(control, "version")
    with pytest.raises(WireError, match="is not a valid command"):
        await ask(control, "no-such-command")
    with ovs.hanging_switch(), pytest.raises(SourceLost):
        await ask(control, "version")


def failed(live: LiveGraph, reason: str) -> bool:
    return any(who == "ovsdb" and reason in why for who, why in live.failures)


async def test_server_is_followed_over_tls_and_none_that_another_authority_signed(
    ovs: PrivateOvs, tmp_path: Path
) -> None:
    for authority in ("ours", "theirs"):
        certificate(tmp_path, authority)
    server_key, server = certificate(tmp_path, "server", "ours")
    key, own = certificate(tmp_path, "agent", "ours")
    files = (f"--private-key={server_key}", f"--certificate={server}", f"--ca-cert={tmp_path / 'ours.pem'}")
    ovs.stop_server()
    ovs.start_server(*files, "--remote=pssl:6640:127.0.0.1")
    ovs.add_bridge(bridge := name("br"))

    over_tls = OvsdbSettings(
        addresses=("ssl:127.0.0.1:6640",),
        retry_delay=0.05,
        tls_ca=tmp_path / "ours.pem",
        tls_certificate=own,
        tls_key=key,
    )
    probes = settings(tmp_path / "netns", probes=("netns", "netlink", "ovsdb"))
    async with live_graph(replace(probes, ovsdb=over_tls)) as live:
        node = await live.node(Type="ovsbridge", Name=bridge)
        ovs.vsctl("set", "Bridge", bridge, "external_ids:over=tls")
        await live.until(lambda: node_value(live, node.id, "ExtID") == {"over": "tls"})

    for unlike, reason in (
        ({"tls_ca": tmp_path / "theirs.pem"}, "is not trusted by probes.ovsdb.tls_ca"),
        ({"tls_certificate": None, "tls_key": None}, "connection to ovsdb-server lost"),
        ({"tls_key": server_key}, "tls_certificate, tls_key: cannot use"),
    ):
        async with live_graph(replace(probes, ovsdb=replace(over_tls, **unlike))) as live:
            await live.until(partial(failed, live, reason))
            assert live.count(Type="ovsbridge") == 0


@contextlib.contextmanager
def another_host(ovs: PrivateOvs) -> Iterator[str]:
    """Be on another host than the switch, joined with it by a cable; yields the address of its database."""
    with private_netns():
        run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(ovs.server_pid))
        run("ip", "addr", "add", "192.0.2.1/24", "dev", "near")
        run("ip", "link", "set", "near", "up")
        for command in (("addr", "add", "192.0.2.2/24", "dev", "far"), ("link", "set", "far", "up")):
            run("nsenter", f"--net=/proc/{ovs.server_pid}/ns/net", "ip", *command)
        ovs.appctl("ovsdb-server", "ovsdb-server/add-remote", "ptcp:6640:192.0.2.2")
        yield "tcp:192.0.2.2:6640"


async def test_switch_of_another_host_is_shown_apart_and_no_device_here_is_taken_for_its_own(
    ovs: PrivateOvs, tmp_path: Path
) -> None:
    bridge, device, vm = name("br"), name("tap"), "8a566101-8736-4522-bbad-29951893d152"
    ovs.add_bridge(bridge)
    with tap(device), another_host(ovs) as address, tap(device):
        ovs.vsctl("add-port", bridge, device, "--", "set", "Interface", device, f"external_ids:vm-id={vm}")
        ovs.vsctl("set", "Open_vSwitch", ".", "external_ids:hostname=far-away")
        probes = settings(tmp_path / "netns", probes=("netns", "netlink", "ovsdb"), ovsdb=address)
        async with live_graph(probes) as live:
            there = await live.node(
                Name=device, Type="system", OfPort=ovs_port(ovs, device), **fields({"ExtID.vm-id": vm})
            )
            assert (there.host, there.metadata["TID"]) == ("", there.id)
            assert "IfIndex" not in there.metadata
            assert there.metadata["MAC"]
            switch = await live.node(Type="ovsswitch", Name="far-away", Ovs__ExtID__hostname="far-away")
            br = await live.node(Type="ovsbridge", Name=bridge)
            await live.edge(switch.id, br.id, RelationType="ownership")
            await live.edge(br.id, there.id, RelationType="ownership")
            here = await live.node(Name=device, Type="tuntap")
            assert here.metadata.keys().isdisjoint({"ExtID", "UUID", "OfPort", "VM"})
            assert "Ovs" not in live.find(Type="host").metadata  # type: ignore[union-attr]
            with pytest.raises(Unsupported, match="another host's"):
                await OvsDatabase(address, live.context.settings.ovsdb).transact([])
            ovs.vsctl("del-port", bridge, device)
            await live.gone(Name=device, Type="system")


@pytest.mark.parametrize("said", ["", "remote"])
async def test_server_at_an_address_of_this_host_is_this_hosts_unless_the_settings_deny_it(
    ovs: PrivateOvs, tmp_path: Path, said: str
) -> None:
    run("ip", "addr", "add", "192.0.2.2/32", "dev", "lo")
    ovs.appctl("ovsdb-server", "ovsdb-server/add-remote", "ptcp:6640:192.0.2.2")
    bridge, device, address = name("br"), name("tap"), "tcp:192.0.2.2:6640"
    ovs.add_bridge(bridge)
    probes = settings(tmp_path / "netns", probes=("netns", "netlink", "ovsdb"), ovsdb=address)
    probes = replace(probes, ovsdb=replace(probes.ovsdb, remote_addresses=(address,) if said else ()))
    with tap(device):
        ovs.vsctl("add-port", bridge, device, "--", "set", "Interface", device, "external_ids:vm-id=a")
        async with live_graph(probes) as live:
            node = await live.node(Name=device, **fields({"ExtID.vm-id": "a"}))
            assert node.metadata["Type"] == ("system" if said else "tuntap")
            assert live.count(Type="ovsswitch") == (1 if said else 0)
