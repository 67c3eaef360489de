# SPDX-License-Identifier: Apache-2.0
"""LLDP frames: who is at the other end of a cable. Pure.

Source: IEEE 802.1AB-2016 §8 (the TLVs), its annex D for IEEE 802.1 and 802.3-2018 §79 for IEEE 802.3; ANSI/TIA-1057 for
LLDP-MED. Numbers are big-endian.

The three mandatory TLVs must be right, or the frame says nothing. Of the others each one that cannot be understood is
counted and left out: switches write much that no standard knows.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata

ETHERTYPE: Final = 0x88CC
HEADER: Final = 14
LONGEST_TEXT: Final = 255
MOST_ITEMS: Final = 256
"""Entries of one list (VLAN names, addresses) that are kept."""

CHASSIS_TYPES: Final = (
    "Reserved",
    "Chassis Component",
    "Interface Alias",
    "Port Component",
    "MAC Address",
    "Network Address",
    "Interface Name",
    "Local",
)
PORT_TYPES: Final = (
    "Reserved",
    "Interface Alias",
    "Port Component",
    "MAC Address",
    "Network Address",
    "Interface Name",
    "Agent Circuit ID",
    "Local",
)
MAC_TYPE, ADDRESS_TYPE = "MAC Address", "Network Address"

CAPABILITIES: Final = (
    "Other",
    "Repeater",
    "Bridge",
    "WLAN",
    "Router",
    "Telephone",
    "DOCSIS",
    "Station",
    "C-VLAN",
    "S-VLAN",
    "Two-Port MAC Relay",
)

END, CHASSIS, PORT, TTL = 0, 1, 2, 3
PORT_DESCRIPTION, SYSTEM_NAME, SYSTEM_DESCRIPTION, SYSTEM_CAPABILITIES, MANAGEMENT_ADDRESS = 4, 5, 6, 7, 8
ORGANISATION: Final = 127
IEEE_8021, IEEE_8023, MED = b"\x00\x80\xc2", b"\x00\x12\x0f", b"\x00\x12\xbb"


@dataclass(slots=True)
class Advertisement:
    """What one frame says: of the sender under `chassis`, of its port under `port`, both ready to be shown."""

    chassis_id: str
    chassis_type: str
    port_id: str
    port_type: str
    ttl: int
    """Seconds for which it holds; 0 = the sender is going."""
    chassis: Metadata = field(default_factory=dict)
    port: Metadata = field(default_factory=dict)
    mtu: int = 0
    """Longest frame of the port in bytes, 0 = not told."""
    unreadable: int = 0
    """TLVs that were left out."""
    protocol: str = "LLDP"
    """Also the key under which the facts are shown."""


def read_frame(frame: bytes) -> Advertisement:
    """Return what an Ethernet frame says; WireError when it is no LLDP or lacks a mandatory TLV."""
    if len(frame) < HEADER or int.from_bytes(frame[12:14], "big") != ETHERTYPE:
        raise WireError("no LLDP frame")
    tlvs = _tlvs(frame[HEADER:])
    chassis, port, ttl = (_mandatory(tlvs, kind) for kind in (CHASSIS, PORT, TTL))
    if len(ttl) < 2:
        raise WireError("LLDP: the time to live has less than 2 bytes")
    chassis_type, chassis_id = _identified(chassis, CHASSIS_TYPES)
    port_type, port_id = _identified(port, PORT_TYPES)
    said = Advertisement(chassis_id, chassis_type, port_id, port_type, int.from_bytes(ttl[:2], "big"))
    said.chassis = {"ChassisID": chassis_id, "ChassisIDType": chassis_type}
    said.port = {"PortID": port_id, "PortIDType": port_type}
    for kind, value in tlvs:
        if kind == END:
            break
        _take(said, kind, value)
    return said


def _tlvs(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of each TLV; the last may be cut."""
    at = 0
    while at + 2 <= len(data):
        head = int.from_bytes(data[at : at + 2], "big")
        length = head & 0x1FF
        yield head >> 9, data[at + 2 : at + 2 + length]
        at += 2 + length


def _mandatory(tlvs: Iterator[tuple[int, bytes]], wanted: int) -> bytes:
    kind, value = next(tlvs, (END, b""))
    if kind != wanted:
        raise WireError(f"LLDP: TLV {wanted} is missing")
    return value


def _identified(value: bytes, types: tuple[str, ...]) -> tuple[str, str]:
    """Return the name of the subtype and the id of a chassis or port."""
    if len(value) < 2:
        raise WireError("LLDP: an id is empty")
    kind = types[value[0]] if value[0] < len(types) else str(value[0])
    data = value[1:]
    if kind == MAC_TYPE and len(data) == 6:
        return kind, data.hex(":")
    if kind == ADDRESS_TYPE and (address := _address(data)):
        return kind, address
    found = text(data)
    if not found:
        raise WireError("LLDP: an id is empty")
    return kind, found


def text(data: bytes) -> str:
    """Return a text as people may see it: what is no printable character becomes U+FFFD."""
    found = data.rstrip(b"\0").decode("utf-8", errors="replace")[:LONGEST_TEXT]
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in found)


def _address(data: bytes) -> str:
    """Return an address that follows its family (IANA's numbers: 1 IPv4, 2 IPv6, 6 a MAC), "" for others."""
    family, rest = data[0] if data else 0, data[1:]
    if (family, len(rest)) in ((1, 4), (2, 16)):
        return str(ipaddress.ip_address(rest))
    return rest.hex(":") if (family, len(rest)) == (6, 6) else ""


def _take(said: Advertisement, kind: int, value: bytes) -> None:
    try:
        if kind == ORGANISATION:
            _take_organisation(said, value)
        elif kind in _READERS:
            _READERS[kind](said, value)
    except (IndexError, ValueError):
        said.unreadable += 1


def _take_organisation(said: Advertisement, value: bytes) -> None:
    """Read a TLV of another body; those of unknown ones are no mistake."""
    reader = _ORGANISATIONS.get((value[:3], value[3]))
    if reader is not None:
        reader(said, value[4:])


def number_at(data: bytes, at: int, size: int) -> int:
    """Return an unsigned number; IndexError when it is not all there."""
    if at + size > len(data):
        raise IndexError(at)
    return int.from_bytes(data[at : at + size], "big")


def _append(where: Metadata, key: str, item: Json) -> None:
    items = where.setdefault(key, [])
    if isinstance(items, list) and len(items) < MOST_ITEMS and item not in items:
        items.append(item)


def _port_description(said: Advertisement, data: bytes) -> None:
    said.port["Description"] = text(data)


def _system_name(said: Advertisement, data: bytes) -> None:
    said.chassis["SysName"] = text(data)


def _system_description(said: Advertisement, data: bytes) -> None:
    said.chassis["Description"] = text(data)


def _capabilities(said: Advertisement, data: bytes) -> None:
    able, enabled = number_at(data, 0, 2), number_at(data, 2, 2)
    said.chassis["Capabilities"] = _capability_names(able)
    said.chassis["EnabledCapabilities"] = _capability_names(enabled)


def _capability_names(bits: int) -> list[Json]:
    return [name for bit, name in enumerate(CAPABILITIES) if bits & 1 << bit]


def _management_address(said: Advertisement, data: bytes) -> None:
    address = _address(data[1 : 1 + data[0]])
    if address:
        said.chassis.setdefault("MgmtAddress", address)
        _append(said.chassis, "MgmtAddresses", address)


def _port_vlan(said: Advertisement, data: bytes) -> None:
    said.port["PVID"] = number_at(data, 0, 2)


def _protocol_vlan(said: Advertisement, data: bytes) -> None:
    flags = number_at(data, 0, 1)
    found: Metadata = {"ID": number_at(data, 1, 2), "Supported": bool(flags & 2), "Enabled": bool(flags & 4)}
    _append(said.port, "PPVIDs", found)


def _vlan_name(said: Advertisement, data: bytes) -> None:
    length = number_at(data, 2, 1)
    _append(said.port, "VLANNames", {"ID": number_at(data, 0, 2), "Name": text(data[3 : 3 + length])})


def _vid_digest(said: Advertisement, data: bytes) -> None:
    said.port["VIDUsageDigest"] = number_at(data, 0, 4)


def _management_vlan(said: Advertisement, data: bytes) -> None:
    said.port["ManagementVID"] = number_at(data, 0, 2)


def _aggregation(said: Advertisement, data: bytes) -> None:
    flags = number_at(data, 0, 1)
    found: Metadata = {"Supported": bool(flags & 1), "Enabled": bool(flags & 2), "PortID": number_at(data, 1, 4)}
    said.port["LinkAggregation"] = found


def _mac_phy(said: Advertisement, data: bytes) -> None:
    flags = number_at(data, 0, 1)
    found: Metadata = {
        "AutoNegotiationSupported": bool(flags & 1),
        "AutoNegotiationEnabled": bool(flags & 2),
        "OperationalMAUType": number_at(data, 3, 2),
    }
    said.port["MACPHY"] = found


def _power(said: Advertisement, data: bytes) -> None:
    flags = number_at(data, 0, 1)
    found: Metadata = {"PSE": bool(flags & 1), "Supported": bool(flags & 2), "Enabled": bool(flags & 4)}
    found["Class"] = max(0, number_at(data, 2, 1) - 1)
    said.port["Power"] = found


def _frame_size(said: Advertisement, data: bytes) -> None:
    said.mtu = number_at(data, 0, 2)


def _network_policy(said: Advertisement, data: bytes) -> None:
    bits = number_at(data, 1, 3)
    policy: Metadata = {
        "Application": number_at(data, 0, 1),
        "Unknown": bool(bits >> 23 & 1),
        "Tagged": bool(bits >> 22 & 1),
        "VLAN": bits >> 9 & 0xFFF,
        "Priority": bits >> 6 & 7,
        "DSCP": bits & 0x3F,
    }
    _append(said.port, "NetworkPolicies", policy)


def _inventory(key: str) -> "_Reader":
    def read(said: Advertisement, data: bytes) -> None:
        inventory = said.chassis.setdefault("Inventory", {})
        if isinstance(inventory, dict):
            inventory[key] = text(data)

    return read


_Reader = Callable[[Advertisement, bytes], None]

_READERS: Final[Mapping[int, _Reader]] = {
    PORT_DESCRIPTION: _port_description,
    SYSTEM_NAME: _system_name,
    SYSTEM_DESCRIPTION: _system_description,
    SYSTEM_CAPABILITIES: _capabilities,
    MANAGEMENT_ADDRESS: _management_address,
}

_ORGANISATIONS: Final[Mapping[tuple[bytes, int], _Reader]] = {
    (IEEE_8021, 1): _port_vlan,
    (IEEE_8021, 2): _protocol_vlan,
    (IEEE_8021, 3): _vlan_name,
    (IEEE_8021, 5): _vid_digest,
    (IEEE_8021, 6): _management_vlan,
    (IEEE_8021, 7): _aggregation,
    (IEEE_8023, 1): _mac_phy,
    (IEEE_8023, 2): _power,
    (IEEE_8023, 3): _aggregation,
    (IEEE_8023, 4): _frame_size,
    (MED, 2): _network_policy,
    (MED, 5): _inventory("HardwareRevision"),
    (MED, 6): _inventory("FirmwareRevision"),
    (MED, 7): _inventory("SoftwareRevision"),
    (MED, 8): _inventory("SerialNumber"),
    (MED, 9): _inventory("Manufacturer"),
    (MED, 10): _inventory("Model"),
    (MED, 11): _inventory("AssetID"),
}
