# SPDX-License-Identifier: Apache-2.0
"""Where a capture works for a node that matches: at its device, or, if it waits for what others send, beside none."""

import zlib
from collections.abc import Callable, Mapping
from typing import Final

from netsonde.captures.engines._api import Point
from netsonde.captures.engines._registry import KINDS, Place, engine_name
from netsonde.errors import UserError
from netsonde.graph import GraphReader, locate
from netsonde.model.captures import Capture
from netsonde.model.elements import Node

OWNER_KEY: Final = "netsonde-capture"
"""External id of what a capture made in Open vSwitch."""
_NO_DEVICE: Final = 1 << 31
"""No ifindex of the kernel has this bit: it is a positive int."""


def place(graph: GraphReader, node: Node, capture: Capture) -> Point | None:
    """Return where a capture works for a node, None where it cannot (yet)."""
    if not node.host:
        return None
    return _PLACES[_place_of(capture)](graph, node, capture)


def _place_of(capture: Capture) -> Place:
    try:
        return KINDS[engine_name(capture.type)].place
    except UserError:
        return "device"


def _device(graph: GraphReader, node: Node, capture: Capture) -> Point | None:
    location = locate(graph, node)
    return None if location is None else Point(capture.uuid, location.netns, location.ifindex)


def _node(graph: GraphReader, node: Node, capture: Capture) -> Point:
    return Point(capture.uuid, None, _NO_DEVICE | zlib.crc32(node.id.encode()) >> 1)


def _bridge(graph: GraphReader, node: Node, capture: Capture) -> Point | None:
    return _node(graph, node, capture) if node.metadata.get("Type") == "ovsbridge" else None


def _port(graph: GraphReader, node: Node, capture: Capture) -> Point | None:
    """Return a port, but none that a mirror made: a mirror of mirrors would feed itself."""
    if node.metadata.get("Type") != "ovsport":
        return None
    external_ids = node.metadata.get("ExtID")
    is_ours = isinstance(external_ids, dict) and OWNER_KEY in external_ids
    return None if is_ours else _node(graph, node, capture)


_PLACES: Final[Mapping[Place, Callable[[GraphReader, Node, Capture], Point | None]]] = {
    "device": _device,
    "node": _node,
    "ovsbridge": _bridge,
    "ovsport": _port,
}
