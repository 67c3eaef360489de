# SPDX-License-Identifier: Apache-2.0
"""Dotted paths into elements: `ExtID.vm-id`, `FDB.MAC`, `Labels['app.kubernetes.io/name']`, `@CreatedAt`.

A path walks objects. At a list it goes on in every member, and what is found there is collected in one flat list.
Keys are stored verbatim, dots included, so `Labels.app.kubernetes.io/name` also finds the key of that name; brackets
and quotes force it. Shared by the indexes of graphs, the predicates of queries and standing matchers.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias, cast

from netsonde.errors import Span, UserError
from netsonde.model.elements import Edge, Element, Json


class Missing:
    """Type of `MISSING`: there is nothing at the path; null is something."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
Found: TypeAlias = "Json | Missing"

_FIELDS: Final[Mapping[str, str]] = {
    "@ID": "id",
    "@Host": "host",
    "@Origin": "origin",
    "@CreatedAt": "created_at",
    "@UpdatedAt": "updated_at",
    "@DeletedAt": "deleted_at",
    "@Revision": "revision",
    "@Parent": "parent",
    "@Child": "child",
}
_EDGE_FIELDS: Final[Mapping[str, str]] = {"Parent": "parent", "Child": "child"}
_QUOTED = re.compile(r"""\[(?:'([^']*)'|"([^"]*)")\]""")
_PREFIX = "Metadata."


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `field` is set for pseudo-fields (`@ID`); else `keys` are walked, quoted ones as they are."""

    text: str
    keys: tuple[str, ...]
    quoted: tuple[bool, ...]
    field: str = ""
    edge_field: str = ""
    roots: frozenset[str] = frozenset()
    """Top-level metadata keys through which the path may lead; empty for pseudo-fields."""

    def get(self, element: Element) -> Found:
        """Return the JSON value at the path, MISSING when there is none."""
        if self.field:
            return _field(element, self.field)
        if self.edge_field and isinstance(element, Edge):
            return _field(element, self.edge_field)
        return self.get_in(element.metadata)

    def get_in(self, data: Json) -> Found:
        """Return the value at the path in bare JSON data, such as metadata or a flow."""
        if len(self.keys) == 1 and isinstance(data, dict):
            return data.get(self.keys[0], MISSING)
        return _walk(data, self.keys, self.quoted, 0)

    def touched_by(self, touched: Collection[str]) -> bool:
        """Tell whether a change of these top-level keys may change what is at the path.

        Pseudo-fields may change with every revision.
        """
        if self.field:
            return True
        return any(root in touched for root in self.roots)


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Return the path that a text spells. Raises UserError with the place for an empty key or an open bracket."""
    if text in _FIELDS:
        return Path(text, (), (), field=_FIELDS[text])
    edge_field = _EDGE_FIELDS.get(text, "")
    keys, quoted = _split(text)
    if len(keys) > 1 and text.startswith(_PREFIX):
        keys, quoted = keys[1:], quoted[1:]
    return Path(text, tuple(keys), tuple(quoted), edge_field=edge_field, roots=_roots(keys, quoted))


def values_at(element: Element, path: Path) -> Sequence[Json]:
    """Return the values to test at a path: the members of a list, else the one value, nothing when missing."""
    found = path.get(element)
    if isinstance(found, list):
        return found
    return () if isinstance(found, Missing) else (found,)


def is_present(element: Element, path: Path) -> bool:
    """Tell whether there is something at the path, null and empty lists included."""
    return path.get(element) is not MISSING


def quote_key(key: str) -> str:
    """Return one key as it must be spelt as part of a path: `['a.b']` when it has a dot or a bracket."""
    if not any(mark in key for mark in ".[]'\""):
        return key
    return f"['{key}']" if "'" not in key else f'["{key}"]'


def _field(element: Element, name: str) -> Found:
    value = cast("Json", getattr(element, name, MISSING))
    # A living element has no time of deletion; null there would make HasKey('@DeletedAt') true of everything.
    return MISSING if value is None else value


def _walk(data: Json, keys: tuple[str, ...], quoted: tuple[bool, ...], at: int) -> Found:
    if at == len(keys):
        return data
    if isinstance(data, dict):
        return _walk_object(data, keys, quoted, at)
    if isinstance(data, list):
        return _collect(data, keys, quoted, at)
    return MISSING


def _walk_object(data: Mapping[str, Json], keys: tuple[str, ...], quoted: tuple[bool, ...], at: int) -> Found:
    key = keys[at]
    end = at + 1
    while True:
        if key in data:
            found = _walk(data[key], keys, quoted, end)
            if found is not MISSING:
                return found
        # Not there: perhaps the next part belongs to the same verbatim key, as in the label `a.b/c`.
        if end == len(keys) or quoted[end] or quoted[end - 1]:
            return MISSING
        key = f"{key}.{keys[end]}"
        end += 1


def _collect(data: Sequence[Json], keys: tuple[str, ...], quoted: tuple[bool, ...], at: int) -> Found:
    collected: list[Json] = []
    present = False
    for member in data:
        found = _walk(member, keys, quoted, at)
        if isinstance(found, Missing):
            continue
        present = True
        if isinstance(found, list):
            collected.extend(found)
        else:
            collected.append(found)
    return collected if present else MISSING


def _split(text: str) -> tuple[list[str], list[bool]]:
    keys: list[str] = []
    quoted: list[bool] = []
    at = 0
    while at < len(text) or not keys:
        mark = _QUOTED.match(text, at)
        if mark is not None:
            keys.append(mark[1] if mark[1] is not None else mark[2])
            quoted.append(True)
            at = mark.end()
        else:
            end = _end_of_key(text, at)
            keys.append(text[at:end])
            quoted.append(False)
            at = end
        at = _after_separator(text, at)
    return keys, quoted


def _end_of_key(text: str, at: int) -> int:
    found = re.compile(r"[.\[]").search(text, at)
    end = found.start() if found else len(text)
    if end == at and end < len(text) and text[end] == "[":
        raise UserError(
            f"the key {text!r} has a bracket without a quoted key in it",
            hint="quote a key that contains dots like this: Labels['app.kubernetes.io/name']",
            span=Span(at, len(text)),
            text=text,
        )
    if end == at:
        raise UserError(
            "a key is empty" if not text else f"the key {text!r} has an empty part",
            hint="write the parts of a key with one dot between them, such as 'ExtID.vm-id'",
            span=Span(at, max(at + 1, end)),
            text=text,
        )
    return end


def _after_separator(text: str, at: int) -> int:
    if at == len(text) or text[at] == "[":
        return at
    if text[at] == "." and at + 1 < len(text):
        return at + 1
    raise UserError(
        f"the key {text!r} goes on unexpectedly",
        hint="write the parts of a key with one dot between them, such as 'ExtID.vm-id'",
        span=Span(at, at + 1),
        text=text,
    )


def _roots(keys: Sequence[str], quoted: Sequence[bool]) -> frozenset[str]:
    roots = [keys[0]]
    if not quoted[0]:
        for key, is_quoted in zip(keys[1:], quoted[1:], strict=True):
            if is_quoted:
                break
            roots.append(f"{roots[-1]}.{key}")
    return frozenset(roots)
