# SPDX-License-Identifier: Apache-2.0
"""Which network device an OVSDB interface is. Pure, but for reading the graph.

A name is unique within a namespace, so a device of that name in the agent's own namespace is the one. An internal port
can be moved to another namespace; there its only bonds to its row are name, driver and MAC (`attached-mac`). A
container's `eth0` is never taken for an interface of the same name that OVS has.
"""

from collections.abc import Collection
from typing import Protocol

from netsonde.model.elements import Json, Node
from netsonde.probes.identity import Identity
from netsonde.probes.ovsdb.monitor import Row
from netsonde.probes.ovsdb.rows import has_netdev, mapping, text

INTERNAL_DRIVERS = ("tun", "openvswitch")
"""What makes internal ports: the userspace datapath, the kernel's."""


class NodesByName(Protocol):
    def nodes_with(self, path: str, value: Json) -> Collection[Node]: ...


def find_device(graph: NodesByName, identity: Identity, row: Row) -> str | None:
    """Return the node of the row's network device, None when there is none (yet)."""
    if not has_netdev(row):
        return None
    internal = text(row, "type") == "internal"
    devices = [node for node in graph.nodes_with("Name", text(row, "name")) if _ifindex(node)]
    if internal:
        devices = [node for node in devices if node.metadata.get("Driver") in INTERNAL_DRIVERS]
    for node in devices:
        if _is_own(identity, node):
            return node.id
    return _moved(devices, mapping(row, "external_ids").get("attached-mac", "").lower()) if internal else None


def own_device(graph: NodesByName, identity: Identity, name: str) -> str | None:
    """Return the node of the device of a name in the agent's own namespace, None when there is none."""
    devices = graph.nodes_with("Name", name) if name else ()
    return next((node.id for node in devices if _is_own(identity, node)), None)


def _is_own(identity: Identity, node: Node) -> bool:
    return node.id == identity.interface(None, _ifindex(node))


def _moved(devices: list[Node], mac: str) -> str | None:
    """Return the one device in another namespace that can be meant: by MAC where OVSDB has one, else the only one."""
    if mac:
        devices = [node for node in devices if node.metadata.get("MAC") == mac]
    return devices[0].id if len(devices) == 1 else None


def _ifindex(node: Node) -> int:
    """Return the ifindex of a node that the kernel knows, 0 for others."""
    value = node.metadata.get("IfIndex")
    return value if isinstance(value, int) and value > 0 else 0
