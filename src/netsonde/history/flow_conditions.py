# SPDX-License-Identifier: Apache-2.0
"""Tests of flow columns as SQL.

A report that came before the last one must not answer for its flow, so counters, times and the like are tested in the
last report alone (`argMax`).
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from netsonde.errors import UserError
from netsonde.flows.schema import FLOW_SCHEMA
from netsonde.history.derived import FLOWS
from netsonde.model.flows import FlowTest

_FIXED: Final = frozenset(
    [
        *("uuid", "parent_uuid", "tracking_id", "l3_tracking_id", "community_id", "node_tid", "host", "capture_id"),
        *("layers_path", "application", "start_ns", "link_protocol", "link_a", "link_b", "link_id"),
        *("network_protocol", "network_a", "network_b", "network_id"),
        *("transport_protocol", "transport_a", "transport_b", "icmp_type", "icmp_code", "icmp_id"),
    ]
)
"""Columns that have the same value in every report of a flow."""


@dataclass(slots=True)
class FlowSql:
    """Conditions for rows, conditions for groups of the reports of one flow, and the values that they name."""

    where: str = ""
    having: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    tracked: list[set[int]] = field(default_factory=list)
    """TrackingIDs, one of each of these sets, without which a flow does not pass: `places.py` tells where such lie."""


def flow_sql(clauses: Sequence[Sequence[FlowTest]]) -> FlowSql:
    """Return the conditions that clauses (`FlowRequest.where`) mean, "" where there are none.

    Raises UserError for a column that flows do not have.
    """
    sql = FlowSql()
    fixed: list[str] = []
    last: list[str] = []
    for clause in clauses:
        is_fixed = all(test.column in _FIXED for test in clause)
        each = [_test(test, _column(test, is_fixed), sql.parameters) for test in clause]
        (fixed if is_fixed else last).append(f"({' OR '.join(each) or 'false'})")
        tracked = _tracked(clause)
        if tracked:
            sql.tracked.append(tracked)
    sql.where = "".join(f" AND {condition}" for condition in fixed)
    sql.having = f" HAVING {' AND '.join(last)}" if last else ""
    return sql


def _tracked(clause: Sequence[FlowTest]) -> set[int]:
    """Return the TrackingIDs that a clause asks for, none when it asks for anything else too."""
    if any(test.column != "tracking_id" or test.operator != "in" for test in clause):
        return set()
    _, high = _limits(FLOW_SCHEMA.field("tracking_id").type)
    return {number for test in clause for number in _whole(test.values) if 0 <= number <= high}


def _column(test: FlowTest, is_fixed: bool) -> str:
    if test.column not in FLOW_SCHEMA.names:
        raise UserError(f"flows have no column {test.column!r}")
    stored = FLOWS.read(test.column)
    return stored if is_fixed else f"argMax({stored}, report_number)"


def _test(test: FlowTest, column: str, parameters: dict[str, Any]) -> str:
    kind = FLOW_SCHEMA.field(test.column).type
    if test.operator == "range":
        return _range(column, test.values) if pa.types.is_integer(kind) else "false"
    if test.operator == "network":
        return _network(column, str(test.values[0])) if pa.types.is_string(kind) else "false"
    members = _texts(column, test.values, parameters) if pa.types.is_string(kind) else _numbers(column, test, kind)
    return members if test.operator == "in" else f"NOT {members}"


def _texts(column: str, values: Sequence[str | int | None], parameters: dict[str, Any]) -> str:
    name = f"f{len(parameters)}"
    parameters[name] = [value for value in values if isinstance(value, str)]
    return f"{column} IN {{{name}:Array(String)}}"


def _numbers(column: str, test: FlowTest, kind: "pa.DataType") -> str:
    # A number that the column's type cannot hold would be taken for another one.
    low, high = _limits(kind)
    numbers = sorted({value for value in _whole(test.values) if low <= value <= high})
    return f"({column} IN ({', '.join(map(str, numbers))}))" if numbers else "false"


def _whole(values: Iterable[str | int | None]) -> Iterable[int]:
    return (value for value in values if isinstance(value, int))


def _limits(kind: "pa.DataType") -> tuple[int, int]:
    bits = kind.bit_width
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if pa.types.is_signed_integer(kind) else (0, (1 << bits) - 1)


def _range(column: str, values: Sequence[str | int | None]) -> str:
    low, high = values
    ends = [f"{column} >= {low}"] if isinstance(low, int) else []
    ends += [f"{column} <= {high}"] if isinstance(high, int) else []
    return f"({' AND '.join(ends) or 'true'})"


def _network(column: str, text: str) -> str:
    network = ipaddress.ip_network(text, strict=False)
    first, last = network.network_address, network.broadcast_address
    if network.version == 4:
        number = f"IPv4StringToNumOrDefault({column})"
        return f"(isIPv4String({column}) AND {number} >= {int(first)} AND {number} <= {int(last)})"
    number = f"IPv6StringToNumOrDefault({column})"
    low, high = (f"toFixedString(unhex('{address.packed.hex()}'), 16)" for address in (first, last))
    return f"(isIPv6String({column}) AND {number} >= {low} AND {number} <= {high})"
