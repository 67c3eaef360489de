# SPDX-License-Identifier: Apache-2.0
"""By what a node of the graph and an object of a cloud are the same thing, and what is laid upon the node. Pure.

Source: what agents say of a node. An interface is a port by, in this order: `ExtID.iface-id` (Open vSwitch), the first
11 characters of the port's id in its name (Neutron's agents), `ExtID.attached-mac`, the MAC of the guest's card behind
it, its own MAC. Namespaces are named by the network or router that they serve.
"""

import re
from collections.abc import Iterator
from typing import Final

from netsonde.model.elements import Json, Metadata
from netsonde.model.openstack import CloudRecord

KEYS: Final = frozenset({"Name", "Type", "ExtID", "MAC", "PeerIntfMAC", "VM", "Manager"})
"""Keys of nodes whose change may change what is laid upon them."""
_ID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PORT_ID: Final = re.compile(_ID)
_NAMESPACE: Final = re.compile(rf"(qdhcp|ovnmeta|fip|qrouter|snat)-({_ID})")
_ROUTERS: Final = frozenset({"qrouter", "snat"})
_DEVICE: Final = re.compile(r"(tap|qr-|qg-|sg-|ha-|fg-|qvo|qvb|qbr|vhu|brq)([0-9a-f]{8}-[0-9a-f]{2})")
_HYBRID: Final = frozenset({"qvb", "qbr"})
"""What stands between a tap and its port where iptables filter: not the port itself."""
_BY_MAC: Final = re.compile(r"(tap|qr-|qg-|qvo)[0-9a-f-]+|(vnet|macvtap)[0-9]+")
"""Names of interfaces that a port may be told by its MAC alone: any container may choose a MAC."""
_OF_GUESTS: Final = re.compile(r"(tap|vnet|macvtap)")
_SWITCH: Final = frozenset({"ovsport", "ovsbridge", "ovsswitch", "host"})


def port_id_of(metadata: Metadata) -> str:
    """Return the port that a switch says an interface is, "" = none, or none of Neutron's."""
    found = _text(metadata, "ExtID", "iface-id").lower()
    return found if _PORT_ID.fullmatch(found) else ""


def keys_of_record(record: CloudRecord) -> Iterator[str]:
    """Yield what a node may be found by, each unique for itself or not at all."""
    yield f"{record.kind} {record.id}"
    if record.kind == "port":
        yield f"device {record.id[:11]}"
        if record.mac:
            yield f"mac {record.mac}"
            yield f"tail {record.mac[3:]}"
    elif record.kind == "network":
        yield f"bridge {record.id[:11]}"


def keys_of_node(metadata: Metadata) -> Iterator[str]:
    """Yield what an object may be found by, the surest first."""
    name, kind = _text(metadata, "Name"), _text(metadata, "Type")
    if kind == "netns":
        serves = _NAMESPACE.fullmatch(name)
        if serves is not None:
            yield f"{'router' if serves[1] in _ROUTERS else 'network'} {serves[2]}"
        return
    if kind in _SWITCH:
        return
    port_id = port_id_of(metadata)
    if port_id:
        yield f"port {port_id}"
    device = _DEVICE.fullmatch(name)
    if device is not None:
        yield f"{'bridge' if device[1] == 'brq' else 'device'} {device[2]}"
    for mac in (_text(metadata, "ExtID", "attached-mac"), _text(metadata, "PeerIntfMAC")):
        if mac:
            yield f"mac {mac.lower()}"
    mac = _text(metadata, "MAC").lower()
    if mac and _BY_MAC.fullmatch(name):
        yield f"mac {mac}"
        if mac.startswith("fe:"):
            # libvirt gives the host's end of a tap the guest's MAC with this first octet.
            yield f"tail {mac[3:]}"


def laid(record: CloudRecord, base: Metadata) -> Metadata:
    """Return what is laid upon a node of which agents say `base`; what they know themselves stays theirs."""
    name = _text(base, "Name")
    device = _DEVICE.fullmatch(name)
    is_between = device is not None and device[1] in _HYBRID
    found: Metadata = {} if is_between else {"Neutron": record.neutron}
    if "Manager" not in base:
        found["Manager"] = "neutron"
    if record.machine:
        if not _text(base, "VM", "UUID"):
            found["VM"] = {"UUID": record.machine}
        if "ExtID" not in base:
            found["ExtID"] = {"vm-uuid": record.machine, "attached-mac": record.mac}
    if record.machine and _OF_GUESTS.match(name) and "PeerIntfMAC" not in base and _text(base, "MAC") != record.mac:
        found["PeerIntfMAC"] = record.mac
    return found


def _text(metadata: Metadata, *path: str) -> str:
    found: Json = metadata
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""
