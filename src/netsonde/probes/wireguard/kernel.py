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
from netsonde.probes.generic_netlink import GENERIC, LONGEST, read_family
from netsonde.probes.wireguard.messages import WGDEVICE_A_IFINDEX, Device, decode, merged
from netsonde.probes.wireguard.secrets import blank_secrets

WG_GENL_NAME: Final = "wireguard"
WG_CMD_GET_DEVICE: Final = 0
ATTEMPTS: Final = 3
"""Lists of peers that change meanwhile: when the one is removed that comes next, the kernel leaves out all others."""


def read_devices(source: socket.socket, ifindexes: list[int]) -> dict[int, Device]:
    """Return these interfaces of the namespace that `source` was made in, but those that are gone.

    SourceLost when the kernel refuses.
    """
    try:
        family = read_family(source, WG_GENL_NAME, _answers)
        found = [_read(source, family, ifindex) for ifindex in ifindexes] if family else []
    except OSError as refused:
        raise SourceLost(f"the kernel does not tell WireGuard's peers: {refused}") from refused
    return {device.ifindex: device for device in found if device is not None}


def _read(source: socket.socket, family: int, ifindex: int) -> Device | None:
    """Return an interface, None when it is gone."""
    for _ in range(ATTEMPTS):
        found, whole = _dumped(source, family, ifindex)
        if whole:
            return found
    raise OSError(errno.EINTR, "they change all the while")


def _dumped(source: socket.socket, family: int, ifindex: int) -> tuple[Device | None, bool]:
    """Return what one dump tells, and whether nothing changed meanwhile."""
    attribute = wire.attribute(WGDEVICE_A_IFINDEX, struct.pack("=I", ifindex))
    source.send(wire.request(family, wire.NLM_F_DUMP, ifindex, GENERIC.pack(WG_CMD_GET_DEVICE, 1) + attribute))
    found: Device | None = None
    whole = True
    for message in _answers(source):
        whole = whole and not message.flags & wire.NLM_F_DUMP_INTR
        if message.type == wire.NLMSG_DONE and not wire.error_number(message):
            break
        if message.type in (wire.NLMSG_DONE, wire.NLMSG_ERROR):
            number = wire.error_number(message)
            if number in (errno.ENODEV, errno.EOPNOTSUPP):
                return None, True
            raise OSError(number, errno.errorcode.get(number, "unknown error"))
        found = merged(found, decode(message))
    return found, whole


def _answers(source: socket.socket) -> Iterator[wire.Message]:
    buffer = bytearray(LONGEST)
    while True:
        length, _, _, (sender, _) = source.recvmsg_into([buffer])
        view = memoryview(buffer)[:length]
        blank_secrets(view)
        if sender == 0:  # only the kernel has port id 0; other processes may send to us too
            yield from wire.messages(bytes(view))
