# SPDX-License-Identifier: Apache-2.0
"""WireGuard interfaces and their peers decoded, but for their secrets, and as metadata. Pure.

Source: WGDEVICE_A_*, WGPEER_A_*, WGALLOWEDIP_A_* of linux/wireguard.h; struct genlmsghdr of linux/genetlink.h.
"""

import struct
from base64 import b64encode
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Final

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata
from netsonde.probes import netlink_wire as wire
from netsonde.probes.generic_netlink import GENERIC

WGDEVICE_A_IFINDEX: Final = 1
WGDEVICE_A_PUBLIC_KEY: Final = 4
WGDEVICE_A_LISTEN_PORT: Final = 6
WGDEVICE_A_FWMARK: Final = 7
WGDEVICE_A_PEERS: Final = 8
WGPEER_A_PUBLIC_KEY: Final = 1
WGPEER_A_ENDPOINT: Final = 4
WGPEER_A_KEEPALIVE: Final = 5
WGPEER_A_LAST_HANDSHAKE: Final = 6
WGPEER_A_ALLOWEDIPS: Final = 9
WGALLOWEDIP_A_IPADDR: Final = 2
WGALLOWEDIP_A_CIDR_MASK: Final = 3

MOST_PEERS: Final = 100_000
"""Peers of one interface that are read."""

_TIME: Final = struct.Struct("=qq")
_PORT: Final = struct.Struct("!H")
_DEVICE: Final = frozenset(
    {WGDEVICE_A_IFINDEX, WGDEVICE_A_PUBLIC_KEY, WGDEVICE_A_LISTEN_PORT, WGDEVICE_A_FWMARK, WGDEVICE_A_PEERS}
)
_PEER: Final = frozenset(
    {WGPEER_A_PUBLIC_KEY, WGPEER_A_ENDPOINT, WGPEER_A_KEEPALIVE, WGPEER_A_LAST_HANDSHAKE, WGPEER_A_ALLOWEDIPS}
)
_ALLOWED: Final = frozenset({WGALLOWEDIP_A_IPADDR, WGALLOWEDIP_A_CIDR_MASK})


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer; "" and 0 for what is not known or set."""

    public_key: str
    endpoint: str = ""
    keepalive: int = 0
    """Seconds."""
    handshake_ms: int = 0
    """Unix time."""
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """One interface."""

    ifindex: int
    public_key: str = ""
    listen_port: int = 0
    mark: int = 0
    peers: dict[str, Peer] = field(default_factory=dict)
    """By public key."""


def decode(message: wire.Message) -> Device:
    """Return what one message says of an interface; peers, and the addresses of one, may go on in the next."""
    found = wire.attributes(message.data, message.start + GENERIC.size, message.end, _DEVICE)
    device = Device(
        ifindex=wire.number(found.get(WGDEVICE_A_IFINDEX, b"")),
        public_key=_key(found.get(WGDEVICE_A_PUBLIC_KEY, b"")),
        listen_port=wire.number(found.get(WGDEVICE_A_LISTEN_PORT, b"")),
        mark=wire.number(found.get(WGDEVICE_A_FWMARK, b"")),
    )
    for _, peer in wire.repeated(found.get(WGDEVICE_A_PEERS, b"")):
        _put(device.peers, _peer(peer))
    return device


def merged(before: Device | None, more: Device) -> Device:
    """Return an interface of which several messages tell."""
    if before is None:
        return more
    for peer in more.peers.values():
        _put(before.peers, peer)
    return before


def _put(peers: dict[str, Peer], peer: Peer) -> None:
    before = peers.get(peer.public_key)
    if before is not None:
        peers[peer.public_key] = replace(before, allowed=before.allowed + peer.allowed)
    elif peer.public_key and len(peers) < MOST_PEERS:
        peers[peer.public_key] = peer


def _peer(data: bytes) -> Peer:
    found = wire.attributes(data, 0, len(data), _PEER)
    return Peer(
        public_key=_key(found.get(WGPEER_A_PUBLIC_KEY, b"")),
        endpoint=_endpoint(found.get(WGPEER_A_ENDPOINT, b"")),
        keepalive=wire.number(found.get(WGPEER_A_KEEPALIVE, b"")),
        handshake_ms=_milliseconds(found.get(WGPEER_A_LAST_HANDSHAKE, b"")),
        allowed=tuple(_network(each) for _, each in wire.repeated(found.get(WGPEER_A_ALLOWEDIPS, b""))),
    )


def _key(octets: bytes) -> str:
    """Return a public key as `wg` writes it, "" for none: an interface without a private key has zeros."""
    return b64encode(octets).decode() if any(octets) else ""


def _endpoint(address: bytes) -> str:
    """Return struct sockaddr_in or sockaddr_in6 as text, "" for anything else."""
    if len(address) < 8:
        return ""
    family, (port,) = wire.number(address[:2]), _PORT.unpack_from(address, 2)
    if family == wire.AF_INET:
        return f"{ip_address(address[4:8])}:{port}"
    return f"[{ip_address(address[8:24])}]:{port}" if family == wire.AF_INET6 and len(address) >= 24 else ""


def _milliseconds(time: bytes) -> int:
    seconds, nanoseconds = _TIME.unpack(time) if len(time) == _TIME.size else (0, 0)
    return int(seconds * 1000 + nanoseconds // 1_000_000) if seconds > 0 else 0


def _network(data: bytes) -> str:
    found = wire.attributes(data, 0, len(data), _ALLOWED)
    address = found.get(WGALLOWEDIP_A_IPADDR, b"")
    if len(address) not in (4, 16):
        raise WireError(f"address of {len(address)} bytes among those of a WireGuard peer")
    return f"{ip_address(address)}/{wire.number(found.get(WGALLOWEDIP_A_CIDR_MASK, b''))}"


def device_metadata(device: Device, limit: int) -> Metadata:
    """Return what is shown of an interface, the first `limit` of its peers by public key."""
    ordered = sorted(device.peers.values(), key=lambda peer: peer.public_key)
    peers: list[Json] = [_shown(peer, limit) for peer in ordered[:limit]]
    shown: Metadata = {
        "PublicKey": device.public_key,
        "ListenPort": device.listen_port,
        "FwMark": device.mark,
        "Peers": peers,
        "PeersOmitted": len(ordered) - len(peers),
    }
    return {"WireGuard": {key: value for key, value in shown.items() if value}}


def _shown(peer: Peer, limit: int) -> Metadata:
    allowed: list[Json] = [*peer.allowed[:limit]]
    shown: Metadata = {
        "PublicKey": peer.public_key,
        "Endpoint": peer.endpoint,
        "AllowedIPs": allowed,
        "AllowedIPsOmitted": len(peer.allowed) - len(allowed),
        "Keepalive": peer.keepalive,
        "LastHandshake": peer.handshake_ms,
    }
    return {key: value for key, value in shown.items() if value}
