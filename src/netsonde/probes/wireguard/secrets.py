# SPDX-License-Identifier: Apache-2.0
"""Private and preshared keys of WireGuard, overwritten where they were received, before anything else looks there.

Source: linux/wireguard.h. The kernel sends these keys to whoever may ask for the public ones; there is no way to ask
for less. Pure.
"""

import struct
from collections.abc import Iterator
from typing import Final

from netsonde.probes.netlink_wire import TYPE_MASK

WGDEVICE_A_PRIVATE_KEY: Final = 3
WGDEVICE_A_PEERS: Final = 8
WGPEER_A_PRESHARED_KEY: Final = 2
HEADERS: Final = 20
"""Bytes of struct nlmsghdr and struct genlmsghdr before the attributes."""

_LENGTH: Final = struct.Struct("=I")
_ATTRIBUTE: Final = struct.Struct("=HH")


def blank_secrets(datagram: memoryview) -> None:
    """Overwrite every secret of a datagram, in place; from where a length makes no sense on, all that there is."""
    at = 0
    while at + HEADERS <= len(datagram):
        (length,) = _LENGTH.unpack_from(datagram, at)
        if length < HEADERS or at + length > len(datagram):
            break
        _blank(datagram[at + HEADERS : at + length])
        at += (length + 3) & ~3
    _zero(datagram[at:])


def _blank(device: memoryview) -> None:
    for kind, value in _each(device):
        if kind == WGDEVICE_A_PRIVATE_KEY:
            _zero(value)
        elif kind == WGDEVICE_A_PEERS:
            for _, peer in _each(value):
                for of_peer, content in _each(peer):
                    if of_peer == WGPEER_A_PRESHARED_KEY:
                        _zero(content)


def _each(attributes: memoryview) -> Iterator[tuple[int, memoryview]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(attributes):
        length, kind = _ATTRIBUTE.unpack_from(attributes, at)
        if length < _ATTRIBUTE.size or at + length > len(attributes):
            break
        yield kind & TYPE_MASK, attributes[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    _zero(attributes[at:])


def _zero(secret: memoryview) -> None:
    secret[:] = bytes(len(secret))
