# SPDX-License-Identifier: Apache-2.0
"""How many tables, chains, sets and rules of nftables a namespace has, asked of the kernel.

Source: linux/netfilter/nfnetlink.h, nf_tables.h. Needs CAP_NET_ADMIN in the namespace. Blocks for as long as the kernel
lists, so it is called in a thread.
"""

import errno
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from netsonde.errors import SourceLost
from netsonde.model.elements import Json, Metadata
from netsonde.probes import netlink_wire as wire

NETLINK_NETFILTER: Final = 12
NFNL_SUBSYS_NFTABLES: Final = 10
NFT_MSG_GETTABLE: Final = NFNL_SUBSYS_NFTABLES << 8 | 1
NFT_MSG_GETCHAIN: Final = NFNL_SUBSYS_NFTABLES << 8 | 4
NFT_MSG_GETRULE: Final = NFNL_SUBSYS_NFTABLES << 8 | 7
NFT_MSG_GETSET: Final = NFNL_SUBSYS_NFTABLES << 8 | 10
NFT_MSG_GETGEN: Final = NFNL_SUBSYS_NFTABLES << 8 | 16
NFTA_NAME: Final = 1
"""Of a table its name, of what is in one the table's."""
NFTA_GEN_ID: Final = 1
FAMILIES: Final = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
"""NFPROTO_*, as nft names them."""

GENERIC: Final = struct.Struct("=BBH")
"""struct nfgenmsg: family, version, resource."""
LONGEST: Final = 64 * 1024
"""Bytes of one datagram; the kernel's are 32 KiB at most."""
PATIENCE: Final = 5.0
"""Seconds for the kernel's next answer."""
ATTEMPTS: Final = 3
"""Readings of rules that others change meanwhile."""
_UNKNOWN: Final = (errno.EINVAL, errno.EOPNOTSUPP, errno.EAFNOSUPPORT)
_WANTED: Final = frozenset({NFTA_NAME})
_PARTS: Final = {NFT_MSG_GETCHAIN: "Chains", NFT_MSG_GETSET: "Sets", NFT_MSG_GETRULE: "Rules"}
"""What is in a table, and the key that it is counted under."""


@dataclass(slots=True)
class Ruleset:
    """The tables of a namespace, by family and name, with how many parts of each sort they have."""

    tables: dict[tuple[int, str], Counter[str]] = field(default_factory=dict)
    cut: bool = False
    """Whether there is more than was counted."""


def is_loaded(module: Path = Path("/sys/module/nf_tables"), modules: Path = Path("/proc/modules")) -> bool:
    """Whether the kernel has nf_tables; asking one that has not would make it load the module."""
    return module.exists() or not modules.exists() or _built_in()


@lru_cache
def _built_in(symbols: Path = Path("/proc/kallsyms")) -> bool:
    try:
        with symbols.open("rb") as lines:
            return any(line.rstrip().endswith(b" nft_do_chain") for line in lines)
    except OSError:
        return False


def open_socket() -> socket.socket:
    """Return a socket to ask with, for the namespace of the calling thread."""
    found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
    found.settimeout(PATIENCE)
    return found


def read_generation(source: socket.socket) -> int | None:
    """Return the number of changes of the rules so far, None when the kernel has no nftables.

    SourceLost when it refuses.
    """
    try:
        source.send(wire.request(NFT_MSG_GETGEN, 0, 1, GENERIC.pack(wire.AF_UNSPEC, 0, 0)))
        message = next(_answers(source))
        if message.type != wire.NLMSG_ERROR:
            found = wire.attributes(message.data, message.start + GENERIC.size, message.end, frozenset({NFTA_GEN_ID}))
            return int.from_bytes(found.get(NFTA_GEN_ID, b""), "big")
        _raise(message)
    except OSError as refused:
        if refused.errno in _UNKNOWN:
            return None
        raise SourceLost(f"the kernel does not tell the rules of nftables: {refused}") from refused
    return None


def read_ruleset(source: socket.socket, most: int) -> Ruleset | None:
    """Count what there is, `most` tables, chains, sets and rules at most; None when it was changed all the while.

    SourceLost when the kernel refuses. The source is of no use after a reading that was cut.
    """
    try:
        for _ in range(ATTEMPTS):
            if (found := _count(source, most)) is not None:
                return found
    except OSError as refused:
        raise SourceLost(f"the kernel does not list the rules of nftables: {refused}") from refused
    return None


def _count(source: socket.socket, most: int) -> Ruleset | None:
    found = Ruleset()
    whole = True
    for message in _listed(source, NFT_MSG_GETTABLE):
        whole = whole and not message.flags & wire.NLM_F_DUMP_INTR
        if most == 0:
            found.cut = True
            return found
        most -= 1
        found.tables[_table(message)] = Counter()
    for kind, part in _PARTS.items():
        for message in _listed(source, kind):
            whole = whole and not message.flags & wire.NLM_F_DUMP_INTR
            if most == 0:
                found.cut = True
                return found
            most -= 1
            table = found.tables.get(_table(message))
            if table is not None:
                table[part] += 1
    return found if whole else None


def _table(message: wire.Message) -> tuple[int, str]:
    at = message.start + GENERIC.size
    found = wire.attributes(message.data, at, message.end, _WANTED)
    return message.data[message.start], wire.text(found.get(NFTA_NAME, b""))


def _listed(source: socket.socket, kind: int) -> Iterator[wire.Message]:
    source.send(wire.request(kind, wire.NLM_F_DUMP, kind, GENERIC.pack(wire.AF_UNSPEC, 0, 0)))
    for message in _answers(source):
        if message.type == wire.NLMSG_DONE and not wire.error_number(message):
            return
        if message.type in (wire.NLMSG_DONE, wire.NLMSG_ERROR):
            _raise(message)
        yield message


def _answers(source: socket.socket) -> Iterator[wire.Message]:
    while True:
        data, (sender, _) = source.recvfrom(LONGEST)
        if sender == 0:  # only the kernel has port id 0; other processes may send to us too
            yield from wire.messages(data)


def _raise(message: wire.Message) -> None:
    number = wire.error_number(message)
    raise OSError(number, errno.errorcode.get(number, "unknown error"))


def ruleset_metadata(found: Ruleset, limit: int) -> Metadata:
    """Return what is shown of a namespace, its first `limit` tables; {} when there is none."""
    if not found.tables:
        return {}
    ordered = sorted(found.tables.items(), key=lambda each: (FAMILIES.get(each[0][0], ""), each[0]))
    tables: list[Json] = [_shown(family, name, table) for (family, name), table in ordered[:limit]]
    shown: Metadata = {part: sum(table[part] for table in found.tables.values()) for part in _PARTS.values()}
    shown["Tables"] = tables
    shown |= {"TablesOmitted": len(ordered) - limit} if len(ordered) > limit else {}
    return shown | ({"Uncounted": True} if found.cut else {})


def _shown(family: int, name: str, table: Counter[str]) -> Metadata:
    parts: Metadata = {part: table[part] for part in _PARTS.values()}
    return {"Family": FAMILIES.get(family, f"family{family}"), "Name": name, **parts}
