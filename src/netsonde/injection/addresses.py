# SPDX-License-Identifier: Apache-2.0
"""Addresses of an injection out of the metadata of nodes; what the graph does not know is left for ARP and ND.

The traps of the reference: routes and neighbours come before the destination's own MAC, as in a kernel; a target beyond
a router gets the router's.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from netsonde.errors import UserError
from netsonde.injection.definitions import FRAMES, address_of, family_of
from netsonde.model.elements import Json, Node
from netsonde.model.injections import Injection

BROADCAST: Final = "ff:ff:ff:ff:ff:ff"
_ZERO_MAC: Final = "00:00:00:00:00:00"
_UNUSABLE: Final = frozenset({"NUD_FAILED", "NUD_INCOMPLETE", "NUD_NONE"})
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a packet; `target_mac` "" = ask for `next_hop` on the interface."""

    source: str = ""
    target: str = ""
    source_mac: str = ""
    target_mac: str = ""
    next_hop: str = ""


def ends_of(injection: Injection, source: Node, target: Node | None) -> Ends:
    """Return where packets come from and go to; raises UserError that names the field to give."""
    kind = injection.type
    if kind in FRAMES:
        return Ends()
    source_mac = injection.src_mac or (attached_mac(source) if injection.inbound else mac_of(source))
    if not source_mac:
        raise UserError(f"No source MAC in node {_named(source)}", hint="give SrcMAC")
    if kind == "dhcp4":
        return Ends("0.0.0.0", "255.255.255.255", source_mac, injection.dst_mac or BROADCAST)
    target_ip = _target_ip(injection, target)
    source_ip = _source_ip(injection, source, ipaddress.ip_address(target_ip))
    if kind in ("arp", "nd"):
        return Ends(source_ip, target_ip, source_mac, BROADCAST)
    mac, hop = _first_hop(injection, source, target, ipaddress.ip_address(target_ip))
    return Ends(source_ip, target_ip, source_mac, mac, hop)


def mac_of(node: Node) -> str:
    """Return the MAC address behind a node: that of the VM for its tap."""
    mac = attached_mac(node) or node.metadata.get("MAC")
    # The loopback has none.
    return mac if isinstance(mac, str) else _ZERO_MAC if node.metadata.get("Name") == "lo" else ""


def attached_mac(node: Node) -> str:
    """Return the MAC address of the VM behind a tap, "" when the graph does not tell."""
    mac = _at(node.metadata, "ExtID", "attached-mac")
    return mac if isinstance(mac, str) else ""


def ips_of(node: Node, family: int) -> list[ipaddress.IPv4Interface | ipaddress.IPv6Interface]:
    """Return the addresses of a node with their prefix lengths, those of Neutron first."""
    key = f"IPV{family}"
    found: list[ipaddress.IPv4Interface | ipaddress.IPv6Interface] = []
    for listed in (_at(node.metadata, "Neutron", key), node.metadata.get(key)):
        for text in listed if isinstance(listed, list) else []:
            try:
                found.append(ipaddress.ip_interface(str(text)))
            except ValueError:
                continue
    return found


def _target_ip(injection: Injection, target: Node | None) -> str:
    family = family_of(injection.type)
    if injection.dst_ip:
        return address_of(injection.dst_ip)
    if target is None:
        raise UserError("No destination node and IP", hint="give DstIP, or a query Dst that finds a node")
    found = ips_of(target, family)
    if not found:
        raise UserError(f"No destination IPv{family} in node {_named(target)}", hint="give DstIP")
    return str(found[0].ip)


def _source_ip(injection: Injection, source: Node, target: Address) -> str:
    if injection.src_ip:
        return address_of(injection.src_ip)
    found = ips_of(source, target.version)
    if not found:
        raise UserError(f"No source IPv{target.version} in node {_named(source)}", hint="give SrcIP")
    near = [one for one in found if target in one.network]
    # A link-local address reaches nothing beyond the link.
    far = [one for one in found if not one.ip.is_link_local]
    return str((near or far or found)[0].ip)


def _first_hop(injection: Injection, source: Node, target: Node | None, address: Address) -> tuple[str, str]:
    """Return the MAC address to send to, or "" and whom to ask for it."""
    if injection.dst_mac:
        return injection.dst_mac, ""
    if source.metadata.get("Name") == "lo":
        return _ZERO_MAC, ""
    group = _group_mac(address)
    if group:
        return group, ""
    hop = _gateway(source, address) or address
    known = _neighbour(source, hop)
    if known:
        return known, ""
    if hop == address and target is not None and hop in (one.ip for one in ips_of(target, hop.version)):
        mac = mac_of(target)
        if mac:
            return mac, ""
    return "", str(hop)


def _group_mac(address: Address) -> str:
    """Return the MAC address of a group, "" for the address of one host. RFC 1112 §6.4, RFC 2464 §7."""
    if str(address) == "255.255.255.255":
        return BROADCAST
    if not address.is_multicast:
        return ""
    packed = address.packed
    low = bytes([1, 0, 0x5E, packed[1] & 0x7F, *packed[2:]]) if address.version == 4 else b"\x33\x33" + packed[-4:]
    return low.hex(":")


def _gateway(source: Node, address: Address) -> Address | None:
    """Return the router of the longest prefix that covers an address, None when it is on the link."""
    if any(address in one.network for one in ips_of(source, address.version)):
        return None
    best: tuple[int, Address | None] = (-1, None)
    for network, gateway in _routes(source):
        if network.version == address.version and address in network and network.prefixlen > best[0]:
            best = (network.prefixlen, gateway)
    return best[1]


def _routes(source: Node) -> Iterator[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, Address | None]]:
    for table in _objects(source.metadata.get("RoutingTables")):
        for route in _objects(table.get("Routes")):
            for hop in _objects(route.get("NextHops")):
                try:
                    network = ipaddress.ip_network(str(route.get("Prefix")))
                    gateway = ipaddress.ip_address(str(hop["IP"])) if hop.get("IP") else None
                except ValueError:
                    continue
                yield network, gateway


def _neighbour(source: Node, hop: Address) -> str:
    for entry in _objects(source.metadata.get("Neighbors")):
        states = entry.get("State")
        usable = not isinstance(states, list) or not _UNUSABLE.intersection(map(str, states))
        if entry.get("IP") == str(hop) and usable and entry.get("MAC"):
            return str(entry["MAC"])
    return ""


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _at(metadata: Mapping[str, Json], key: str, inner: str) -> Json:
    value = metadata.get(key)
    return value.get(inner) if isinstance(value, dict) else None


def _named(node: Node) -> str:
    return str(node.metadata.get("Name") or node.id)
