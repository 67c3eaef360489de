# SPDX-License-Identifier: Apache-2.0
"""Interfaces of the graph held against `ip -d -j address`, key by key: at rest, and after each change."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from live_graph import LiveGraph, live_graph, name, run, settings, sh
from netns_fixture import netns as netns
from netsonde.model.elements import Json, Metadata

pytestmark = pytest.mark.netns

PATIENCE: Final = 10.0
"""Seconds for the graph to follow, which takes it some milliseconds where the machine has time."""
NOT_BOTH: Final = {"LOWER_UP", "RUNNING", "NO-CARRIER", "M-DOWN"}
"""Flags that `ip` derives itself, or leaves out."""


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns")) as graph:
        yield graph


class Lab:
    """One interface of each kind that this kernel has, under random names."""

    def __init__(self) -> None:
        self.bridge, self.port, self.peer, self.macvlan, self.vxlan, self.tap = (
            name(kind) for kind in ("br", "po", "pe", "mv", "vx", "ta")
        )

    @property
    def making(self) -> tuple[str, ...]:
        return (
            f"link add {self.bridge} type bridge stp_state 1 priority 4096",
            f"link add {self.port} type veth peer name {self.peer}",
            f"link set {self.port} master {self.bridge}",
            f"link add {self.macvlan} link {self.peer} type macvlan mode private",
            f"link add {self.vxlan} type vxlan id 42 dev {self.peer} local 192.0.2.1 remote 192.0.2.2 dstport 4789",
            f"tuntap add {self.tap} mode tap",
        )

    @property
    def changing(self) -> tuple[str, ...]:
        return (
            f"link set {self.peer} up",
            f"address add 192.0.2.1/24 dev {self.peer}",
            f"address add 192.0.2.7/24 dev {self.peer}",
            f"link set {self.port} up",
            f"link set {self.bridge} up",
            f"link set {self.peer} address 02:00:00:00:00:77",
            f"link set {self.macvlan} mtu 1300",
            f"link set {self.port} nomaster",
            f"link set {self.tap} master {self.bridge}",
            f"link set {self.macvlan} up",
            f"address del 192.0.2.7/24 dev {self.peer}",
            # Of an interface that is down the kernel tells no other names.
            f"link property add dev {self.bridge} altname {self.bridge}-other",
            f"link set {self.bridge} type bridge stp_state 0",
            f"link set {self.tap} promisc on",
            f"link del {self.vxlan}",
            f"link set {self.peer} down",
            f"link set {self.peer} name {self.peer}x",
            f"link del {self.port}",
        )


async def test_interfaces_are_those_that_ip_lists_key_by_key_after_each_change(live: LiveGraph) -> None:
    lab = Lab()
    for command in lab.making:
        await sh("ip", *command.split())
    await equal(live)
    for command in lab.changing:
        await sh("ip", *command.split())
        await equal(live, command)


async def equal(live: LiveGraph, after: str = "") -> None:
    """Wait until the graph says what `ip` says; neither may be asked before the other has changed."""
    told: list[tuple[dict[str, Metadata], dict[str, Metadata]]] = []

    def same() -> bool:
        told.append((by_ip(), by_graph(live)))
        return told[-1][0] == told[-1][1]

    try:
        await live.until(same, PATIENCE)
    except AssertionError:
        expected, shown = told[-1]
        keys = [(each, key) for each in expected.keys() | shown.keys() for key in COMPARED]
        wrong = [(*at, _at(expected, *at), _at(shown, *at)) for at in keys if _at(expected, *at) != _at(shown, *at)]
        assert wrong == [], f"after `ip {after}`: interface, key, what ip says, what the graph says"


def _at(found: dict[str, Metadata], interface: str, key: str) -> Json:
    return found.get(interface, {}).get(key)


def by_graph(live: LiveGraph) -> dict[str, Metadata]:
    found = (node.metadata for node in live.graph.nodes() if "IfIndex" in node.metadata)
    return {str(each["Name"]): {key: ordered(each[key]) for key in COMPARED & each.keys()} for each in found}


def ordered(value: Json) -> Json:
    return [*sorted({str(each) for each in value} - NOT_BOTH)] if isinstance(value, list) else value


def by_ip() -> dict[str, Metadata]:
    """Return what `ip` lists, in our words; written apart from the probe."""
    return {each["ifname"]: translated(each) for each in json.loads(run("ip", "-d", "-j", "address"))}


def translated(told: dict[str, Any]) -> Metadata:
    info = told.get("linkinfo", {})
    found: dict[str, Json] = {key: read(told) for key, read in READERS.items()}
    if info.get("info_kind") in KINDS:
        found |= KINDS[info["info_kind"]](info["info_data"])
    found |= {"BridgePort": port(info["info_slave_data"])} if info.get("info_slave_kind") == "bridge" else {}
    return {key: ordered(value) for key, value in found.items() if value not in (None, [], "")}


def addresses(told: dict[str, Any], family: str) -> list[Json]:
    """Return addresses but those that are not used yet: the kernel tells of these when no other host has them."""
    usable = (each for each in told["addr_info"] if each["family"] == family and not each.get("tentative"))
    return [f"{each['local']}/{each['prefixlen']}" for each in usable]


def index_of(told: dict[str, Any], key: str) -> int | None:
    return int(json.loads(run("ip", "-j", "link", "show", told[key]))[0]["ifindex"]) if key in told else None


READERS: Final[dict[str, Callable[[dict[str, Any]], Json]]] = {
    "IfIndex": lambda told: told["ifindex"],
    "Type": lambda told: {"": "device", "tun": "tuntap"}.get(kind(told), kind(told)),
    "EncapType": lambda told: told["link_type"],
    "MTU": lambda told: told["mtu"],
    "MAC": lambda told: told.get("address"),
    "State": lambda told: told["operstate"].replace("LOWERLAYERDOWN", "LOWER-LAYER-DOWN"),
    "Qdisc": lambda told: None if told["qdisc"] == "noqueue" else told["qdisc"],
    "AltNames": lambda told: told.get("altnames"),
    "MasterIndex": lambda told: index_of(told, "master"),
    "LinkFlags": lambda told: told["flags"],
    "IPV4": lambda told: addresses(told, "inet"),
    "IPV6": lambda told: addresses(told, "inet6"),
}


def kind(told: dict[str, Any]) -> str:
    return str(told.get("linkinfo", {}).get("info_kind", "")).replace("tuntap", "tun")


def bridge(data: dict[str, Any]) -> dict[str, Json]:
    shown: Metadata = {
        "STP": ("off", "kernel", "user")[data["stp_state"]],
        "Priority": data["priority"],
        "AgeingTime": data["ageing_time"] // 100,
        "ID": identity(data["bridge_id"]),
        "RootID": identity(data["root_id"]),
        "VLANFiltering": bool(data["vlan_filtering"]),
    }
    if "vlan_default_pvid" in data:  # of kernels that can filter VLANs
        shown["DefaultPVID"] = data["vlan_default_pvid"]
    return {"Bridge": shown}


def identity(told: str) -> str:
    """Return priority and address of a bridge; `ip` leaves zeros out."""
    priority, _, address = told.partition(".")
    return f"{priority}.{''.join(byte.zfill(2) for byte in address.split(':'))}"


def vxlan(data: dict[str, Any]) -> dict[str, Json]:
    return {"VNI": data["id"], "LocalIP": data["local"], "RemoteIP": data["remote"], "DstPort": data["port"]}


def port(data: dict[str, Any]) -> Metadata:
    return {"State": data["state"].upper(), "Priority": data["priority"], "Cost": data["cost"]}


KINDS: Final[dict[str, Callable[[dict[str, Any]], dict[str, Json]]]] = {
    "bridge": bridge,
    "vxlan": vxlan,
    "macvlan": lambda data: {"MacvlanMode": data["mode"]},
    "tun": lambda data: {"TunMode": data["type"]},
}
COMPARED: Final = READERS.keys() | {
    *("Bridge", "BridgePort", "VNI", "LocalIP", "RemoteIP", "DstPort", "MacvlanMode", "TunMode"),
}
