# SPDX-License-Identifier: Apache-2.0
"""Metadata compared with the list of keys: for writers from outside, and for the tests of those inside. Pure.

Source: what the list says, and what the reference's node and edge schemas demand of external publishers.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Final

from netsonde.graph.paths import quote_key
from netsonde.model.elements import Json, Metadata
from netsonde.model.keys import ANY_MEMBER, Key, On, ValueType
from netsonde.query.errors import did_you_mean, shown
from netsonde.schema.registry import KEYS

MOST_PROBLEMS: Final = 20
DEEPEST: Final = 32
"""Levels of nesting; nothing that is written by hand or by a daemon comes near."""

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {"netns": ("Path",), "ovsport": ("UUID",)}
"""Keys without which a node of a type means nothing, beside `Name` and `Type`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where, and what to do."""

    path: str
    message: str
    hint: str = ""


@dataclass(slots=True)
class _Branch:
    """The keys at one path, and the paths below it."""

    keys: list[Key] = field(default_factory=list)
    members: "dict[str, _Branch]" = field(default_factory=dict)

    def member(self, name: str) -> "_Branch | None":
        return self.members.get(name) or self.members.get(ANY_MEMBER)


def problems(metadata: Json, on: On = "node") -> list[Problem]:
    """Return what is wrong with the metadata of an external writer, at most 20 problems; [] = nothing.

    Keys that the list does not know are the writer's own and welcome; those that it knows must have its types.
    """
    if not isinstance(metadata, dict):
        return [Problem("", "metadata must be an object", 'such as {"Type": "device", "Name": "eth0"}')]
    if _deeper_than(metadata, DEEPEST):
        return [Problem("", f"metadata is nested more than {DEEPEST} deep", "use fewer levels")]
    found = [
        *_missing(metadata, on),
        *islice(_Walk(on, _type_of(metadata), strict=False).below(metadata), MOST_PROBLEMS),
    ]
    return found[:MOST_PROBLEMS]


def unlisted(metadata: Metadata, on: On = "node") -> list[Problem]:
    """Return each key that no writer of ours has listed for elements of this type, and each value of another type."""
    return list(_Walk(on, _type_of(metadata), strict=True).below(metadata))


def _type_of(metadata: Metadata) -> str:
    kind = metadata.get("Type")
    return kind if isinstance(kind, str) else ""


def _missing(metadata: Metadata, on: On) -> Iterator[Problem]:
    common = ("Type", "Name") if on == "node" else ("RelationType",)
    extra = NEEDED.get(_type_of(metadata), ()) if on == "node" else ()
    for key in common + extra:
        if metadata.get(key) in (None, ""):
            whose = f"every {on}" if key in common else f"a node of Type {_type_of(metadata)}"
            yield Problem(key, f"{key} is missing", f"{whose} needs a text there")


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes through the metadata of one element; `strict`: keys that are not in the list are problems."""

    on: On
    kind: str
    strict: bool

    def below(self, value: Mapping[str, Json], path: str = "", branch: _Branch | None = None) -> Iterator[Problem]:
        branch = branch or _tree(self.on)
        for name, member in value.items():
            place = quote_key(name) if not path else f"{path}.{name}" if "." not in name else f"{path}{quote_key(name)}"
            known = branch.member(name)
            keys = [key for key in known.keys if self._applies(key)] if known is not None else []
            if known is not None and keys:
                yield from self._judge(place, member, known, keys)
            elif self.strict:
                near = did_you_mean(name, branch.members, "add it to the keys of the probe that writes it")
                yield Problem(place, f"the list has no such key for {self.kind or self.on}", near)

    def _judge(self, place: str, value: Json, branch: _Branch, keys: list[Key]) -> Iterator[Problem]:
        if not any(fits(value, key.type) for key in keys):
            wanted = " or ".join(sorted({key.type for key in keys}))
            yield Problem(place, f"{shown(str(value))} stands where {_article(wanted)} should", keys[0].description)
        elif not any(key.type == "any" for key in keys):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    yield from self.below(item, place, branch)

    def _applies(self, key: Key) -> bool:
        if not key.types or self.on == "edge" or self.kind in key.types:
            return True
        # The kernel and Open vSwitch have kinds of interfaces that nobody has listed.
        return self.kind not in _known_types() and not _OWN_KINDS.issuperset(key.types)


_OWN_KINDS: Final = frozenset(
    {"host", "netns", "ovsswitch", "ovsbridge", "ovsport", "container", "vm", "libvirt", "switch", "switchport"}
)
"""Types that are no kinds of interfaces."""


def _article(wanted: str) -> str:
    return f"{'an' if wanted[0] in 'aeiou' else 'a'} {wanted}"


@cache
def _known_types() -> frozenset[str]:
    return frozenset(kind for key in KEYS for kind in key.types)


@cache
def _tree(on: On) -> _Branch:
    root = _Branch()
    for key in KEYS:
        if key.on == on:
            branch = root
            for part in key.key.split("."):
                branch = branch.members.setdefault(part, _Branch())
            branch.keys.append(key)
    return root


def _deeper_than(value: Json, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [member for item in level for member in _members(item)]
        if not level:
            return False
    return True


def _members(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def fits(value: Json, wanted: ValueType) -> bool:
    """Tell whether a value is of a type of the list."""
    return _FITS[wanted](value)


def _integer(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Json) -> bool:
    return _integer(value) or (isinstance(value, float) and math.isfinite(value))


def _text(value: Json) -> bool:
    return isinstance(value, str)


def _list_of(one: Callable[[Json], bool]) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, list) and all(map(one, value))


_FITS: Final[Mapping[ValueType, Callable[[Json], bool]]] = {
    "string": _text,
    "string or null": lambda value: value is None or _text(value),
    "integer": _integer,
    "number": _number,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "list of string": _list_of(_text),
    "list of integer": _list_of(_integer),
    "list of object": _list_of(lambda value: isinstance(value, dict)),
    "any": lambda value: True,
}
