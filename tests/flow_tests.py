# SPDX-License-Identifier: Apache-2.0
"""Tests of flow columns read a second time, plainly: what an agent and SQL are compared with."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from netsonde.graph.paths import MISSING
from netsonde.model.elements import Json
from netsonde.model.flows import FlowTest
from netsonde.query import Plan
from netsonde.query.flow_columns import FIELD_COLUMNS, TEXT_COLUMNS
from netsonde.query.flow_fields import flow_field
from netsonde.query.steps.flows import FetchFlows


def passes(row: Mapping[str, Any], where: Sequence[Sequence[FlowTest]]) -> bool:
    """Tell whether of each clause one test holds for a row of columns."""
    return all(any(_holds(row[test.column], test) for test in clause) for clause in where)


def _holds(value: Any, test: FlowTest) -> bool:
    if test.operator == "in":
        return value in test.values
    if test.operator == "not_in":
        return value not in test.values
    if test.operator == "network":
        return _inside(value, str(test.values[0]))
    low, high = test.values
    return (low is None or low <= value) and (high is None or value <= high)


def _inside(text: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(text) in ipaddress.ip_network(network)
    except ValueError:
        return False


def columns_of(flow: dict[str, Json]) -> dict[str, Any]:
    """Return the columns that a flow came from, as far as its JSON tells."""
    row: dict[str, Any] = {"tcp_metric": int("TCPMetric" in flow)}
    for name, field in FIELD_COLUMNS.items():
        found: Any = flow_field(name)(flow)
        row.setdefault(field.column, "" if field.column in TEXT_COLUMNS else 0)
        if found is not MISSING:
            row[field.column] = _column_value(field.unit, found)
    return row


def _column_value(unit: str, found: Any) -> Any:
    if unit == "hex":
        # The ids of the specification's sample are words; no query can mean one of those as a number.
        return int(found, 16) if found and set(found) <= set("0123456789abcdef") else 0
    return found * 1_000_000 if unit == "ms" else "{}" if unit == "json" else found


def asking_for_everything(plan: Plan) -> Plan:
    """Return the plan whose sources are not told what will be left out of their answers."""
    steps = [
        replace(step, operation=replace(step.operation, where=(), most=None))
        if isinstance(step.operation, FetchFlows)
        else step
        for step in plan.pipeline
    ]
    return replace(plan, pipeline=tuple(steps))
