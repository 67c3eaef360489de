# SPDX-License-Identifier: Apache-2.0
"""Is an address, as metadata writes it (`10.0.0.1/24`, `fe80::1/64`), inside a range."""

import ipaddress
import socket
from collections.abc import Callable

from netsonde.errors import Span
from netsonde.model.elements import Json
from netsonde.query.errors import QueryError, shown
from netsonde.query.predicates._api import Predicate, any_member, text
from netsonde.query.syntax import Call


def build_ip_range(call: Call) -> Predicate:
    """Is an address inside the range, of either family: `G.V().Has('IPV4', IpRange('10.0.0.0/24'))`.

    The prefix length that the value itself has does not count.
    """
    literal = text(call, "one address range in quotes, such as '10.0.0.0/24'")
    return Predicate("IpRange", any_member(parse_range(str(literal.value), literal.span)))


def parse_range(text: str, span: Span) -> Callable[[Json], bool]:
    """Return a test for addresses inside a CIDR of either family; its host bits are ignored. Raises QueryError.

    The prefix length of the tested address does not count.
    """
    if "/" not in text:
        raise _bad(text, span)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as e:
        raise _bad(text, span) from e
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    low, mask = int(network.network_address), int(network.netmask)

    def test(value: Json) -> bool:
        address = _address(value, family)
        return address is not None and address & mask == low

    return test


def _address(value: Json, family: socket.AddressFamily) -> int | None:
    if not isinstance(value, str):
        return None
    text, slash, length = value.partition("/")
    if slash and not (length.isdecimal() and length.isascii() and len(length) <= 3):
        return None
    try:
        return int.from_bytes(socket.inet_pton(family, text))
    except (OSError, ValueError):
        return None


def _bad(text: str, span: Span) -> QueryError:
    return QueryError(f"{shown(text)} is not an address range", hint="such as '10.0.0.0/24' or 'fd00::/8'", span=span)
