# SPDX-License-Identifier: Apache-2.0
"""The sockets of one namespace as metadata of its node. Pure.

The order is the same at each look, so that a namespace in which nothing happens gets no revision: those that listen,
then the others, each from the oldest on (the kernel numbers sockets as they are made).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from netsonde.model.elements import Json, Metadata
from netsonde.probes.socketinfo.diag import TCP_LISTEN, Socket
from netsonde.probes.socketinfo.holders import Process

STATES: Final = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
}
"""Names of net/tcp_states.h."""


def socket_metadata(sockets: Iterable[Socket], holders: Mapping[int, Process], limit: int) -> Metadata:
    """Return what is shown of a namespace's sockets; {} when it has none."""
    ordered = sorted(sockets, key=lambda each: (not _listens(each), each.inode))
    shown: list[Json] = [_entry(each, holders.get(each.inode)) for each in ordered[:limit]]
    metadata: Metadata = {"Sockets": shown} if shown else {}
    if len(ordered) > limit:
        metadata["SocketsOmitted"] = len(ordered) - limit
    return metadata


def _listens(each: Socket) -> bool:
    return each.state == TCP_LISTEN or (each.protocol == "UDP" and each.remote_port == 0)


def _entry(each: Socket, process: Process | None) -> Metadata:
    entry: Metadata = {}
    if process is not None:
        held: Metadata = {"Process": process.path, "Pid": process.pid, "Name": process.name, "Cgroup": process.cgroup}
        entry |= {key: value for key, value in held.items() if value}
    entry |= {
        "LocalAddress": each.local_address,
        "LocalPort": each.local_port,
        "RemoteAddress": each.remote_address,
        "RemotePort": each.remote_port,
        "Protocol": each.protocol,
        "State": STATES.get(each.state, str(each.state)),
        "UID": each.uid,
    }
    if each.ifindex:
        entry["IfIndex"] = each.ifindex
    return entry
