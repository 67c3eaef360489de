# SPDX-License-Identifier: Apache-2.0
"""Driver, bus and speed of devices that no software made, by ethtool's ioctls.

Source: SIOCETHTOOL with ETHTOOL_GDRVINFO and ETHTOOL_GSET (linux/ethtool.h). They take the kernel's RTNL lock and some
drivers are slow, so they are called in the thread that enters namespaces, never on the event loop.
"""

import fcntl
import socket
import struct
from array import array
from typing import Final

from netsonde.probes.netlink.translate import Driver

SIOCETHTOOL: Final = 0x8946
ETHTOOL_GSET: Final = 0x1
ETHTOOL_GDRVINFO: Final = 0x3
SPEED_UNKNOWN: Final = 0xFFFFFFFF

_COMMAND = struct.Struct("=I192x")


def read_driver(name: str) -> Driver:
    """Return what the driver of an interface in the calling thread's namespace says; empty when it says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        info = _ask(sock, name, ETHTOOL_GDRVINFO)
        settings = _ask(sock, name, ETHTOOL_GSET)
    return Driver(driver=_text(info[4:36]), bus=_text(info[100:132]), speed=_speed(settings))


def _ask(sock: socket.socket, name: str, command: int) -> bytes:
    """Return the filled structure, b"" when the driver does not know the command or the interface is gone."""
    answer = array("B", _COMMAND.pack(command))
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
