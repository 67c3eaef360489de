# SPDX-License-Identifier: Apache-2.0
"""The TCP and UDP sockets of one network namespace, as the kernel lists them.

Source: sock_diag(7), linux/inet_diag.h: SOCK_DIAG_BY_FAMILY for each family and protocol. Sockets that no file stands
for any more or yet (TIME_WAIT, SYN_RECV, orphans) are left out: no process holds them. Needs: nothing; blocks for as
long as the kernel lists, so it is called in a thread.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final, NamedTuple

from netsonde.errors import SourceLost, WireError
from netsonde.probes import netlink_wire as wire

NETLINK_SOCK_DIAG: Final = 4
SOCK_DIAG_BY_FAMILY: Final = 20
TCP_SYN_RECV: Final = 3
TCP_TIME_WAIT: Final = 6
TCP_LISTEN: Final = 10
TCP_NEW_SYN_RECV: Final = 12
HELD_STATES: Final = 0xFFFFFFFF & ~(1 << TCP_SYN_RECV | 1 << TCP_TIME_WAIT | 1 << TCP_NEW_SYN_RECV)

MOST_SOCKETS: Final = 100_000
"""Sockets of one namespace that are read; a listing beyond that is given up."""
PATIENCE: Final = 5.0
"""Seconds for the kernel's next answer."""
LONGEST: Final = 64 * 1024
"""Bytes of one datagram; the kernel's are 32 KiB at most."""

PROTOCOLS: Final = {socket.IPPROTO_TCP: "TCP", socket.IPPROTO_UDP: "UDP"}
_UNSUPPORTED: Final = frozenset({errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP, errno.EAFNOSUPPORT})
_REQUEST = struct.Struct("=BBBxI48x")
_MESSAGE = struct.Struct("=BBxx2s2s16s16sI8x12xII")
_PORT = struct.Struct("!H")


class Socket(NamedTuple):
    """One socket; addresses as text, IPv4 also where the socket is one of IPv6."""

    protocol: str
    state: int
    """TCP_… of net/tcp_states.h; 7 is also every UDP socket without a remote end."""
    local_address: str
    local_port: int
    remote_address: str
    remote_port: int
    ifindex: int
    """Interface that it is bound to, 0 = any."""
    uid: int
    inode: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The sockets of one namespace."""

    sockets: tuple[Socket, ...]
    unread: bool = False
    """Whether there are more than MOST_SOCKETS."""
    unsupported: frozenset[str] = frozenset()
    """Protocols that this kernel does not list."""


def open_socket() -> socket.socket:
    """Return a socket to ask with, for the namespace of the calling thread."""
    found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
    found.settimeout(PATIENCE)
    return found


def read_sockets(source: socket.socket, most: int = MOST_SOCKETS) -> Reading:
    """List the sockets of the namespace that `source` was made in; SourceLost when the kernel does not answer."""
    found: dict[int, Socket] = {}
    unsupported = set()
    for family in (socket.AF_INET, socket.AF_INET6):
        for protocol, name in PROTOCOLS.items():
            try:
                for each in _listed(source, family, protocol):
                    found[each.inode] = each
                    if len(found) >= most:
                        return Reading(tuple(found.values()), unread=True)
            except OSError as refused:
                if refused.errno not in _UNSUPPORTED:
                    raise SourceLost(f"the kernel does not list {name} sockets: {refused}") from refused
                unsupported.add(name)
    return Reading(tuple(found.values()), unsupported=frozenset(unsupported))


def _listed(source: socket.socket, family: int, protocol: int) -> Iterator[Socket]:
    source.send(wire.request(SOCK_DIAG_BY_FAMILY, wire.NLM_F_DUMP, protocol, request_body(family, protocol)))
    while True:
        data, (sender, _) = source.recvfrom(LONGEST)
        if sender != 0:
            continue  # only the kernel has port id 0; other processes may send to us too
        for message in wire.messages(data):
            if message.type == wire.NLMSG_DONE and not wire.error_number(message):
                return
            if message.type in (wire.NLMSG_DONE, wire.NLMSG_ERROR):
                number = wire.error_number(message)
                raise OSError(number, errno.errorcode.get(number, "unknown error"))
            each = decode(message, PROTOCOLS[protocol])
            if each.inode:
                yield each


def request_body(family: int, protocol: int) -> bytes:
    """Return struct inet_diag_req_v2: all sockets of a family and protocol that a file may stand for."""
    return _REQUEST.pack(family, protocol, 0, HELD_STATES)


def decode(message: wire.Message, protocol: str) -> Socket:
    """Return the socket that struct inet_diag_msg describes; WireError when it is cut."""
    if message.end - message.start < _MESSAGE.size:
        raise WireError(f"sock_diag message of {message.end - message.start} bytes, {_MESSAGE.size} are needed")
    fields = _MESSAGE.unpack_from(message.data, message.start)
    family, state, sport, dport, source, destination, ifindex, uid, inode = fields
    return Socket(
        protocol,
        state,
        address_text(family, source),
        _PORT.unpack(sport)[0],
        address_text(family, destination),
        _PORT.unpack(dport)[0],
        ifindex,
        uid,
        inode,
    )


def address_text(family: int, octets: bytes) -> str:
    """Return an address; an IPv4 one mapped into IPv6 as IPv4, which is what its packets are."""
    if family == wire.AF_INET:
        return socket.inet_ntop(socket.AF_INET, octets[:4])
    mapped = IPv6Address(octets).ipv4_mapped if octets.startswith(bytes(10)) else None
    return socket.inet_ntop(socket.AF_INET6, octets) if mapped is None else str(mapped)
