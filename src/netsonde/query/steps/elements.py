# SPDX-License-Identifier: Apache-2.0
"""What TinkerPop calls ids and labels: `@ID`, and `Type` of nodes or `RelationType` of edges."""

from dataclasses import replace
from typing import Final

from netsonde.query import arguments
from netsonde.query.errors import QueryError
from netsonde.query.filters import combine, condition
from netsonde.query.kinds import Kind
from netsonde.query.predicates import predicate
from netsonde.query.steps._api import Building, Operation
from netsonde.query.steps.filtering import Keep
from netsonde.query.steps.values import build_values
from netsonde.query.syntax import Argument, Call, Literal

_LABEL: Final = {Kind.NODES: "Type", Kind.EDGES: "RelationType"}


def build_has_id(call: Call, building: Building) -> Operation:
    """Keep the elements with one of these ids: `G.V().HasId('br0', 'p1')`. Takes a bound list, or a test, too."""
    return _has(call, building, "@ID")


def build_has_label(call: Call, building: Building) -> Operation:
    """Keep the elements with one of these labels: `G.V().HasLabel('veth', 'netns')`. Takes a list, or a test, too.

    The label of a node is its `Type`, that of an edge its `RelationType`.
    """
    return _has(call, building, _LABEL[building.takes])


def build_id(call: Call, building: Building) -> Operation:
    """The id of each element, as `Values('@ID')`: `G.V('br0').OutE().Id()`."""
    return _values(call, building, "@ID")


def build_label(call: Call, building: Building) -> Operation:
    """The label of each element, `Type` of nodes, `RelationType` of edges: `G.V('br0').OutE().Label().Dedup()`."""
    return _values(call, building, _LABEL[building.takes])


def _values(call: Call, building: Building, key: str) -> Operation:
    arguments.none(call)
    return build_values(replace(call, arguments=(Literal(key, call.span),)), building)


def _has(call: Call, building: Building, key: str) -> Operation:
    if not call.arguments:
        raise QueryError(f"{call.name} needs at least one text or a test", span=call.span)
    only = call.arguments[0]
    if len(call.arguments) > 1 or _is_list(only):
        test = predicate(Call("Within", call.arguments, call.span, call.name_span))
    else:
        test = predicate(only)
    return Keep(building.takes, combine([condition(Literal(key, call.span), test, building.takes)]))


def _is_list(argument: Argument) -> bool:
    return isinstance(argument, Literal) and isinstance(argument.value, list)
