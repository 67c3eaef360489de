# SPDX-License-Identifier: Apache-2.0
"""A second, slow and plain reading of the language, to compare the engine with.

It evaluates steps that were drawn at random, given as data, over lists of elements; nothing of the engine is used.
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
    """A test of a value: `name` is "" for a bare value, else a predicate's."""

    __test__ = False
    name: str
    values: tuple[Value, ...]

    def text(self) -> str:
        inner = ", ".join(json.dumps(value) for value in self.values)
        return f"{self.name}({inner})" if self.name else inner


Pairs: TypeAlias = tuple[tuple[str, Test], ...]


@dataclass(frozen=True)
class Step:
    name: str
    pairs: Pairs = ()
    plain: tuple[Value, ...] = ()

    def text(self) -> str:
        parts = [f"{json.dumps(key)}, {test.text()}" for key, test in self.pairs]
        parts += [value if value in ("ASC", "DESC") else json.dumps(value) for value in self.plain]
        return f"{self.name}({', '.join(parts)})"


def text_of(steps: Sequence[Step]) -> str:
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


def _number(value: Value) -> Value:
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


def holds(value: Value, test: Test) -> bool:
    """Tell whether a value, or MISSING, passes a test."""
    name, wanted = test.name, test.values
    among = _some(lambda member: any(_equal(member, one) for one in wanted))
    if name in ("Nee", "Without"):
        return value is MISSING or not among(value)
    if value is MISSING:
        return False
    if name == "Ne":
        return not among(value)
    if name in ("", "Within"):
        return among(value)

    def compare(member: Value) -> bool:
        n = _number(member)
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


def newest(elements: Sequence[Value]) -> list[Value]:
    found: dict[str, Value] = {}
    for element in elements:
        if element.id not in found or element.updated_at > found[element.id].updated_at:
            found[element.id] = element
    return list(found.values())


def _rank(value: Value) -> tuple[int, Value]:
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, float(value))
    return (1, value) if isinstance(value, str) else (3, json.dumps(value, sort_keys=True))


class Naive:
    """Evaluates steps over all revisions of some nodes and edges."""

    def __init__(self, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        self.nodes = sorted(nodes, key=lambda node: (node.id, node.updated_at))
        self.edges = sorted(edges, key=lambda edge: (edge.id, edge.updated_at))
        self.saved: dict[str, list[Value]] = {}

    def run(self, steps: Sequence[Step]) -> Value:
        rows: Value = []
        for step in steps:
            rows = getattr(self, f"do_{step.name.lower()}")(rows, step)
        return rows

    def _revisions(self, node_id: str) -> list[Node]:
        return [node for node in self.nodes if node.id == node_id]

    def do_g(self, rows: Value, step: Step) -> Value:
        return []

    def do_v(self, rows: Value, step: Step) -> Value:
        return [node for node in self.nodes if not step.plain or node.id == step.plain[0]]

    def do_e(self, rows: Value, step: Step) -> Value:
        return [edge for edge in self.edges if not step.plain or edge.id == step.plain[0]]

    def do_has(self, rows: Value, step: Step) -> Value:
        return [row for row in rows if passes(row, step.pairs)]

    def do_haseither(self, rows: Value, step: Step) -> Value:
        return [row for row in rows if any(passes(row, (pair,)) for pair in step.pairs)]

    def do_haskey(self, rows: Value, step: Step) -> Value:
        return [row for row in rows if lookup(row, step.plain[0]) is not MISSING]

    def do_hasnot(self, rows: Value, step: Step) -> Value:
        return [row for row in rows if lookup(row, step.plain[0]) is MISSING]

    def _move(self, rows: Value, step: Step, ways: str) -> Value:
        found = []
        for row in rows:
            for edge in newest(self.edges):
                if "out" in ways and edge.parent == row.id:
                    found += self._revisions(edge.child)
                if "in" in ways and edge.child == row.id:
                    found += self._revisions(edge.parent)
        return [node for node in found if passes(node, step.pairs)]

    def do_out(self, rows: Value, step: Step) -> Value:
        return self._move(rows, step, "out")

    def do_in(self, rows: Value, step: Step) -> Value:
        return self._move(rows, step, "in")

    def do_both(self, rows: Value, step: Step) -> Value:
        return self._move(rows, step, "in out")

    def _edges_of(self, rows: Value, step: Step, ends: Sequence[str]) -> Value:
        found = [edge for row in rows for end in ends for edge in self.edges if getattr(edge, end) == row.id]
        return [edge for edge in found if passes(edge, step.pairs)]

    def do_oute(self, rows: Value, step: Step) -> Value:
        return self._edges_of(rows, step, ["parent"])

    def do_ine(self, rows: Value, step: Step) -> Value:
        return self._edges_of(rows, step, ["child"])

    def do_bothe(self, rows: Value, step: Step) -> Value:
        return self._edges_of(rows, step, ["parent", "child"])

    def _ends_of(self, rows: Value, step: Step, ends: Sequence[str]) -> Value:
        found = [node for edge in rows for end in ends for node in self._revisions(getattr(edge, end))]
        return [node for node in found if passes(node, step.pairs)]

    def do_outv(self, rows: Value, step: Step) -> Value:
        return self._ends_of(rows, step, ["child"])

    def do_inv(self, rows: Value, step: Step) -> Value:
        return self._ends_of(rows, step, ["parent"])

    def do_bothv(self, rows: Value, step: Step) -> Value:
        return self._ends_of(rows, step, ["parent", "child"])

    def do_dedup(self, rows: Value, step: Step) -> Value:
        if not step.plain:
            return newest(rows)
        kept: list[Value] = []
        seen: list[str] = []
        for row in rows:
            values = [value for key in step.plain if (value := lookup(row, key)) is not MISSING]
            key = json.dumps([_rank(value) for value in values], sort_keys=True)
            if not values or key not in seen:
                kept.append(row)
            seen.append(key)
        return kept

    def do_sort(self, rows: Value, step: Step) -> Value:
        down = "DESC" in step.plain
        keys = [key for key in step.plain if key not in ("ASC", "DESC")]
        if not keys:
            return sorted(rows, key=lambda row: (row.created_at, row.id), reverse=down)
        having = [row for row in rows if lookup(row, keys[0]) not in (MISSING, None)]
        lacking = [row for row in rows if lookup(row, keys[0]) in (MISSING, None)]
        return sorted(having, key=lambda row: _rank(lookup(row, keys[0])), reverse=down) + lacking

    def do_limit(self, rows: Value, step: Step) -> Value:
        return rows[: step.plain[0]]

    def do_range(self, rows: Value, step: Step) -> Value:
        return [row for at, row in enumerate(rows) if step.plain[0] <= at < step.plain[1]]

    def do_count(self, rows: Value, step: Step) -> Value:
        return len(rows)

    def do_values(self, rows: Value, step: Step) -> Value:
        found = [lookup(row, step.plain[0]) for row in rows]
        return [value for value in found if value is not MISSING and value not in ([], {})]

    def do_valuemap(self, rows: Value, step: Step) -> Value:
        found = [{key: value for key in step.plain if (value := lookup(row, key)) is not MISSING} for row in rows]
        return [value for value in found if value]

    def do_as(self, rows: Value, step: Step) -> Value:
        self.saved[step.plain[0]] = list(rows)
        return rows

    def do_select(self, rows: Value, step: Step) -> Value:
        return [row for name in step.plain for row in self.saved[name]]

    def do_subgraph(self, rows: Value, step: Step) -> Value:
        if rows and isinstance(rows[0], Edge):
            edges = [edge for edge in newest(rows) if passes(edge, step.pairs)]
            ends = {end for edge in edges for end in (edge.parent, edge.child)}
            nodes = [node for node in newest(self.nodes) if node.id in ends]
        else:
            nodes = newest(rows)
            ids = {node.id for node in nodes}
            inner = [edge for edge in newest(self.edges) if edge.parent in ids and edge.child in ids]
            edges = [edge for edge in inner if passes(edge, step.pairs)]
        self.nodes, self.edges = nodes, edges
        return []

    def _within(self, rows: Value, step: Step, ways: str, depth: int | None) -> Value:
        reached = {row.id for row in rows}
        found = list({(row.id, row.updated_at): row for row in rows}.values())
        rounds = 0
        while depth is None or rounds < depth:
            rounds += 1
            beyond: set[str] = set()
            for edge in newest(self.edges):
                if not passes(edge, (("RelationType", Test("", ("ownership",))),)):
                    continue
                if "out" in ways and edge.parent in reached:
                    beyond.add(edge.child)
                if "in" in ways and edge.child in reached:
                    beyond.add(edge.parent)
            if not beyond - reached:
                return found
            found += [node for id in beyond - reached for node in self._revisions(id)]
            reached |= beyond
        return found

    def do_descendants(self, rows: Value, step: Step) -> Value:
        return self._within(rows, step, "out", step.plain[0] or None)

    def do_ascendants(self, rows: Value, step: Step) -> Value:
        return self._within(rows, step, "in", step.plain[0] or None)

    def do_neighbors(self, rows: Value, step: Step) -> Value:
        return self._within(rows, step, "in out", step.plain[0])
