# SPDX-License-Identifier: Apache-2.0
"""Which VLANs a bridge lets through at which of its ports, from its own link messages (AF_BRIDGE). Pure.

Source: IFLA_AF_SPEC with IFLA_BRIDGE_VLAN_INFO, struct bridge_vlan_info of linux/if_bridge.h; ranges as two ends.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from netsonde.model.elements import Json, Metadata
from netsonde.probes.netlink.links import IFINFOMSG, link_index
from netsonde.probes.netlink_wire import Message, attributes, repeated

IFLA_AF_SPEC: Final = 26
IFLA_BRIDGE_VLAN_INFO: Final = 2
PVID: Final = 0x2
UNTAGGED: Final = 0x4
RANGE_BEGIN: Final = 0x8
RANGE_END: Final = 0x10

_WANTED = frozenset({IFLA_AF_SPEC})
_INFO = struct.Struct("=HH")


class Vlans(NamedTuple):
    """VLANs from `first` to `last` that a port treats alike."""

    first: int
    last: int
    pvid: bool
    """Packets that come in without a tag get it."""
    untagged: bool
    """Packets go out without a tag."""


def decode_port(message: Message) -> tuple[int, tuple[Vlans, ...]]:
    """Return the ifindex of a port, or of a bridge itself, and its VLANs in ascending order."""
    ifindex = link_index(message)
    found = attributes(message.data, message.start + IFINFOMSG.size, message.end, _WANTED)
    infos = (value for kind, value in repeated(found.get(IFLA_AF_SPEC, b"")) if kind == IFLA_BRIDGE_VLAN_INFO)
    return ifindex, tuple(sorted(_vlans(infos)))


def _vlans(infos: Iterable[bytes]) -> Iterator[Vlans]:
    first = 0
    for info in infos:
        if len(info) < _INFO.size:
            continue
        flags, vlan = _INFO.unpack_from(info)
        if flags & RANGE_BEGIN:
            first = vlan
            continue
        begin = first if flags & RANGE_END and 0 < first <= vlan else vlan
        yield Vlans(begin, vlan, bool(flags & PVID), bool(flags & UNTAGGED))
        first = 0


def vlan_metadata(vlans: Iterable[Vlans]) -> Metadata:
    """Return the VLANs as a switch would list them: `{"PVID": 1, "Untagged": ["1"], "Tagged": ["10-20"]}`."""
    shown: Metadata = {}
    untagged: list[Json] = []
    tagged: list[Json] = []
    for each in vlans:
        text = str(each.first) if each.first == each.last else f"{each.first}-{each.last}"
        (untagged if each.untagged else tagged).append(text)
        if each.pvid:
            shown["PVID"] = each.first
    for key, texts in (("Untagged", untagged), ("Tagged", tagged)):
        if texts:
            shown[key] = texts
    return {"BridgeVLANs": shown} if shown else {}


class PortVlans:
    """The VLANs of every port of a namespace, made equal to a dump."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Vlans, ...]] = {}
        self._confirmed: set[int] | None = None

    def of(self, ifindex: int) -> tuple[Vlans, ...]:
        return self._known.get(ifindex, ())

    def put(self, ifindex: int, vlans: tuple[Vlans, ...]) -> bool:
        """Keep what a port has now, () = none; return whether it differs."""
        if self._confirmed is not None:
            self._confirmed.add(ifindex)
        before = self.of(ifindex)
        if vlans:
            self._known[ifindex] = vlans
        else:
            self._known.pop(ifindex, None)
        return before != vlans

    def begin(self) -> None:
        """A dump begins."""
        self._confirmed = set()

    def finish(self) -> set[int]:
        """The dump ended: forget the ports that it did not tell of, and return them."""
        confirmed, self._confirmed = self._confirmed or set(), None
        stale = self._known.keys() - confirmed
        for ifindex in stale:
            del self._known[ifindex]
        return stale
