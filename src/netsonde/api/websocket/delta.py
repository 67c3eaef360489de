# SPDX-License-Identifier: Apache-2.0
"""Changes of the graph as messages: whole elements, or only the keys that changed (policy `partial`)."""

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from netsonde.api.websocket.envelope import write
from netsonde.api.websocket.handshake import Policy
from netsonde.model.elements import Edge, Element, Json, Metadata, Node
from netsonde.model.topology import ChangeKind

_VERBS: dict[ChangeKind, str] = {"added": "Added", "updated": "Updated", "deleted": "Deleted"}


class SetKey(msgspec.Struct, frozen=True, rename="pascal"):
    """Set a dotted key."""

    key: str
    value: Json
    type: Literal[1] = 1


class DeleteKey(msgspec.Struct, frozen=True, rename="pascal"):
    """Delete a dotted key."""

    key: str
    value: None = None
    type: Literal[2] = 2


class PartialUpdate(msgspec.Struct, frozen=True, rename="pascal"):
    """The difference between two revisions of an element."""

    id: str = msgspec.field(name="ID")
    updated_at: int
    revision: int
    ops: list[SetKey | DeleteKey]


class Changed(Protocol):
    """One change: an event of the graph, or a delta of what a filter shows."""

    @property
    def kind(self) -> ChangeKind: ...
    @property
    def element(self) -> Element: ...
    @property
    def previous(self) -> Element | None: ...


class Messages:
    """The messages of some changes, encoded at most once for each policy."""

    def __init__(self, changes: Sequence[Changed]) -> None:
        self._changes = changes
        self._made: dict[Policy, list[str]] = {}

    def of(self, policy: Policy, unheard: str = "") -> list[str]:
        """Return the messages for a policy, without those about elements of the origin `unheard`."""
        made = self._made.get(policy)
        if made is None:
            made = self._made[policy] = [_message(one, policy) for one in self._changes]
        if not unheard:
            return made
        pairs = zip(self._changes, made, strict=True)
        return [message for change, message in pairs if change.element.origin != unheard]


def _message(change: Changed, policy: Policy) -> str:
    if policy == "partial":
        return partial_message(change.kind, change.element, change.previous)
    return full_message(change.kind, change.element)


def full_message(kind: ChangeKind, element: Element) -> str:
    """Return a change with the whole element."""
    noun = "Node" if isinstance(element, Node) else "Edge"
    return write("Graph", noun + _VERBS[kind], element)


def partial_message(kind: ChangeKind, element: Element, previous: Element | None) -> str:
    """Return an update as operations; the whole element where a dotted key cannot say what changed."""
    if kind != "updated" or previous is None:
        return full_message(kind, element)
    if _led_elsewhere(previous, element):
        return full_message(kind, element)
    ops = operations(previous.metadata, element.metadata)
    if ops is None:
        return full_message(kind, element)
    noun = "Node" if isinstance(element, Node) else "Edge"
    update = PartialUpdate(element.id, element.updated_at, element.revision, ops)
    return write("Graph", f"{noun}PartiallyUpdated", update)


def _led_elsewhere(previous: Element, element: Element) -> bool:
    """Tell whether it differs in what is no metadata: then it is another element under the same id."""
    if previous.created_at != element.created_at or previous.host != element.host:
        return True
    if isinstance(previous, Edge) and isinstance(element, Edge):
        return (previous.parent, previous.child) != (element.parent, element.child)
    return False


def operations(before: Metadata, after: Metadata) -> list[SetKey | DeleteKey] | None:
    """Return what turns `before` into `after`; None when a top-level key has a dot in its name.

    Clients split keys at dots, so a nested key with a dot is covered by setting the object around it.
    """
    if any("." in key for key in before.keys() ^ after.keys()) or any(
        "." in key and before[key] != after[key] for key in before.keys() & after.keys()
    ):
        return None
    return list(_operations(before, after, ""))


def _operations(before: Metadata, after: Metadata, prefix: str) -> Iterator[SetKey | DeleteKey]:
    for key in before:
        if key not in after:
            yield DeleteKey(prefix + key)
    for key, new in after.items():
        old = before.get(key)
        if key in before and old == new and type(old) is type(new):
            continue
        if isinstance(old, dict) and isinstance(new, dict) and not any("." in name for name in (*old, *new)):
            yield from _operations(old, new, f"{prefix}{key}.")
        else:
            yield SetKey(prefix + key, new)
