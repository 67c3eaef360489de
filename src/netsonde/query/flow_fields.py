# SPDX-License-Identifier: Apache-2.0
"""Names by which a query addresses the fields of a flow: its schema's dotted names, and aliases of layers."""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from netsonde.flows.blocks import BLOCKS
from netsonde.graph.paths import MISSING, Found, Missing, Path, parse_path
from netsonde.model.elements import Json

Flow: TypeAlias = dict[str, Json]

_ALIASES: Final[Mapping[str, tuple[str, str]]] = {
    "ETHERNET": ("Link", "ETHERNET"),
    "IPV4": ("Network", "IPV4"),
    "IPV6": ("Network", "IPV6"),
    "TCP": ("Transport", "TCP"),
    "UDP": ("Transport", "UDP"),
    "SCTP": ("Transport", "SCTP"),
}
"""Alias of a layer: the layer, and the protocol it must have."""

_LAYERS: Final = frozenset({"Link", "Network", "Transport"})

_METRIC: Final = frozenset({"ABPackets", "ABBytes", "BAPackets", "BABytes"})
# The wire form leaves these out when they are zero; a query must find the zero all the same.
_ZEROS: Final[Mapping[str, frozenset[str]]] = {
    "Metric": _METRIC,
    "LastUpdateMetric": _METRIC,
    "ICMP": frozenset({"Code", "ID", "Unanswered"}),
}
_TOP_ZEROS: Final = frozenset({"FinishType", "RawPacketsCaptured", "ABRetransmissions", "BARetransmissions"})

_MESSAGES: Final = frozenset({"DNS", "DHCPv4", "DHCPv6", *BLOCKS})
"""Layers whose members have snake case names in JSON, and always had camel case ones in queries."""
_CAPITALS: Final = frozenset(
    ["ID", "QR", "AA", "TC", "RD", "RA", "Z", "TTL", "IP", "NS", "PTR", "TXTs", "SOA", "SRV", "MX", "OPT"]
)
"""Their members that are written the same in both."""


def layer_of(key: str) -> tuple[str, str]:
    """Return the layer that a key with an alias (`TCP.B`) means, and its protocol; twice "" for other keys."""
    return _ALIASES.get(key.partition(".")[0], ("", ""))


def either_end(key: str) -> tuple[str, ...]:
    """Return the fields that a test of `key` looks at: `Network` alone means A or B."""
    layer = key if key in _LAYERS else _ALIASES.get(key, ("", ""))[0]
    return (f"{key}.A", f"{key}.B") if layer else (key,)


def flow_field(key: str) -> Callable[[Flow], Found]:
    """Return how to read a field of a flow."""
    first, _, rest = key.partition(".")
    if first in _ALIASES:
        return _aliased(*_ALIASES[first], rest)
    if first in _ZEROS and rest in _ZEROS[first]:
        return lambda flow: _member_or_zero(flow.get(first), rest)
    if key in _TOP_ZEROS:
        return lambda flow: flow.get(key, 0)
    path = parse_path(key)
    if first in _MESSAGES:
        return _either(path, parse_path(".".join([first, *map(_snake, rest.split("."))])) if rest else path)
    # Elements have fields such as @ID, flows have not.
    return path.get_in if path.keys else _nothing


def _nothing(flow: Flow) -> Found:
    return MISSING


def _either(path: Path, other: Path) -> Callable[[Flow], Found]:
    def read(flow: Flow) -> Found:
        found = path.get_in(flow)
        return other.get_in(flow) if isinstance(found, Missing) else found

    return read


def _snake(name: str) -> str:
    """Return `ResponseCode` as `response_code`, `QDCount` as `q_d_count`."""
    if name in _CAPITALS:
        return name
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _aliased(layer: str, protocol: str, rest: str) -> Callable[[Flow], Found]:
    path = parse_path(rest) if rest else None

    def read(flow: Flow) -> Found:
        found: Json = flow.get(layer)
        if not isinstance(found, dict) or found.get("Protocol") != protocol:
            return MISSING
        return path.get_in(found) if path is not None else found

    return read


def _member_or_zero(record: Json, name: str) -> Found:
    if not isinstance(record, dict):
        return MISSING
    found: Found = record.get(name, MISSING)
    return 0 if isinstance(found, Missing) else found
