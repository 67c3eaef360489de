# SPDX-License-Identifier: Apache-2.0
"""From rows of revisions to what changed, key by key. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from netsonde.graph.equality import same_json
from netsonde.graph.paths import quote_key
from netsonde.model.changes import ElementChange, ElementKind, KeyChange, WhatHappened
from netsonde.model.elements import Json, Metadata

Identity = tuple[ElementKind, str]
_DEEPEST: Final = 16
"""Objects in objects that are compared member by member; metadata may be nested as deep as its writer likes."""


class RecordedRow(msgspec.Struct, frozen=True, gc=False):
    """A row of `revisions` as it is read for changes; the end of an element has no metadata."""

    kind: ElementKind
    id: str
    valid_from: int
    deleted: int
    host: str
    origin: str
    probe: str
    metadata: Metadata
    parent: str
    child: str

    @property
    def identity(self) -> Identity:
        return self.kind, self.id


def feed(held: Iterable[RecordedRow], rows: Iterable[RecordedRow]) -> Iterator[ElementChange]:
    """Yield the changes that rows in their order of time make to what was held before them."""
    known = {row.identity: row for row in held if not row.deleted}
    for row in rows:
        before = known.get(row.identity)
        change = difference(before, row)
        if change is not None:
            yield change
        if row.deleted:
            known.pop(row.identity, None)
        else:
            known[row.identity] = row


def differences(before: Iterable[RecordedRow], after: Iterable[RecordedRow]) -> list[ElementChange]:
    """Return the net changes from one state to another, in the order in which the second came about."""
    known: Mapping[Identity, RecordedRow] = {row.identity: row for row in before if not row.deleted}
    found: list[ElementChange] = []
    seen: set[Identity] = set()
    for row in after:
        seen.add(row.identity)
        change = difference(known.get(row.identity), row)
        if change is not None:
            found.append(change)
    # Nothing is recorded of these by then: the second time is before the first.
    found += [_change(row.valid_from, "removed", row, row, None) for row in known.values() if row.identity not in seen]
    return sorted(found, key=lambda change: change.time)


def difference(before: RecordedRow | None, after: RecordedRow) -> ElementChange | None:
    """Return how an element differs from what was before, None when it does not."""
    if after.deleted:
        return _change(after.valid_from, "removed", after, before, None) if before is not None else None
    if before is None:
        return _change(after.valid_from, "added", after, None, after)
    change = _change(after.valid_from, "updated", after, before, after)
    return change if change.keys else None


def _change(
    time_ms: int, what: WhatHappened, seen: RecordedRow, before: RecordedRow | None, after: RecordedRow | None
) -> ElementChange:
    shown = after or before or seen
    is_edge = seen.kind == "edge"
    return ElementChange(
        time=time_ms,
        change=what,
        kind=seen.kind,
        id=seen.id,
        name=_text(shown.metadata.get("Name")),
        type=_text(shown.metadata.get("RelationType" if is_edge else "Type")),
        host=shown.host,
        origin=shown.origin,
        probe=seen.probe,
        keys=_keys(before, after),
        parent=shown.parent if is_edge else UNSET,
        child=shown.child if is_edge else UNSET,
    )


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _keys(before: RecordedRow | None, after: RecordedRow | None) -> list[KeyChange]:
    old: Metadata = before.metadata if before is not None else {}
    new: Metadata = after.metadata if after is not None else {}
    found = list(key_changes(old, new))
    if before is not None and after is not None:
        found += [
            KeyChange(key, one, other)
            for key, one, other in (("@Parent", before.parent, after.parent), ("@Child", before.child, after.child))
            if one != other
        ]
    return found


def key_changes(old: Metadata, new: Metadata, above: str = "", depth: int = _DEEPEST) -> Iterator[KeyChange]:
    """Yield the keys whose values differ, in order; objects are compared member by member, lists as a whole."""
    for key in sorted({*old, *new}):
        path = _path(above, key)
        one, other = old.get(key), new.get(key)
        if isinstance(one, dict) and isinstance(other, dict) and depth:
            yield from key_changes(one, other, path, depth - 1)
        elif key not in old:
            yield KeyChange(path, UNSET, other)
        elif key not in new:
            yield KeyChange(path, one, UNSET)
        elif not same_json(one, other):
            yield KeyChange(path, one, other)


def _path(above: str, key: str) -> str:
    quoted = quote_key(key)
    return f"{above}{'' if quoted.startswith('[') or not above else '.'}{quoted}"


def decode_rows(lines: bytes) -> Sequence[RecordedRow]:
    """Return the rows that are written as JSON, one a line."""
    return _decoder.decode_lines(lines)


_decoder = msgspec.json.Decoder(RecordedRow)
