# SPDX-License-Identifier: Apache-2.0
"""WireGuard's interfaces in one namespace, asked of the kernel.

Source: WG_CMD_GET_DEVICE of linux/wireguard.h over generic netlink, linux/genetlink.h. Needs CAP_NET_ADMIN in the
namespace. Blocks for as long as the kernel lists, so it is called in a thread.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from typing import Final

from netsonde.errors import SourceLost
from netsonde.probes import netlink_wire as wire
from netsonde.probes.wireguard.messages import GENERIC, WGDEVICE_A_IFINDEX, Device, decode, merged
from netsonde.probes.wireguard.secrets import blank_secrets

NETLINK_GENERIC: Final = 16
GENL_ID_CTRL: Final = 0x10
CTRL_CMD_GETFAMILY: Final = 3
CTRL_ATTR_FAMILY_ID: Final = 1
CTRL_ATTR_FAMILY_NAME: Final = 2
WG_GENL_NAME: Final = b"wireguard\0"
WG_CMD_GET_DEVICE: Final = 0

LONGEST: Final = 64 * 1024
"""Bytes of one datagram; the kernel's are 32 KiB at most."""
PATIENCE: Final = 5.0
"""Seconds for the kernel's next answer."""


def open_socket() -> socket.socket:
    """Return a socket to ask with, for the namespace of the calling thread."""
    found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC)
    found.settimeout(PATIENCE)
    return found


def read_devices(source: socket.socket, ifindexes: list[int]) -> dict[int, Device]:
    """Return these interfaces of the namespace that `source` was made in, but those that are gone.

    SourceLost when the kernel refuses.
    """
    try:
        family = _family(source)
        found = [_read(source, family, ifindex) for ifindex in ifindexes] if family else []
    except OSError as refused:
        raise SourceLost(f"the kernel does not tell WireGuard's peers: {refused}") from refused
    return {device.ifindex: device for device in found if device is not None}


def _family(source: socket.socket) -> int:
    """Return the number by which this kernel knows WireGuard, 0 when it does not."""
    body = GENERIC.pack(CTRL_CMD_GETFAMILY, 1) + wire.attribute(CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME)
    source.send(wire.request(GENL_ID_CTRL, 0, 1, body))
    for message in _answers(source):
        if message.type == wire.NLMSG_ERROR:
            return 0
        at = message.start + GENERIC.size
        found = wire.attributes(message.data, at, message.end, frozenset({CTRL_ATTR_FAMILY_ID}))
        return wire.number(found.get(CTRL_ATTR_FAMILY_ID, b""))
    return 0


def _read(source: socket.socket, family: int, ifindex: int) -> Device | None:
    attribute = wire.attribute(WGDEVICE_A_IFINDEX, struct.pack("=I", ifindex))
    source.send(wire.request(family, wire.NLM_F_DUMP, ifindex, GENERIC.pack(WG_CMD_GET_DEVICE, 1) + attribute))
    found: Device | None = None
    for message in _answers(source):
        if message.type == wire.NLMSG_DONE:
            return found
        if message.type == wire.NLMSG_ERROR:
            number = wire.error_number(message)
            if number in (errno.ENODEV, errno.EOPNOTSUPP):
                return None
            raise OSError(number, errno.errorcode.get(number, "unknown error"))
        found = merged(found, decode(message))
    return found


def _answers(source: socket.socket) -> Iterator[wire.Message]:
    buffer = bytearray(LONGEST)
    while True:
        length, _, _, (sender, _) = source.recvmsg_into([buffer])
        view = memoryview(buffer)[:length]
        blank_secrets(view)
        if sender == 0:  # only the kernel has port id 0; other processes may send to us too
            yield from wire.messages(bytes(view))
