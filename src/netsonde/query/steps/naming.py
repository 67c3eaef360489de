# SPDX-License-Identifier: Apache-2.0
"""`As` and `Select`: remember results under a name, and put remembered ones together again."""

from dataclasses import dataclass

from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError, did_you_mean, shown
from netsonde.query.rows import Item, Rows
from netsonde.query.steps._api import Building, Effect, Operation
from netsonde.query.syntax import Call


@dataclass(frozen=True, slots=True)
class Remember(Operation):
    """Keep the results under a name, and pass them on."""

    effect = Effect.KEEPS

    name: str

    def apply(self, rows: Rows, context: Context) -> Rows:
        context.saved[self.name] = rows
        return rows


@dataclass(frozen=True, slots=True)
class Recall(Operation):
    """The remembered results one after the other, repetitions kept."""

    names: tuple[str, ...]

    def apply(self, rows: Rows, context: Context) -> Rows:
        found: list[Item] = []
        for name in self.names:
            found += context.saved.get(name, ())
            context.check(len(found))
        return found


def build_as(call: Call, building: Building) -> Operation:
    """Remember the results so far under a name: `G.V('br0').As('a').Out().Select('a')`."""
    (name,) = arguments.exactly(call, 1, "one name in quotes")
    text = arguments.text_of(name, "a name in quotes")
    building.names[text] = building.takes
    return Remember(text)


def build_select(call: Call, building: Building) -> Operation:
    """The results remembered under these names, one after the other.

    `G.V('ns1').As('a').G.V('h1').As('b').Select('a', 'b')`: not TinkerPop's selection per item, but a list of lists.
    """
    if not call.arguments:
        raise QueryError("Select needs at least one name", hint="such as Select('a') after As('a')", span=call.span)
    names = [arguments.text_of(argument, "a name in quotes") for argument in call.arguments]
    for name, argument in zip(names, call.arguments, strict=True):
        if name not in building.names:
            raise QueryError(
                f"nothing is remembered under the name {shown(name)} here",
                hint=did_you_mean(name, building.names, f"write As({shown(name)}) before, in the same graph"),
                span=argument.span,
            )
        if building.names[name] is not building.names[names[0]]:
            raise QueryError(
                f"{shown(name)} are {building.names[name].noun}, {shown(names[0])} are {building.names[names[0]].noun}",
                span=argument.span,
            )
    building.gives = building.names[names[0]]
    return Recall(tuple(names))
