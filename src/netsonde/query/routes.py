# SPDX-License-Identifier: Apache-2.0
"""The choice of a next hop as a kernel makes it: rules by priority, in a table the longest prefix, then the metric.

Reads `RoutingTables`, `RejectRoutes` and `RoutingRules` as metadata has them. The packet is one that the node itself
sends, unmarked, of which only the destination is known: a rule about a source, a port or a user does not apply to it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from netsonde.model.elements import Json, Metadata

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_LOCAL, _MAIN, _DEFAULT = 255, 254, 253
_JUDGED: Final = frozenset(
    {"Priority", "Table", "Dst", "Family", "Not", "Action", "Goto", "Mark", "IIF", "SuppressPrefixLength"}
)
_OWN: Final = (None, "", "lo")
"""Interfaces that packets of the node itself come in by, as rules see it."""
_ALL_COUNT: Final = -1
_REFUSING: Final = frozenset({"blackhole", "unreachable", "prohibit"})
"""Actions of rules, and types of routes, after which no table is asked any more."""
_THROW: Final = "throw"
"""Type of a route after which the next table is asked."""
_ANYWHERE: Final = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}


@dataclass(frozen=True, slots=True)
class Hop:
    """One way out: by an interface, to a gateway ("" = the destination is on the link)."""

    table: int
    network: Network
    priority: int
    gateway: str
    ifindex: int | None
    refuses: str = ""
    """Why it leads nowhere, "" when it does not."""

    @property
    def rank(self) -> tuple[int, int]:
        """The smaller the better, within one table."""
        return -self.network.prefixlen, self.priority


def hops_of(tables: Json) -> Iterator[Hop]:
    """Yield the ways of `RoutingTables`; what does not have that shape is left out."""
    for table in _objects(tables):
        number = _number(table.get("ID"), _MAIN)
        for route in _objects(table.get("Routes")):
            for hop in _objects(route.get("NextHops")):
                gateway = hop.get("IP")
                for network in _networks(route.get("Prefix"), gateway):
                    yield Hop(
                        number,
                        network,
                        _number(hop.get("Priority"), 0),
                        gateway if isinstance(gateway, str) else "",
                        _number(hop.get("IfIndex"), 0) or None,
                    )


def refusals_of(routes: Json) -> Iterator[Hop]:
    """Yield the routes of `RejectRoutes`; what does not have that shape is left out."""
    for route in _objects(routes):
        prefix, kind = route.get("Prefix"), route.get("Type")
        network = _network(prefix) if isinstance(prefix, str) else None
        if network is not None and isinstance(kind, str) and (kind in _REFUSING or kind == _THROW):
            yield Hop(_number(route.get("Table"), _MAIN), network, _number(route.get("Priority"), 0), "", None, kind)


def _networks(prefix: Json, gateway: Json) -> Iterable[Network]:
    """Return the network of a route; a route without a prefix is the default one of its gateway's family."""
    if isinstance(prefix, str) and prefix:
        network = _network(prefix)
        return () if network is None else (network,)
    via = parse_address(gateway) if isinstance(gateway, str) and gateway else None
    return tuple(_ANYWHERE.values()) if via is None else (_ANYWHERE[via.version],)


def best_hop(hops: Iterable[Hop], rules: Json, destination: Address) -> Hop | None:
    """Return the way to a destination, None when there is none, or when rule or route refuses it."""
    tables: dict[int, list[Hop]] = {}
    for hop in hops:
        if hop.network.version == destination.version and destination in hop.network:
            tables.setdefault(hop.table, []).append(hop)
    for table, suppressed in _tables_in_order(tables, rules, destination):
        best = min(tables.get(table, ()), key=lambda hop: hop.rank, default=None)
        if best is None or best.refuses == _THROW or best.network.prefixlen <= suppressed:
            continue
        return None if best.refuses else best
    return None


def _tables_in_order(known: Iterable[int], rules: Json, destination: Address) -> Sequence[tuple[int, int]]:
    """Return the tables that are asked, each with the prefix length up to which what it answers does not count."""
    found = _objects(rules)
    if found:
        return list(_asked([rule for rule in found if _applies(rule, destination)]))
    # The rules that a kernel begins with. Nothing is known of what leads to other tables, so they come last.
    first = (_LOCAL, _MAIN, _DEFAULT)
    return [(table, _ALL_COUNT) for table in (*first, *sorted(set(known).difference(first)))]


def _asked(applying: Iterable[Metadata]) -> Iterator[tuple[int, int]]:
    """Yield the tables that rules about a packet lead to, one after the other, until a rule refuses it."""
    goes_on_at = 0
    for rule in sorted(applying, key=_priority):
        action = rule.get("Action")
        if _priority(rule) < goes_on_at:
            continue
        if isinstance(action, str) and action in _REFUSING:
            return
        if action == "goto":
            goes_on_at = _number(rule.get("Goto"), 0)
        elif not action:
            yield _number(rule.get("Table"), _MAIN), _number(rule.get("SuppressPrefixLength"), _ALL_COUNT)


def _priority(rule: Metadata) -> int:
    return _number(rule.get("Priority"), 0)


def _applies(rule: Metadata, destination: Address) -> bool:
    """Tell whether a rule is about a packet that the node itself sends: unmarked, to a destination, nothing else known.

    `Not` turns all of its conditions round, but not its family (fib_rule_match in net/core/fib_rules.c).
    """
    if rule.get("Family") not in (None, f"IPv{destination.version}"):
        return False
    to = rule.get("Dst")
    network = _network(to) if isinstance(to, str) and to else _ANYWHERE[destination.version]
    if network is None or network.version != destination.version:
        return False
    unknown = any(value for key, value in rule.items() if key not in _JUDGED)
    matches = destination in network and _is_unmarked(rule.get("Mark")) and rule.get("IIF") in _OWN and not unknown
    return matches is not bool(rule.get("Not"))


def _is_unmarked(mark: Json) -> bool:
    """Tell whether a condition `mark/mask` is true of a packet without a mark."""
    value, _, mask = mark.partition("/") if isinstance(mark, str) else ("0", "", "0")
    try:
        return int(value, 0) & int(mask or "0xffffffff", 0) == 0
    except ValueError:
        return False


def parse_address(text: str) -> Address | None:
    """Return the address that a text writes, None when it writes none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


@lru_cache(maxsize=65_536)
def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _objects(value: Json) -> Sequence[Metadata]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else ()


def _number(value: Json, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def neighbour_mac(neighbours: Json, address: str, ifindex: int | None) -> str:
    """Return the MAC of an address on an interface (None = any), "" when `Neighbors` does not tell."""
    for each in _objects(neighbours):
        at = each.get("IfIndex")
        if each.get("IP") == address and (ifindex is None or at is None or at == ifindex):
            mac = each.get("MAC")
            if isinstance(mac, str) and mac:
                return mac
    return ""
