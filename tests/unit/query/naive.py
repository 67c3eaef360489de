# SPDX-License-Identifier: Apache-2.0
"""A second, slow and plain reading of the language, to compare the engine with: values, keys and tests.

Queries are data, drawn at random; nothing of the engine is used. The steps are in naive_steps.py.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from netsonde.model.elements import Edge, Node

Value: TypeAlias = Any
MISSING = object()


@dataclass(frozen=True)
class Test:
    """A test of a value: `name` is "" for a bare value, else a predicate's; `parts` are those of And, Or, Not."""

    __test__ = False
    name: str
    values: tuple[Value, ...] = ()
    parts: "tuple[Test, ...]" = ()

    def text(self) -> str:
        inner = ", ".join([json.dumps(value) for value in self.values] + [part.text() for part in self.parts])
        return f"{self.name}({inner})" if self.name else inner


Pairs: TypeAlias = tuple[tuple[str, Test], ...]


@dataclass(frozen=True)
class Step:
    """One step: pairs of key and test, plain values, tests alone, anonymous traversals, and its modulators."""

    name: str
    pairs: Pairs = ()
    plain: tuple[Value, ...] = ()
    tests: tuple[Test, ...] = ()
    inner: "tuple[Steps, ...]" = ()
    leading: "tuple[Step, ...]" = ()
    modulators: "tuple[Step, ...]" = ()

    def text(self) -> str:
        parts = [f"{json.dumps(key)}, {test.text()}" for key, test in self.pairs]
        parts += [test.text() for test in self.tests]
        parts += [".".join(["__", *(step.text() for step in steps)]) for steps in self.inner]
        parts += [value if value in ("ASC", "DESC") else json.dumps(value) for value in self.plain]
        own = f"{self.name}({', '.join(parts)})"
        return ".".join([*(step.text() for step in self.leading), own, *(step.text() for step in self.modulators)])


Steps: TypeAlias = Sequence[Step]


def text_of(steps: Steps) -> str:
    return ".".join(["G", *(step.text() for step in steps)])


def lookup(item: Value, key: str) -> Value:
    if isinstance(item, Node | Edge):
        fields = {
            "@ID": item.id,
            "@CreatedAt": item.created_at,
            "@Revision": item.revision,
            "@DeletedAt": MISSING if item.deleted_at is None else item.deleted_at,
        }
        if isinstance(item, Edge):
            fields |= {"@Parent": item.parent, "@Child": item.child, "Parent": item.parent, "Child": item.child}
        return fields[key] if key in fields else _walk(item.metadata, key.split("."))
    if isinstance(item, dict):
        return item[key] if key in item else _walk(item, key.split("."))
    return MISSING


def _walk(data: Value, parts: list[str]) -> Value:
    if not parts:
        return data
    if isinstance(data, dict):
        return _walk(data[parts[0]], parts[1:]) if parts[0] in data else MISSING
    if isinstance(data, list):
        found = [value for member in data if (value := _walk(member, parts)) is not MISSING]
        flat: list[Value] = []
        for value in found:
            flat += value if isinstance(value, list) else [value]
        return flat if found else MISSING
    return MISSING


def number(value: Value) -> Value:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and value.lstrip("-").replace(".", "", 1).isdecimal():
        return float(value)
    return None


def _equal(stored: Value, wanted: Value) -> bool:
    if isinstance(stored, bool) or isinstance(wanted, bool) or stored is None or wanted is None:
        return stored is wanted
    if isinstance(wanted, int | float) and isinstance(stored, str):
        return stored == str(int(wanted) if wanted == int(wanted) else wanted)
    return bool(type(stored) not in (list, dict) and stored == wanted)


def _some(check: Callable[[Value], bool]) -> Callable[[Value], bool]:
    return lambda value: any(check(member) for member in value) if isinstance(value, list) else check(value)


_PARTS: dict[str, Callable[[str, str], bool]] = {
    "Contains": lambda text, part: part in text,
    "StartsWith": lambda text, part: text[: len(part)] == part,
    "EndsWith": lambda text, part: text[len(text) - len(part) :] == part,
    "IContains": lambda text, part: part.lower() in text.lower(),
}


def holds(value: Value, test: Test) -> bool:
    """Tell whether a value, or MISSING, passes a test."""
    name, wanted = test.name, test.values
    if name == "And":
        return all(holds(value, part) for part in test.parts)
    if name == "Or":
        return any(holds(value, part) for part in test.parts)
    if name == "Not":
        return not holds(value, test.parts[0])
    if name in ("Exists", "IsNull"):
        return value is not MISSING and (name == "Exists" or _some(lambda member: member is None)(value))
    among = _some(lambda member: any(_equal(member, one) for one in wanted))
    if name in ("Nee", "Without"):
        return value is MISSING or not among(value)
    if value is MISSING:
        return False
    if name == "Ne":
        return not among(value)
    if name in ("", "Eq", "Within"):
        return among(value)
    if name.removeprefix("Not") in _PARTS:
        has = _some(lambda member: isinstance(member, str) and _PARTS[name.removeprefix("Not")](member, wanted[0]))(
            value
        )
        return not has if name.startswith("Not") else has

    def compare(member: Value) -> bool:
        n = number(member)
        if n is None:
            return False
        a, b = wanted[0], wanted[-1]
        answers: dict[str, bool] = {
            "Lt": n < a,
            "Lte": n <= a,
            "Gt": n > a,
            "Gte": n >= a,
            "Inside": a < n < b,
            "Between": a <= n < b,
            "Outside": n < a or n > b,
        }
        return answers[name]

    return _some(compare)(value)


def passes(item: Value, pairs: Pairs) -> bool:
    return all(holds(lookup(item, key), test) for key, test in pairs)


def rank(value: Value) -> tuple[int, Value]:
    """Return what orders values: numbers, texts, booleans, the rest."""
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, float(value))
    return (1, value) if isinstance(value, str) else (3, json.dumps(value, sort_keys=True))


def name_of(value: Value) -> str:
    """Return a value as the name of a member of an object."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
