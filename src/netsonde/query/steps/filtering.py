# SPDX-License-Identifier: Apache-2.0
"""`Has`, `HasKey`, `HasNot`, `HasEither`: keep the items that pass."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.filters import ABSENT, EXISTS, Filter, combine, condition, pairs
from netsonde.query.kinds import Kind
from netsonde.query.predicates import Predicate
from netsonde.query.rows import Group, Item, Nodes, Rows, Series
from netsonde.query.steps import metrics
from netsonde.query.steps._api import AnyStep, Building, Effect, Operation
from netsonde.query.syntax import Call


@dataclass(frozen=True, slots=True)
class Keep(Operation):
    """Keep the items that pass a filter: of series and groups the members, of paths those with a node that does."""

    effect = Effect.KEEPS

    kind: Kind
    filter: Filter

    def apply(self, rows: Rows, context: Context) -> Rows:
        test = self.filter.test
        if self.kind in (Kind.VALUES, Kind.VALUE):
            # Only objects have keys; HasNot must not keep plain values either.
            return context.kept(rows, lambda row: isinstance(row, dict) and test(row))
        if self.kind is Kind.PATHS:
            return context.kept(rows, lambda path: any(map(test, cast("Nodes", path))))
        if self.kind in (Kind.METRICS, Kind.GROUPS):
            return context.collected(filter(None, (self._thinned(row) for row in rows)))
        return context.sieved(rows, self.filter.sieve)

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return ((Kind.NODES if self.kind is Kind.PATHS else self.kind, self.filter),)

    def _thinned(self, row: Item) -> Series | Group | None:
        """Return the item with the members that pass, None when there are none."""
        test = self.filter.test
        if isinstance(row, Series):
            points = tuple(filter(test, row.points))
            return replace(row, points=points) if points else None
        group = cast("Group", row)
        members = tuple(filter(test, group.members))
        return replace(group, members=members) if members else None


def build_has(call: Call, building: Building) -> Operation:
    """Keep what passes every pair: `G.V().Has('Type', 'veth', 'MTU', Gt(1500))`.

    One key alone asks for its presence: `G.V().Has('IPV4')`.
    """
    return Keep(building.takes, pairs(call, building.takes))


def build_has_either(call: Call, building: Building) -> Operation:
    """Keep what passes at least one pair: `G.V().HasEither('Type', 'netns', 'Name', 'host1')`."""
    return Keep(building.takes, pairs(call, building.takes, any_of=True))


def build_has_key(call: Call, building: Building) -> AnyStep:
    """Keep what has the key, whatever its value: `G.V().HasKey('ExtID.vm-id')`.

    Interfaces that have counters: `G.V().HasKey('Metric')`.
    """
    (key,) = arguments.exactly(call, 1, "one key in quotes")
    if building.takes is Kind.NODES and arguments.key_of(key) in metrics.COUNTERS:
        return metrics.WithCounters()
    return _presence(call, building, EXISTS)


def build_has_not(call: Call, building: Building) -> Operation:
    """Keep what does not have the key: `G.V().HasNot('State')`."""
    return _presence(call, building, ABSENT)


def _presence(call: Call, building: Building, test: Predicate) -> Operation:
    (key,) = arguments.exactly(call, 1, "one key in quotes")
    return Keep(building.takes, combine([condition(key, test, building.takes)]))
