# SPDX-License-Identifier: Apache-2.0
"""SR-IOV: what a physical function says of its virtual ones, and of which one a device is a virtual function.

Source: IFLA_VFINFO_LIST of linux/if_link.h, which the kernel tells who asks for it (RTEXT_FILTER_VF), never in events;
the links `physfn` and `virtfnN` of sysfs (Documentation/ABI/testing/sysfs-bus-pci).
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from netsonde.model.elements import Metadata
from netsonde.probes.netlink.kinds import mac_text
from netsonde.probes.netlink_wire import number, repeated

IFLA_VF_INFO: Final = 1
IFLA_VF_MAC: Final = 1
IFLA_VF_VLAN: Final = 2
IFLA_VF_TX_RATE: Final = 3
IFLA_VF_SPOOFCHK: Final = 4
IFLA_VF_LINK_STATE: Final = 5
IFLA_VF_TRUST: Final = 9
NOT_SET: Final = 0xFFFFFFFF
"""Of a setting that the driver does not know."""
DEVICES: Final = Path("/sys/bus/pci/devices")
"""The same in every network namespace."""
_VIRTUAL: Final = "virtfn"

_NUMBERS = struct.Struct("=II")
_VLAN = struct.Struct("=III")


def decode_functions(data: bytes, mac_length: int) -> Iterator[Metadata]:
    """Yield the entries of `Vfs` from IFLA_VFINFO_LIST; `mac_length`: bytes of an address of this device."""
    for kind, value in repeated(data):
        if kind == IFLA_VF_INFO and (shown := _function(dict(repeated(value)), mac_length)):
            yield shown


def _function(found: dict[int, bytes], mac_length: int) -> Metadata:
    """Return what is told of one function; {} when it does not say which it is."""
    mac = found.get(IFLA_VF_MAC, b"")
    if len(mac) < 4 + mac_length:
        return {}
    shown: Metadata = {"ID": number(mac[:4]), "MAC": mac_text(mac[4 : 4 + mac_length])}
    vlan = found.get(IFLA_VF_VLAN, b"")
    if len(vlan) >= _VLAN.size:
        _, shown["Vlan"], shown["Qos"] = _VLAN.unpack_from(vlan)
    for attribute, key in ((IFLA_VF_TX_RATE, "TxRate"), (IFLA_VF_LINK_STATE, "LinkState")):
        if (value := _setting(found.get(attribute, b""))) is not None:
            shown[key] = value
    for attribute, key in ((IFLA_VF_SPOOFCHK, "Spoofchk"), (IFLA_VF_TRUST, "Trust")):
        if (value := _setting(found.get(attribute, b""))) is not None:
            shown[key] = bool(value)
    return shown


def _setting(value: bytes) -> int | None:
    found: int = _NUMBERS.unpack_from(value)[1] if len(value) >= _NUMBERS.size else NOT_SET
    return None if found == NOT_SET else found


def physical_function(bus: str, devices: Path = DEVICES) -> tuple[str, int] | None:
    """Return the hardware whose virtual function a device is, and which; None for a device that is none."""
    physical = _target(devices / bus / "physfn") if bus else ""
    if not physical:
        return None
    try:
        names = sorted(os.listdir(devices / physical))
    except OSError:
        return None
    for name in names:
        number = name.removeprefix(_VIRTUAL)
        if name.startswith(_VIRTUAL) and number.isdecimal() and _target(devices / physical / name) == bus:
            return physical, int(number)
    return None


def _target(link: Path) -> str:
    try:
        return os.path.basename(os.readlink(link))
    except OSError:
        return ""
