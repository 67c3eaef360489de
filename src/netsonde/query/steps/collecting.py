# SPDX-License-Identifier: Apache-2.0
"""`Aggregate` and `Cap`: remember results under a name, adding to what is there, and take them up again.

TinkerPop's names for what `As` and `Select` do here; `As` replaces what the name held, `Aggregate` adds to it.
"""

from dataclasses import dataclass

from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError, shown
from netsonde.query.rows import Rows
from netsonde.query.steps._api import Building, Effect, Operation
from netsonde.query.steps.naming import build_select
from netsonde.query.syntax import Call


@dataclass(frozen=True, slots=True)
class Collect(Operation):
    """Add the results to those under a name, and pass them on."""

    effect = Effect.KEEPS

    name: str

    def apply(self, rows: Rows, context: Context) -> Rows:
        collected = (*context.saved.get(self.name, ()), *rows)
        context.check(len(collected))
        context.saved[self.name] = collected
        return rows


def build_aggregate(call: Call, building: Building) -> Operation:
    """Add the results so far to those remembered under a name: `G.V('br0').Aggregate('a').Both().Where(Without('a'))`.

    Of what is remembered `Select` and `Cap` give a list, `Where(Within('a'))` asks.
    """
    (argument,) = arguments.exactly(call, 1, "one name in quotes")
    name = arguments.text_of(argument, "a name in quotes")
    known = building.names.setdefault(name, building.takes)
    if known is not building.takes:
        raise QueryError(
            f"{shown(name)} are {known.noun}; {building.takes.noun} cannot be added to them", span=argument.span
        )
    return Collect(name)


def build_cap(call: Call, building: Building) -> Operation:
    """The results remembered under these names, as `Select`: `G.V('br0').Out().Aggregate('a').In().Cap('a')`."""
    return build_select(call, building)
