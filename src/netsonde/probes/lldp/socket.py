# SPDX-License-Identifier: Apache-2.0
"""A socket that gets the LLDP and CDP frames of one interface: made inside its namespace, used from outside.

It is bound to the interface for all protocols, with a filter: a socket for the ethertype alone stands behind the bridge
or switch that the interface may belong to, and Open vSwitch's kernel datapath lets nothing through to there.

Source: packet(7), socket(7) for SO_ATTACH_FILTER, linux/filter.h. Needs: CAP_NET_RAW.
"""

import ctypes
import socket
import struct
from typing import Final

from netsonde.probes.lldp.cdp import GROUP as CDP_GROUP
from netsonde.probes.lldp.cdp import LONGEST_LENGTH, SNAP
from netsonde.probes.lldp.frame import ETHERTYPE

ETH_P_ALL: Final = 0x0003
SOL_PACKET: Final = 263
PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_MR_MULTICAST: Final = 0
PACKET_STATISTICS: Final = 6
PACKET_IGNORE_OUTGOING: Final = 23
PACKET_OUTGOING: Final = 4
SO_ATTACH_FILTER: Final = 26

GROUPS: Final = tuple(bytes.fromhex(f"0180c20000{last}") for last in ("0e", "03", "00"))
"""Nearest bridge, nearest non-TPMR bridge, nearest customer bridge (802.1AB-2016 table 7-1)."""
LONGEST: Final = 9216
RECEIVE_BUFFER: Final = 64 * 1024

_FILTER: Final = (
    (0x28, 0, 0, 12),  # ldh [12]
    (0x15, 5, 0, ETHERTYPE),  # jeq ETHERTYPE, accept
    (0x25, 5, 0, LONGEST_LENGTH),  # jgt LONGEST_LENGTH, refuse: no IEEE 802.3 frame
    (0x20, 0, 0, 14),  # ld [14]
    (0x15, 0, 3, int.from_bytes(SNAP[:4], "big")),  # jeq LLC and SNAP, else refuse
    (0x20, 0, 0, 18),  # ld [18]
    (0x15, 0, 1, int.from_bytes(SNAP[4:], "big")),  # jeq CDP, else refuse
    (0x06, 0, 0, LONGEST),  # ret LONGEST
    (0x06, 0, 0, 0),  # ret 0
)


def open_socket(ifindex: int) -> socket.socket:
    """Return a socket for an interface of the calling thread's namespace; OSError when that is gone."""
    name = socket.if_indextoname(ifindex)
    # Without a protocol it gets nothing until filter and interface are set.
    found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        _attach_filter(found)
        found.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        for group in (*GROUPS, CDP_GROUP):
            request = struct.pack("=iHH8s", ifindex, PACKET_MR_MULTICAST, len(group), group)
            found.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)
        found.bind((name, ETH_P_ALL))
    except OSError:
        found.close()
        raise
    return found


def lost_frames(found: socket.socket) -> int:
    """Return how many frames found no room in the socket's buffer since the last time."""
    _, dropped = struct.unpack("=II", found.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    return int(dropped)


def _attach_filter(found: socket.socket) -> None:
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in _FILTER)
    buffer = ctypes.create_string_buffer(program)
    found.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(_FILTER), ctypes.addressof(buffer)))
