# SPDX-License-Identifier: Apache-2.0
"""What each link kind says of itself (IFLA_INFO_DATA) and a master of its slave, as metadata. Pure.

A kind is one function and one line in `_KINDS`; kinds without attributes of interest need neither.
"""

import struct
from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Final

from netsonde.model.elements import Metadata
from netsonde.probes.netlink.names import (
    BOND_HASHES,
    BOND_MODES,
    BOND_SLAVE_STATES,
    LACP,
    LACP_RATES,
    MII_STATES,
    PORT_STATES,
    pick,
)
from netsonde.probes.netlink_wire import Attributes, number, repeated

USER_HZ: Final = 100
"""Units of the times in a bridge's attributes, in a second."""
Facts = tuple[Metadata, int]
"""Metadata of the kind, and the ifindex of the device below (0 = none, or not told here)."""


def kind_facts(kind: str, data: bytes) -> Facts:
    """Return the facts of a link's kind; unknown kinds have none."""
    reader = _KINDS.get(kind)
    return ({}, 0) if reader is None or not data else reader(dict(repeated(data)))


def slave_facts(master_kind: str, data: bytes) -> Metadata:
    """Return what a bond says of its slave, and a bridge of its port; nothing of other masters."""
    reader = {"bond": _bond_slave, "bridge": _bridge_port}.get(master_kind)
    return {} if reader is None or not data else reader(dict(repeated(data)))


def _bridge_port(found: Attributes) -> Metadata:
    port: Metadata = {
        "State": pick(PORT_STATES, number(found.get(1, b""))),
        "Priority": number(found.get(2, b"")),
        "Cost": number(found.get(3, b"")),
    }
    for attribute, key in ((4, "Hairpin"), (33, "Isolated")):
        if number(found.get(attribute, b"")):
            port[key] = True
    return {"BridgePort": port}


def _bond_slave(found: Attributes) -> Metadata:
    slave: Metadata = {
        "Type": "bond",
        "State": pick(BOND_SLAVE_STATES, number(found.get(1, b""))),
        "MiiStatus": pick(MII_STATES, number(found.get(2, b""))),
        "LinkFailureCount": number(found.get(3, b"")),
        "PermMAC": mac_text(found.get(4, b"")),
        "QueueId": number(found.get(5, b"")),
    }
    for attribute, key in ((6, "AggregatorId"), (7, "AdActorOperPortState"), (8, "AdPartnerOperPortState")):
        if attribute in found:
            slave[key] = number(found[attribute])
    return {"BondSlave": slave}


def mac_text(address: bytes) -> str:
    """Return a link-layer address as lower-case hex with colons."""
    return address.hex(":")


def ip_text(address: bytes) -> str:
    """Return an IPv4 or IPv6 address, "" for anything of another length."""
    if len(address) == 4:
        return inet_ntop(AF_INET, address)
    return inet_ntop(AF_INET6, address) if len(address) == 16 else ""


def end_text(address: bytes) -> str:
    """Return the address of a tunnel's end, "" for the unspecified one (no such end)."""
    return ip_text(address) if any(address) else ""


def _ends(found: Attributes, local: tuple[int, ...], remote: tuple[int, ...]) -> Metadata:
    """Return the tunnel's ends; each may stand in one attribute a family."""
    facts: Metadata = {}
    for key, candidates in (("LocalIP", local), ("RemoteIP", remote)):
        for attribute in candidates:
            if shown := end_text(found.get(attribute, b"")):
                facts[key] = shown
    return facts


def _bridge(found: Attributes) -> Facts:
    bridge: Metadata = {
        "STP": {0: "off", 1: "kernel", 2: "user"}.get(number(found.get(5, b"")), ""),
        "Priority": number(found.get(6, b"")),
        "AgeingTime": number(found.get(4, b"")) // USER_HZ,
    }
    for attribute, key in ((10, "RootID"), (11, "ID")):
        raw = found.get(attribute, b"")
        if len(raw) == 8:
            bridge[key] = f"{raw[:2].hex()}.{raw[2:].hex()}"
    if root := number(found.get(12, b"")):
        bridge["RootPort"] = root
    if 7 in found:
        bridge["VLANFiltering"] = bool(number(found[7]))
    if 39 in found:
        bridge["DefaultPVID"] = number(found[39])
    return {"Bridge": bridge}, 0


def _ipvlan(found: Attributes) -> Facts:
    return {"IPVlanMode": {0: "l2", 1: "l3", 2: "l3s"}.get(number(found.get(1, b"")), "")}, 0


def _xfrm(found: Attributes) -> Facts:
    return {"XfrmIfID": number(found.get(2, b""))}, number(found.get(1, b""))


def _vlan(found: Attributes) -> Facts:
    return {"Vlan": number(found.get(1, b""))}, 0


def _bond(found: Attributes) -> Facts:
    mode = pick(BOND_MODES, number(found.get(1, b"")))
    bond: Metadata = {
        key: number(found[each])
        for each, key in ((2, "ActiveSlave"), (11, "Primary"), (3, "MIIInterval"))
        if each in found
    }
    if 14 in found:
        bond["XmitHashPolicy"] = pick(BOND_HASHES, number(found[14]))
    if 21 in found and mode == LACP:
        bond["LACPRate"] = pick(LACP_RATES, number(found[21]))
    aggregator = dict(repeated(found.get(23, b"")))
    for attribute, key in ((1, "AggregatorId"), (2, "Ports"), (3, "ActorKey"), (4, "PartnerKey")):
        if attribute in aggregator:
            bond[key] = number(aggregator[attribute])
    if 5 in aggregator:
        bond["PartnerMAC"] = mac_text(aggregator[5])
    return ({"BondMode": mode, "Bond": bond} if bond else {"BondMode": mode}), 0


def _vxlan(found: Attributes) -> Facts:
    facts = _ends(found, (4, 17), (2, 16))
    if 1 in found:
        facts["VNI"] = number(found[1])
    if 15 in found:
        facts["DstPort"] = struct.unpack("!H", found[15][:2])[0]
    return facts, number(found.get(3, b""))


def _geneve(found: Attributes) -> Facts:
    facts = _ends(found, (), (2, 7))
    if 1 in found:
        facts["VNI"] = number(found[1])
    if len(found.get(5, b"")) == 2:
        facts["DstPort"] = struct.unpack("!H", found[5])[0]
    return facts, 0


def _gre(found: Attributes) -> Facts:
    return _ends(found, (6,), (7,)), number(found.get(1, b""))


def _iptunnel(found: Attributes) -> Facts:
    return _ends(found, (2,), (3,)), number(found.get(1, b""))


def _vrf(found: Attributes) -> Facts:
    return {"VRFTable": number(found.get(1, b""))}, 0


def _tun(found: Attributes) -> Facts:
    return {"TunMode": {1: "tun", 2: "tap"}.get(number(found.get(3, b"")), "")}, 0


def _macvlan(found: Attributes) -> Facts:
    modes = {1: "private", 2: "vepa", 4: "bridge", 8: "passthru", 16: "source"}
    return {"MacvlanMode": modes.get(number(found.get(1, b"")), "")}, 0


_KINDS: Final[dict[str, Callable[[Attributes], Facts]]] = {
    "bond": _bond,
    "bridge": _bridge,
    "erspan": _gre,
    "geneve": _geneve,
    "gre": _gre,
    "gretap": _gre,
    "ip6gre": _gre,
    "ip6gretap": _gre,
    "ip6tnl": _iptunnel,
    "ipip": _iptunnel,
    "ipvlan": _ipvlan,
    "macvlan": _macvlan,
    "macvtap": _macvlan,
    "sit": _iptunnel,
    "tun": _tun,
    "vlan": _vlan,
    "vrf": _vrf,
    "vxlan": _vxlan,
    "xfrm": _xfrm,
}
