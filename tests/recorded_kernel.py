# SPDX-License-Identifier: Apache-2.0
"""What Debian's full kernel said, which can what test machines often cannot; `tools/kernel_lab` records it.

Beside the kernel's messages stands what `ip`, `bridge`, `devlink` and `ovs-vsctl` made of them at that moment.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from netsonde.model.elements import Json, Metadata
from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.state import DumpName, NamespaceState
from netsonde.probes.netlink.translate import interface_metadata

_FOLDER: Final = Path(__file__).parent / "data/kernel"


@cache
def recorded(part: str) -> Any:
    """Return a recording: `links`, `functions` or `kernel_datapath`."""
    return json.loads(gzip.decompress((_FOLDER / f"{part}.json.gz").read_bytes()))


def messages(datagrams: list[str]) -> Iterator[wire.Message]:
    for datagram in datagrams:
        yield from wire.messages(bytes.fromhex(datagram))


def play(state: NamespaceState, datagrams: list[str]) -> NamespaceState:
    for message in messages(datagrams):
        state.take(message)
    return state


def dumped(dumps: dict[str, list[str]]) -> NamespaceState:
    """Return a namespace as dumps tell of it."""
    state = NamespaceState(1000)
    for table, datagrams in dumps.items():
        state.begin(cast("DumpName", table))
        play(state, datagrams)
        state.finish(cast("DumpName", table))
    return state


def interfaces(state: NamespaceState) -> dict[str, Metadata]:
    """Return what is shown of each interface, by name."""
    return {link.name: interface_metadata(state, link) for link in state.links.values()}


def translated(told: list[dict[str, Any]]) -> dict[str, Metadata]:
    """Return what `ip -d -j address` lists in the words of the graph; written apart from the probe."""
    index = {each["ifname"]: int(each["ifindex"]) for each in told}
    return {each["ifname"]: _translated(each, index) for each in told}


def _translated(told: dict[str, Any], index: dict[str, int]) -> Metadata:
    info = told.get("linkinfo", {})
    kind, data = str(info.get("info_kind", "")), info.get("info_data", {})
    found: Metadata = {
        "IfIndex": told["ifindex"],
        "Type": kind or "device",
        "MTU": told["mtu"],
        "MAC": told["address"] if ":" in told["address"] else None,
        "State": told["operstate"].replace("LOWERLAYERDOWN", "LOWER-LAYER-DOWN"),
        "MasterIndex": index.get(told.get("master", "")),
        "AltNames": told.get("altnames"),
        "IPV4": _addresses(told, "inet"),
        "IPV6": _addresses(told, "inet6"),
        **(_KINDS[kind](data, index) if kind in _KINDS else {}),
    }
    if kind == "vlan":
        found["ParentIndex"] = index[told["link"]]
    if info.get("info_slave_kind") == "bond":
        found["BondSlave"] = _slave(info["info_slave_data"])
    return {key: value for key, value in found.items() if value not in (None, [])}


def _addresses(told: dict[str, Any], family: str) -> list[Json]:
    return [f"{each['local']}/{each['prefixlen']}" for each in told["addr_info"] if each["family"] == family]


def _slave(data: dict[str, Any]) -> Metadata:
    names = {
        "state": "State",
        "mii_status": "MiiStatus",
        "link_failure_count": "LinkFailureCount",
        "perm_hwaddr": "PermMAC",
        "queue_id": "QueueId",
        "ad_aggregator_id": "AggregatorId",
        "ad_actor_oper_port_state": "AdActorOperPortState",
        "ad_partner_oper_port_state": "AdPartnerOperPortState",
    }
    return {"Type": "bond", **{ours: data[theirs] for theirs, ours in names.items() if theirs in data}}


def _bond(data: dict[str, Any], index: dict[str, int]) -> Metadata:
    told = data.get("ad_info", {})
    numbers = {"aggregator": "AggregatorId", "num_ports": "Ports", "actor_key": "ActorKey", "partner_key": "PartnerKey"}
    bond: Metadata = {
        "ActiveSlave": index.get(data.get("active_slave", "")),
        "Primary": index.get(data.get("primary", "")),
        "MIIInterval": data["miimon"],
        "XmitHashPolicy": data["xmit_hash_policy"],
        "LACPRate": data.get("ad_lacp_rate") if told else None,
        "PartnerMAC": told.get("partner_mac"),
        **{ours: told.get(theirs) for theirs, ours in numbers.items()},
    }
    return {"BondMode": data["mode"], "Bond": {key: value for key, value in bond.items() if value is not None}}


def _ends(data: dict[str, Any], index: dict[str, int]) -> Metadata:
    """Return where a tunnel leads; `any` is no end."""
    names = {"local": "LocalIP", "remote": "RemoteIP", "id": "VNI", "port": "DstPort"}
    return {ours: data[theirs] for theirs, ours in names.items() if data.get(theirs) not in (None, "any")}


_KINDS: Final[dict[str, Callable[[dict[str, Any], dict[str, int]], Metadata]]] = {
    "bond": _bond,
    "vlan": lambda data, _: {"Vlan": data["id"]},
    "vrf": lambda data, _: {"VRFTable": data["table"]},
    "ipvlan": lambda data, _: {"IPVlanMode": data["mode"]},
    **dict.fromkeys(("gre", "gretap", "geneve", "vxlan"), _ends),
}
KEYS: Final = frozenset(
    {
        *("IfIndex", "Type", "MTU", "MAC", "State", "MasterIndex", "AltNames", "IPV4", "IPV6", "BondSlave", "Bond"),
        *("BondMode", "Vlan", "ParentIndex", "VRFTable", "IPVlanMode", "LocalIP", "RemoteIP", "VNI", "DstPort"),
    }
)
"""Keys that `translated` tells of."""
