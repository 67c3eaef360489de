# SPDX-License-Identifier: Apache-2.0
"""What a graph tells its listeners: one event for each element that a batch really changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from netsonde.graph.equality import same_json
from netsonde.model.elements import Edge, Element, Metadata, Node
from netsonde.model.topology import Change, ChangeKind, EdgeChange, NodeChange


@dataclass(frozen=True, slots=True)
class Event:
    """One element was added, updated or deleted.

    `element` is the new revision (for `deleted` the last one, with `deleted_at` set), `previous` the one before.
    `touched` holds the top-level metadata keys whose value differs; `paths.touches` tests a path against it.
    """

    kind: ChangeKind
    element: Element
    previous: Element | None
    probe: str
    """Owner of the layer that changed; "" when several writers did in one batch."""
    touched: frozenset[str]

    @property
    def is_node(self) -> bool:
        return isinstance(self.element, Node)


class EventBatch(list[Event]):
    """The events of one batch, in order, with what all of its listeners would work out each for themselves."""

    @cached_property
    def updated_keys(self) -> frozenset[str] | None:
        """The top-level keys that differ in some node; None when more happened than that nodes were updated."""
        if any(event.kind != "updated" or not event.is_node for event in self):
            return None
        return frozenset().union(*(event.touched for event in self))


def touched_keys(before: Metadata, after: Metadata) -> frozenset[str]:
    """Return the top-level keys that are not the same in both."""
    if before is after:
        return frozenset()
    keys = {key for key, value in after.items() if key not in before or not same_json(before[key], value)}
    keys.update(key for key in before if key not in after)
    return frozenset(keys)


def to_changes(events: Iterable[Event]) -> list[Change]:
    """Return the events as they travel on the bus, in the same order."""
    changes: list[Change] = []
    for event in events:
        if isinstance(event.element, Edge):
            changes.append(EdgeChange(event.kind, event.element, event.probe))
        else:
            changes.append(NodeChange(event.kind, event.element, event.probe))
    return changes
