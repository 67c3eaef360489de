# SPDX-License-Identifier: Apache-2.0
"""RTM_NEWRULE and RTM_DELRULE decoded: which routing table is asked for which packets. Pure.

Source: struct fib_rule_hdr and FRA_* of linux/fib_rules.h.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata
from netsonde.probes.netlink.kinds import ip_text
from netsonde.probes.netlink_wire import AF_INET, AF_INET6, Attributes, Message, attributes, number, signed, text

FRA_DST: Final = 1
FRA_SRC: Final = 2
FRA_IIFNAME: Final = 3
FRA_GOTO: Final = 4
FRA_PRIORITY: Final = 6
FRA_FWMARK: Final = 10
FRA_SUPPRESS_PREFIXLEN: Final = 14
FRA_TABLE: Final = 15
FRA_FWMASK: Final = 16
FRA_OIFNAME: Final = 17
FRA_L3MDEV: Final = 19
FRA_UID_RANGE: Final = 20
FRA_IP_PROTO: Final = 22
FRA_SPORT_RANGE: Final = 23
FRA_DPORT_RANGE: Final = 24

FIB_RULE_INVERT: Final = 0x2
TO_TABLE: Final = 1
ACTIONS: Final = {2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
NOTHING_SUPPRESSED: Final = -1
_EVERY_UID: Final = (0, 0xFFFFFFFF)
FAMILIES: Final = {AF_INET: "IPv4", AF_INET6: "IPv6"}

_WANTED: Final = frozenset(
    {FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_GOTO, FRA_PRIORITY, FRA_FWMARK, FRA_TABLE, FRA_FWMASK, FRA_OIFNAME}
    | {FRA_L3MDEV, FRA_IP_PROTO, FRA_SUPPRESS_PREFIXLEN, FRA_UID_RANGE, FRA_SPORT_RANGE, FRA_DPORT_RANGE}
)
_HEADER: Final = struct.Struct("=BBBBBBBBI")
_UIDS: Final = struct.Struct("=II")
_PORTS: Final = struct.Struct("=HH")


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One rule; "" and 0 are what it does not look at."""

    priority: int
    family: int
    table: int
    dst: str = ""
    src: str = ""
    iif: str = ""
    oif: str = ""
    mark: int = 0
    mask: int = 0
    tos: int = 0
    protocol: int = 0
    action: str = ""
    """"" = ask `table`."""
    goto: int = 0
    inverted: bool = False
    by_vrf: bool = False
    """The table is that of the VRF which the packet comes from or goes to."""
    suppress: int = NOTHING_SUPPRESSED
    """Routes of this prefix length or less do not count."""
    uids: str = ""
    source_ports: str = ""
    destination_ports: str = ""

    def metadata(self) -> Metadata:
        found: Metadata = {"Dst": self.dst, "Src": self.src, "IIF": self.iif, "OIF": self.oif, "TOS": self.tos}
        found |= {"Protocol": self.protocol, "Action": self.action, "Goto": self.goto, "Not": self.inverted}
        found |= {"UIDs": self.uids, "SourcePorts": self.source_ports, "DestinationPorts": self.destination_ports}
        found["VRF"] = self.by_vrf
        if self.mark or self.mask:
            found["Mark"] = f"{self.mark:#x}/{self.mask:#x}"
        always: Metadata = {"Priority": self.priority, "Table": self.table, "Family": FAMILIES[self.family]}
        if self.suppress != NOTHING_SUPPRESSED:
            always["SuppressPrefixLength"] = self.suppress
        return always | {key: value for key, value in found.items() if value}


def decode_rule(message: Message) -> Rule | None:
    """Return the rule; None for families that are neither IPv4 nor IPv6."""
    if message.end - message.start < _HEADER.size:
        raise WireError("rule message is too short")
    family, to, of, tos, table, _, _, action, flags = _HEADER.unpack_from(message.data, message.start)
    if family not in FAMILIES:
        return None
    found = attributes(message.data, message.start + _HEADER.size, message.end, _WANTED)
    return Rule(
        priority=_number(found, FRA_PRIORITY),
        family=family,
        table=_number(found, FRA_TABLE) or table,
        dst=_network(found, FRA_DST, to),
        src=_network(found, FRA_SRC, of),
        iif=text(found.get(FRA_IIFNAME, b"")),
        oif=text(found.get(FRA_OIFNAME, b"")),
        mark=_number(found, FRA_FWMARK),
        mask=_number(found, FRA_FWMASK),
        tos=tos,
        protocol=_number(found, FRA_IP_PROTO),
        action="" if action == TO_TABLE else ACTIONS.get(action, f"action{action}"),
        goto=_number(found, FRA_GOTO),
        inverted=bool(flags & FIB_RULE_INVERT),
        by_vrf=bool(_number(found, FRA_L3MDEV)),
        suppress=signed(found.get(FRA_SUPPRESS_PREFIXLEN, b"\xff")),
        uids=_range(found.get(FRA_UID_RANGE, b""), _UIDS),
        source_ports=_range(found.get(FRA_SPORT_RANGE, b""), _PORTS),
        destination_ports=_range(found.get(FRA_DPORT_RANGE, b""), _PORTS),
    )


def _number(found: Attributes, attribute: int) -> int:
    return number(found.get(attribute, b""))


def _range(value: bytes, both: struct.Struct) -> str:
    """Return a range of users or ports, first and last; "" for none and for every user."""
    found = both.unpack(value) if len(value) == both.size else _EVERY_UID
    return "" if found == _EVERY_UID else f"{found[0]}-{found[1]}"


def _network(found: Attributes, attribute: int, length: int) -> str:
    address = ip_text(found.get(attribute, b""))
    return f"{address}/{length}" if address else ""


_OF_IPV4: Final = frozenset({Rule(0, AF_INET, 255), Rule(32766, AF_INET, 254), Rule(32767, AF_INET, 253)})
STANDARD: Final[tuple[frozenset[Rule], ...]] = (
    frozenset(),
    _OF_IPV4,
    _OF_IPV4 | {Rule(0, AF_INET6, 255), Rule(32766, AF_INET6, 254)},
)
"""The rules that a namespace begins with: before they are read, and with or without IPv6."""


def routing_rules(rules: Iterable[Rule], omitted: int = 0) -> Metadata:
    """Return all rules in the order in which they are asked, and how many more there are; {} for the standard ones."""
    found = sorted(rules)
    if frozenset(found) in STANDARD:
        return {}
    shown: list[Json] = [rule.metadata() for rule in found]
    return {"RoutingRules": shown, "RoutingRulesOmitted": omitted} if omitted else {"RoutingRules": shown}
