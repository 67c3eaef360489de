# SPDX-License-Identifier: Apache-2.0
"""CDP frames, as Cisco's switches and many others send them, beside LLDP or instead. Pure.

Source: Cisco's description of the protocol ("Cisco Discovery Protocol packet format", versions 1 and 2) and Wireshark's
packet-cdp.c. Numbers are big-endian. The checksum is not looked at: its odd-length form differs between makers, and the
frame's own has been checked by the receiver.

Device and port id must be there, or the frame says nothing; a TLV that cannot be understood is counted and left out.
"""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from itertools import islice
from typing import Final

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata
from netsonde.probes.lldp.frame import MOST_ITEMS, Advertisement, number_at, text

GROUP: Final = bytes.fromhex("01000ccccccc")
LONGEST_LENGTH: Final = 1500
"""Up to which the third field of an Ethernet header is a length (IEEE 802.3 §3.2.6)."""
SNAP: Final = bytes.fromhex("aaaa0300000c2000")
"""LLC with SNAP, Cisco's OUI, CDP."""
PROTOCOL: Final = "CDP"
DEVICE, PORT = "CDP Device", "CDP Port"
"""What an id is, beside the types of LLDP's."""

CAPABILITIES: Final = (
    *("Router", "Bridge", "Source Route Bridge", "Switch", "Host", "IGMP", "Repeater", "Telephone"),
    *("Remotely Managed", "CVTA", "Two-Port MAC Relay"),
)
_HEADER: Final = 14
_BODY: Final = _HEADER + len(SNAP)
_IPV4: Final = (1, b"\xcc")
_IPV6: Final = (2, bytes.fromhex("aaaa0300000086dd"))
_LENGTHS: Final = {_IPV4: 4, _IPV6: 16}


def is_cdp(frame: bytes) -> bool:
    """Whether an Ethernet frame is one of CDP's, whatever is in it."""
    return int.from_bytes(frame[12:14], "big") <= LONGEST_LENGTH and frame[_HEADER:_BODY] == SNAP


def read_cdp(frame: bytes) -> Advertisement:
    """Return what a frame says; WireError when it is no CDP or does not name device and port."""
    end = _HEADER + int.from_bytes(frame[12:14], "big")
    if not is_cdp(frame) or len(frame) < _BODY + 4:
        raise WireError("no CDP frame")
    said = Advertisement("", DEVICE, "", PORT, frame[_BODY + 1], protocol=PROTOCOL)
    for kind, value in _tlvs(frame[_BODY + 4 : end]):
        try:
            if kind in _READERS:
                _READERS[kind](said, value)
        except (IndexError, ValueError):
            said.unreadable += 1
    if not said.chassis_id or not said.port_id:
        raise WireError("CDP: the id of device or port is missing")
    return said


def _tlvs(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of each TLV; the last may be cut. Its length counts its head of four bytes too."""
    at = 0
    while at + 4 <= len(data):
        length = max(4, int.from_bytes(data[at + 2 : at + 4], "big"))
        yield int.from_bytes(data[at : at + 2], "big"), data[at + 4 : at + length]
        at += length


def _device(said: Advertisement, data: bytes) -> None:
    said.chassis_id = text(data)
    said.chassis["DeviceID"] = said.chassis_id


def _port(said: Advertisement, data: bytes) -> None:
    said.port_id = text(data)
    said.port["PortID"] = said.port_id


def _text_of(key: str) -> "_Reader":
    def read(said: Advertisement, data: bytes) -> None:
        if found := text(data):
            said.chassis[key] = found

    return read


def _addresses(key: str) -> "_Reader":
    def read(said: Advertisement, data: bytes) -> None:
        found: list[Json] = list(islice(_each_address(data), MOST_ITEMS))
        if found:
            said.chassis[key] = found

    return read


def _each_address(data: bytes) -> Iterator[str]:
    """Yield the IPv4 and IPv6 addresses of a list; IndexError when it is cut."""
    at = 4
    for _ in range(number_at(data, 0, 4)):
        kind, length = number_at(data, at, 1), number_at(data, at + 1, 1)
        protocol = data[at + 2 : at + 2 + length]
        at += 2 + length
        size = number_at(data, at, 2)
        address = data[at + 2 : at + 2 + size]
        at += 2 + size
        if len(address) != size:
            raise IndexError(at)
        if _LENGTHS.get((kind, protocol)) == size:
            yield str(ip_address(address))


def _capabilities(said: Advertisement, data: bytes) -> None:
    bits = number_at(data, 0, 4)
    said.chassis["Capabilities"] = [name for bit, name in enumerate(CAPABILITIES) if bits & 1 << bit]


def _native_vlan(said: Advertisement, data: bytes) -> None:
    said.port["NativeVLAN"] = number_at(data, 0, 2)


def _voice_vlan(said: Advertisement, data: bytes) -> None:
    said.port["VoiceVLAN"] = number_at(data, 1, 2)


def _duplex(said: Advertisement, data: bytes) -> None:
    said.port["Duplex"] = "full" if number_at(data, 0, 1) else "half"


def _mtu(said: Advertisement, data: bytes) -> None:
    said.mtu = number_at(data, 0, 4)


_Reader = Callable[[Advertisement, bytes], None]

_READERS: Final[Mapping[int, _Reader]] = {
    0x01: _device,
    0x02: _addresses("Addresses"),
    0x03: _port,
    0x04: _capabilities,
    0x05: _text_of("SoftwareVersion"),
    0x06: _text_of("Platform"),
    0x09: _text_of("VTPDomain"),
    0x0A: _native_vlan,
    0x0B: _duplex,
    0x0E: _voice_vlan,
    0x11: _mtu,
    0x14: _text_of("SysName"),
    0x16: _addresses("MgmtAddresses"),
}


def system_name(chassis: Metadata) -> str:
    """Return what a device calls itself, as far as LLDP would say the same: without domain and serial number."""
    name = chassis.get("SysName") or chassis.get("DeviceID")
    return name.partition("(")[0].partition(".")[0].lower() if isinstance(name, str) else ""
