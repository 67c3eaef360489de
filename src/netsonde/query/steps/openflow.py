# SPDX-License-Identifier: Apache-2.0
"""`OfRules` and `OfGroups`: what switches do with packets, asked of them at the moment of the query.

Rules are no nodes, for a bridge may have a hundred thousand of them; and nobody records them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, cast

from netsonde.model.elements import Metadata, Node
from netsonde.model.openflow import OpenFlowKind, OpenFlowRequest
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.filters import Condition, Filter, pairs
from netsonde.query.kinds import Kind
from netsonde.query.predicates import number_of
from netsonde.query.rows import Entry, Rows, members
from netsonde.query.steps._api import AnyStep, Building, Fetch
from netsonde.query.steps.filtering import Keep
from netsonde.query.steps.time_travel import TravelTo
from netsonde.query.syntax import Call

_TYPES: Final = frozenset({"ovsbridge", "ovsport"})
_LAST_TABLE: Final = 254
"""OpenFlow, OFPTT_MAX."""


@dataclass(frozen=True, slots=True)
class FetchOpenFlow(Fetch):
    """Ask the agents for the rules or groups of bridges; of ports and interfaces, those that concern the port."""

    takes: Kind
    what: OpenFlowKind
    filter: Filter | None
    call: Call
    table: int | None = None
    """The only one that the filters let through; None = any."""

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        if context.sources.openflow is None:
            raise QueryError(f"there are no OpenFlow {self.what} here", hint="ask an analyzer", span=self.call.span)
        nodes = {node.id: node for member in members(self.takes, rows) if _may_have(node := cast("Node", member))}
        if not nodes:
            return ()
        request = OpenFlowRequest(self.what, list(nodes), self.table, context.limits.of_rules)
        answer = await context.sources.openflow.openflow(request, {node.id: node.host for node in nodes.values()})
        context.missing_hosts.update(answer.missing_hosts)
        context.notes.extend(answer.notes)
        context.truncated = context.truncated or answer.left_out > 0
        return await context.apart(partial(self._chosen, answer.found, context))

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return () if self.filter is None else ((_KINDS[self.what], self.filter),)

    def keys(self) -> Iterable[str]:
        return ("Type", "OfPort")

    def narrowed(self, following: Sequence[AnyStep]) -> "FetchOpenFlow":
        """Return the step that asks for one table only, where the filters after it want no other; they still run."""
        chosen = [] if self.filter is None else [self.filter]
        for step in following:
            if not isinstance(step, Keep):
                break
            chosen.append(step.filter)
        tables = (table for each in chosen if (table := _only_table(each)) is not None)
        return replace(self, table=next(tables, None))

    def _chosen(self, found: Sequence[tuple[str, Metadata]], context: Context) -> Rows:
        entries = context.collected(Entry(node_id, data) for node_id, data in found)
        return entries if self.filter is None else context.kept(entries, self.filter.test)


_KINDS: Final = {"rules": Kind.OF_RULES, "groups": Kind.OF_GROUPS}


def _may_have(node: Node) -> bool:
    # Only the agent of a bridge's own host can ask it.
    return bool(node.host) and (node.metadata.get("Type") in _TYPES or "OfPort" in node.metadata)


def _only_table(chosen: Filter) -> int | None:
    """Return the only table that a filter lets through, None when there may be several."""
    if chosen.any_of and len(chosen.conditions) > 1:
        return None
    found = (_table_of(condition) for condition in chosen.conditions if condition.key == "Table")
    return next((table for table in found if table is not None), None)


def _table_of(condition: Condition) -> int | None:
    numbers = {number_of(value) for value in condition.predicate.lookups or ()}
    number = numbers.pop() if len(numbers) == 1 else None
    return number if isinstance(number, int) and 0 <= number <= _LAST_TABLE else None


def build_of_rules(call: Call, building: Building) -> Fetch:
    """The OpenFlow rules that bridges have now: `G.V().Has('Name', 'br0').OfRules('Table', 0)`.

    Of ports and their interfaces the rules that take packets from the port, or send there by themselves (not through
    a group). [keys.md](keys.md) lists what a rule has. The agent of the bridge reads them when they are asked for;
    they are not recorded, so nothing of the kind can follow `At`. Of one bridge 10,000 rules are read: where it has
    more, name a `Table` in the arguments or in a `Has` right after.
    """
    return _build(call, building, "rules")


def build_of_groups(call: Call, building: Building) -> Fetch:
    """The OpenFlow groups that bridges have now, with what each bucket counted: `G.V().Has('Name', 'br0').OfGroups()`.

    Of ports and their interfaces the groups that send to the port by themselves.
    """
    return _build(call, building, "groups")


def _build(call: Call, building: Building, what: OpenFlowKind) -> Fetch:
    if any(isinstance(step.operation, TravelTo) for step in building.before):
        raise QueryError(
            f"{call.name} cannot look at the past: OpenFlow {what} are not recorded",
            hint="leave out At(); switches are asked for what they have now",
            span=call.span,
        )
    return FetchOpenFlow(building.takes, what, pairs(call, _KINDS[what]) if call.arguments else None, call)
