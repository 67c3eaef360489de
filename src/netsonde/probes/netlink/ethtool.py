# SPDX-License-Identifier: Apache-2.0
"""Driver, bus, speed, offloads, rings and channels of a device, by ethtool's ioctls.

Source: SIOCETHTOOL with ETHTOOL_GDRVINFO, GSET, GFEATURES, GRINGPARAM, GCHANNELS (linux/ethtool.h). They take the
kernel's RTNL lock and some drivers are slow, so they are called in the thread that enters namespaces, never on the
event loop.
"""

import fcntl
import socket
import struct
from array import array
from functools import lru_cache
from typing import Final

from netsonde.model.elements import Metadata
from netsonde.probes.netlink.translate import Driver

SIOCETHTOOL: Final = 0x8946
ETHTOOL_GSET: Final = 0x1
ETHTOOL_GDRVINFO: Final = 0x3
ETHTOOL_GRINGPARAM: Final = 0x10
ETHTOOL_GSTRINGS: Final = 0x1B
ETHTOOL_GSSET_INFO: Final = 0x37
ETHTOOL_GFEATURES: Final = 0x3A
ETHTOOL_GCHANNELS: Final = 0x3C
ETH_SS_FEATURES: Final = 4
SPEED_UNKNOWN: Final = 0xFFFFFFFF
MOST_FEATURES: Final = 1024
"""Names of offloads that are read; this year's kernels have 64."""
DUPLEX: Final = {0: "half", 1: "full"}

_COMMAND = struct.Struct("=I192x")
_SETS = struct.Struct("=IIQI")
_NUMBERS = struct.Struct("=I8I")
_NAME = 32


def read_driver(name: str) -> Driver:
    """Return what the driver of an interface in the calling thread's namespace says; empty when it says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        info = _ask(sock, name, _COMMAND.pack(ETHTOOL_GDRVINFO))
        settings = _ask(sock, name, _COMMAND.pack(ETHTOOL_GSET))
        return Driver(
            driver=_text(info[4:36]),
            bus=_text(info[100:132]),
            firmware=_text(info[68:100]).strip(),
            speed=_speed(settings),
            duplex=DUPLEX.get(settings[14], "") if len(settings) > 14 else "",
            features=_features(sock, name),
            rings=_pending(_ask(sock, name, _NUMBERS.pack(ETHTOOL_GRINGPARAM, *bytes(8))), {"RX": 5, "TX": 8}),
            channels=_pending(
                _ask(sock, name, _NUMBERS.pack(ETHTOOL_GCHANNELS, *bytes(8))), {"RX": 5, "TX": 6, "Combined": 8}
            ),
        )


def _features(sock: socket.socket, name: str) -> Metadata:
    """Return whether each offload that the kernel has a name for is active."""
    sizes = _ask(sock, name, _SETS.pack(ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_FEATURES, 0))
    count = _SETS.unpack(sizes)[3] if sizes else 0
    if not 0 < count <= MOST_FEATURES:
        return {}
    names = _ask(sock, name, struct.pack("=III", ETHTOOL_GSTRINGS, ETH_SS_FEATURES, count) + bytes(_NAME * count))
    words = (count + 31) // 32
    blocks = _ask(sock, name, struct.pack("=II", ETHTOOL_GFEATURES, words) + bytes(16 * words))
    active = b"".join(blocks[at + 8 : at + 12] for at in range(8, len(blocks), 16))
    return features(names[12:], active)


@lru_cache(maxsize=256)
def features(names: bytes, active: bytes) -> Metadata:
    """Return offloads by name from ETHTOOL_GSTRINGS' names and words of active bits; devices alike share the answer."""
    found: Metadata = {}
    for at in range(min(len(names) // _NAME, len(active) * 8)):
        name = _text(names[at * _NAME : (at + 1) * _NAME])
        if name:
            (word,) = struct.unpack_from("=I", active, at // 32 * 4)
            found[name] = bool(word >> at % 32 & 1)
    return found


def _pending(answer: bytes, wanted: dict[str, int]) -> Metadata:
    """Return the numbers at these places of a structure that are not 0."""
    numbers = _NUMBERS.unpack(answer) if len(answer) == _NUMBERS.size else (0,) * 9
    return {key: numbers[place] for key, place in wanted.items() if numbers[place]}


def _ask(sock: socket.socket, name: str, command: bytes) -> bytes:
    """Return the filled structure, b"" when the driver does not know the command or the interface is gone."""
    answer = array("B", command)
    request = struct.pack("16sP16x", name.encode()[:15], answer.buffer_info()[0])
    try:
        fcntl.ioctl(sock, SIOCETHTOOL, request)
    except OSError:
        return b""
    return answer.tobytes()


def _speed(settings: bytes) -> int:
    """Return Mb/s: ethtool_cmd keeps the low half at offset 12 and the high half at 28."""
    if len(settings) < 30:
        return 0
    (low,) = struct.unpack_from("=H", settings, 12)
    (high,) = struct.unpack_from("=H", settings, 28)
    speed = (high << 16) | low
    return 0 if speed in (0xFFFF, SPEED_UNKNOWN) else speed


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("ascii", "replace")
