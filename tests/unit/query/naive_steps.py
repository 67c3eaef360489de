# SPDX-License-Identifier: Apache-2.0
"""The steps of the naive reading: every item carries the trail of all items that led to it.

`move_…` says where one item leads, `pick_…` which positions of a list are kept, `gather_…` what is made of the whole
list, `walk_…` what needs trails or other traversals.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from netsonde.model.elements import Edge, Node
from unit.query.naive import MISSING, Step, Steps, Test, Value, holds, lookup, name_of, number, passes, rank

Walker: TypeAlias = tuple[Value, tuple[Value, ...]]
FIELDS = ["@ID", "@CreatedAt", "@DeletedAt", "@Revision", "@Parent", "@Child"]
OWNERSHIP = (("RelationType", Test("", ("ownership",))),)


def newest(elements: Sequence[Value]) -> list[int]:
    """Return the positions of the newest revisions, in the order in which the ids appear."""
    found: dict[str, int] = {}
    for at, element in enumerate(elements):
        if element.id not in found or element.updated_at > elements[found[element.id]].updated_at:
            found[element.id] = at
    return list(found.values())


def shown(item: Value) -> Value:
    return msgspec.to_builtins(item) if isinstance(item, Node | Edge) else item


def same(item: Value) -> str:
    return f"{type(item).__name__} {item.id}" if isinstance(item, Node | Edge) else json.dumps(rank(item))


class Naive:
    """Evaluates steps over all revisions of some nodes and edges."""

    def __init__(self, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        self.nodes = sorted(nodes, key=lambda node: (node.id, node.updated_at))
        self.edges = sorted(edges, key=lambda edge: (edge.id, edge.updated_at))
        self.saved: dict[str, list[Value]] = {}
        self.rounds: list[int] = []

    def run(self, steps: Steps) -> list[Value]:
        return [item for item, _ in self._go(steps, [])]

    def _go(self, steps: Steps, walkers: list[Walker]) -> list[Walker]:
        for step in steps:
            walkers = self._step(step, walkers)
        return walkers

    def _step(self, step: Step, walkers: list[Walker]) -> list[Walker]:
        name = step.name.lower()
        items = [item for item, _ in walkers]
        walk, move = getattr(self, f"walk_{name}", None), getattr(self, f"move_{name}", None)
        pick = getattr(self, f"pick_{name}", None)
        if walk:
            found: list[Walker] = walk(walkers, step)
        elif move:
            found = [(to, (*trail, to)) for item, trail in walkers for to in move(item, step)]
        elif pick:
            found = [walkers[at] for at in pick(items, step)]
        else:
            found = [(item, (item,)) for item in getattr(self, f"gather_{name}")(items, step)]
        return found

    # Sources

    def gather_g(self, items: list[Value], step: Step) -> list[Value]:
        return []

    def gather_v(self, items: list[Value], step: Step) -> list[Value]:
        return [node for node in self.nodes if not step.plain or node.id == step.plain[0]]

    def gather_e(self, items: list[Value], step: Step) -> list[Value]:
        return [edge for edge in self.edges if not step.plain or edge.id == step.plain[0]]

    # Moves

    def _revisions(self, node_id: str) -> list[Node]:
        return [node for node in self.nodes if node.id == node_id]

    def _latest_edges(self) -> list[Edge]:
        return [self.edges[at] for at in newest(self.edges)]

    def _others(self, item: Value, step: Step, ways: str) -> list[Value]:
        found: list[Value] = []
        for edge in self._latest_edges():
            if "out" in ways and edge.parent == item.id:
                found += self._revisions(edge.child)
            if "in" in ways and edge.child == item.id:
                found += self._revisions(edge.parent)
        return [node for node in found if passes(node, step.pairs)]

    def move_out(self, item: Value, step: Step) -> list[Value]:
        return self._others(item, step, "out")

    def move_in(self, item: Value, step: Step) -> list[Value]:
        return self._others(item, step, "in")

    def move_both(self, item: Value, step: Step) -> list[Value]:
        return self._others(item, step, "in out")

    def _edges(self, item: Value, step: Step, *ends: str) -> list[Value]:
        found = [edge for end in ends for edge in self.edges if getattr(edge, end) == item.id]
        return [edge for edge in found if passes(edge, step.pairs)]

    def move_oute(self, item: Value, step: Step) -> list[Value]:
        return self._edges(item, step, "parent")

    def move_ine(self, item: Value, step: Step) -> list[Value]:
        return self._edges(item, step, "child")

    def move_bothe(self, item: Value, step: Step) -> list[Value]:
        return self._edges(item, step, "parent", "child")

    def _ends(self, item: Value, step: Step, *ends: str) -> list[Value]:
        found = [node for end in ends for node in self._revisions(getattr(item, end))]
        return [node for node in found if passes(node, step.pairs)]

    def move_outv(self, item: Value, step: Step) -> list[Value]:
        return self._ends(item, step, "child")

    def move_inv(self, item: Value, step: Step) -> list[Value]:
        return self._ends(item, step, "parent")

    def move_bothv(self, item: Value, step: Step) -> list[Value]:
        return self._ends(item, step, "parent", "child")

    def walk_otherv(self, walkers: list[Walker], step: Step) -> list[Walker]:
        found: list[Walker] = []
        for edge, trail in walkers:
            other = edge.child if trail[-2].id == edge.parent else edge.parent
            found += [(node, (*trail, node)) for node in self._revisions(other)]
        return found

    # Choices

    def pick_has(self, items: list[Value], step: Step) -> list[int]:
        return [at for at, item in enumerate(items) if passes(item, step.pairs)]

    def pick_haseither(self, items: list[Value], step: Step) -> list[int]:
        return [at for at, item in enumerate(items) if any(passes(item, (pair,)) for pair in step.pairs)]

    def pick_haskey(self, items: list[Value], step: Step) -> list[int]:
        return [at for at, item in enumerate(items) if lookup(item, step.plain[0]) is not MISSING]

    def pick_hasnot(self, items: list[Value], step: Step) -> list[int]:
        return [at for at, item in enumerate(items) if lookup(item, step.plain[0]) is MISSING]

    def pick_hasid(self, items: list[Value], step: Step) -> list[int]:
        return [at for at, item in enumerate(items) if item.id in step.plain]

    def pick_haslabel(self, items: list[Value], step: Step) -> list[int]:
        key = "RelationType" if items and isinstance(items[0], Edge) else "Type"
        return [at for at, item in enumerate(items) if holds(lookup(item, key), Test("Within", step.plain))]

    def pick_is(self, items: list[Value], step: Step) -> list[int]:
        return [at for at, item in enumerate(items) if holds(item, step.tests[0])]

    def pick_identity(self, items: list[Value], step: Step) -> list[int]:
        return list(range(len(items)))

    def pick_dedup(self, items: list[Value], step: Step) -> list[int]:
        if not step.plain:
            return newest(items)
        kept: list[int] = []
        seen: set[str] = set()
        for at, item in enumerate(items):
            values = [value for key in step.plain if (value := lookup(item, key)) is not MISSING]
            name = json.dumps([rank(value) for value in values], sort_keys=True)
            if not values or name not in seen:
                kept.append(at)
            seen.add(name)
        return kept

    def _sorted(self, places: list[int], values: list[Value], *, down: bool) -> list[int]:
        having = [at for at in places if values[at] not in (MISSING, None)]
        lacking = [at for at in places if values[at] in (MISSING, None)]
        return sorted(having, key=lambda at: rank(values[at]), reverse=down) + lacking

    def pick_sort(self, items: list[Value], step: Step) -> list[int]:
        down = "DESC" in step.plain
        keys = [key for key in step.plain if key not in ("ASC", "DESC")]
        places = list(range(len(items)))
        if not keys:
            return sorted(places, key=lambda at: (items[at].created_at, items[at].id), reverse=down)
        return self._sorted(places, [lookup(item, keys[0]) for item in items], down=down)

    def pick_order(self, items: list[Value], step: Step) -> list[int]:
        places = list(range(len(items)))
        for by in reversed(step.modulators):
            places = self._sorted(places, [self._by(by, item) for item in items], down="DESC" in by.plain)
        return places

    def pick_limit(self, items: list[Value], step: Step) -> list[int]:
        return list(range(len(items)))[: step.plain[0]]

    def pick_range(self, items: list[Value], step: Step) -> list[int]:
        return [at for at in range(len(items)) if step.plain[0] <= at < step.plain[1]]

    def pick_skip(self, items: list[Value], step: Step) -> list[int]:
        return [at for at in range(len(items)) if at >= step.plain[0]]

    def pick_tail(self, items: list[Value], step: Step) -> list[int]:
        return [at for at in range(len(items)) if at >= len(items) - step.plain[0]]

    def pick_sample(self, items: list[Value], step: Step) -> list[int]:
        lots = [hashlib.blake2b(item.id.encode(), digest_size=8).digest() for item in items]
        return sorted(sorted(range(len(items)), key=lambda at: (lots[at], at))[: step.plain[0]])

    def pick_as(self, items: list[Value], step: Step) -> list[int]:
        self.saved[step.plain[0]] = list(items)
        return list(range(len(items)))

    def pick_aggregate(self, items: list[Value], step: Step) -> list[int]:
        self.saved[step.plain[0]] = [*self.saved.get(step.plain[0], []), *items]
        return list(range(len(items)))

    # Traversals inside

    def _leads(self, walker: Walker, steps: Steps) -> bool:
        return len(self._go(steps, [walker])) > 0

    def walk_where(self, walkers: list[Walker], step: Step) -> list[Walker]:
        if step.tests:
            among = [same(item) for name in step.tests[0].values for item in self.saved.get(name, [])]
            return [walker for walker in walkers if (same(walker[0]) in among) is (step.tests[0].name == "Within")]
        return [walker for walker in walkers if self._leads(walker, step.inner[0])]

    def walk_not(self, walkers: list[Walker], step: Step) -> list[Walker]:
        return [walker for walker in walkers if not self._leads(walker, step.inner[0])]

    def walk_and(self, walkers: list[Walker], step: Step) -> list[Walker]:
        return [walker for walker in walkers if all(self._leads(walker, steps) for steps in step.inner)]

    def walk_or(self, walkers: list[Walker], step: Step) -> list[Walker]:
        return [walker for walker in walkers if any(self._leads(walker, steps) for steps in step.inner)]

    def walk_union(self, walkers: list[Walker], step: Step) -> list[Walker]:
        return [found for steps in step.inner for found in self._go(steps, walkers)]

    def walk_local(self, walkers: list[Walker], step: Step) -> list[Walker]:
        return [found for walker in walkers for found in self._go(step.inner[0], [walker])]

    def walk_coalesce(self, walkers: list[Walker], step: Step) -> list[Walker]:
        found: list[Walker] = []
        for walker in walkers:
            ways = (self._go(steps, [walker]) for steps in step.inner)
            found += next((way for way in ways if way), [])
        return found

    def walk_optional(self, walkers: list[Walker], step: Step) -> list[Walker]:
        return [found for walker in walkers for found in self._go(step.inner[0], [walker]) or [walker]]

    def walk_choose(self, walkers: list[Walker], step: Step) -> list[Walker]:
        asked, then, *otherwise = step.inner
        yes = [walker for walker in walkers if self._leads(walker, asked)]
        no = [walker for walker in walkers if not self._leads(walker, asked)]
        return self._go(then, yes) + (self._go(otherwise[0], no) if otherwise else no)

    def walk_repeat(self, walkers: list[Walker], step: Step) -> list[Walker]:
        said = {each.name: (each, each in step.leading) for each in (*step.leading, *step.modulators)}
        times = said["Times"][0].plain[0] if "Times" in said else None
        found: list[Walker] = []

        def leave(now: list[Walker], *, first: bool) -> list[Walker]:
            if "Until" not in said or said["Until"][1] is not first:
                return now
            gone = [walker for walker in now if self._leads(walker, said["Until"][0].inner[0])]
            found.extend(gone)
            return [walker for walker in now if walker not in gone]

        def show(now: list[Walker], *, first: bool) -> None:
            if "Emit" in said and said["Emit"][1] is first:
                tests = said["Emit"][0].inner
                found.extend(walker for walker in now if not tests or self._leads(walker, tests[0]))

        seen = {same(item) for item, _ in walkers}
        rounds = 0
        self.rounds.append(0)
        while walkers and rounds != times:
            walkers = leave(walkers, first=True)
            show(walkers, first=True)
            walkers = self._go(step.inner[0], walkers)
            if step.inner[0][-1].name == "Dedup":
                walkers = [walker for walker in walkers if same(walker[0]) not in seen]
                seen |= {same(item) for item, _ in walkers}
            rounds += 1
            self.rounds[-1] = rounds
            walkers = leave(walkers, first=False)
            if rounds != times or "Until" in said:
                show(walkers, first=False)
        if "Until" in said:
            show(leave(walkers, first=True), first=True)
            walkers = []
        self.rounds.pop()
        return found + walkers

    def move_loops(self, item: Value, step: Step) -> list[Value]:
        return [self.rounds[-1]]

    # Trails

    def walk_simplepath(self, walkers: list[Walker], step: Step) -> list[Walker]:
        return [(item, trail) for item, trail in walkers if len(set(map(same, trail))) == len(trail)]

    def walk_cyclicpath(self, walkers: list[Walker], step: Step) -> list[Walker]:
        return [(item, trail) for item, trail in walkers if len(set(map(same, trail))) < len(trail)]

    def walk_path(self, walkers: list[Walker], step: Step) -> list[Walker]:
        found: list[Value] = [[shown(item) for item in trail] for _, trail in walkers]
        if step.modulators:
            key = step.modulators[0].plain[0]
            values = [[lookup(item, key) for item in trail] for _, trail in walkers]
            found = [[None if value is MISSING else value for value in path] for path in values]
        return [(path, (path,)) for path in found]

    def walk_tree(self, walkers: list[Walker], step: Step) -> list[Walker]:
        root: dict[str, Any] = {}
        for _, trail in walkers:
            branch = root
            for item in trail:
                branch = branch.setdefault(item.id, {})
        return [(root, (root,))] if walkers else []

    # Values and tables

    def _by(self, by: Step, item: Value) -> Value:
        if by.inner:
            found = self._go(by.inner[0], [(item, (item,))])
            return shown(found[0][0]) if found else MISSING
        keys = [key for key in by.plain if key not in ("ASC", "DESC")]
        return lookup(item, keys[0]) if keys else shown(item)

    def _groups(self, items: list[Value], step: Step) -> dict[str, list[Value]]:
        groups: dict[str, list[Value]] = {}
        for item in items:
            value = self._by(step if step.plain else step.modulators[0], item)
            members = [] if value is MISSING else value if isinstance(value, list) else [value]
            for name in dict.fromkeys(map(name_of, members)):
                groups.setdefault(name, []).append(item)
        return groups

    def gather_group(self, items: list[Value], step: Step) -> list[Value]:
        groups = self._groups(items, step)
        last = step.modulators[-1]
        found: dict[str, Value] = {
            name: len(members) if last.inner else [v for m in members if (v := self._by(last, m)) is not MISSING]
            for name, members in groups.items()
        }
        return [found] if found else []

    def gather_groupcount(self, items: list[Value], step: Step) -> list[Value]:
        groups = self._groups(items, step)
        return [{name: len(members) for name, members in groups.items()}] if groups else []

    def move_project(self, item: Value, step: Step) -> list[Value]:
        found = [self._by(step.modulators[at % len(step.modulators)], item) for at in range(len(step.plain))]
        return [{name: value for name, value in zip(step.plain, found, strict=True) if value is not MISSING}]

    def gather_count(self, items: list[Value], step: Step) -> list[Value]:
        return [len(items)]

    def gather_fold(self, items: list[Value], step: Step) -> list[Value]:
        return [list(map(shown, items))]

    def move_unfold(self, item: Value, step: Step) -> list[Value]:
        if isinstance(item, dict):
            return [{"Key": key, "Value": value} for key, value in item.items()]
        return item if isinstance(item, list) else [item]

    def _numbers(self, items: list[Value], step: Step, reduce: Callable[[list[Value]], Value]) -> list[Value]:
        found = [lookup(item, step.plain[0]) for item in items]
        return [reduce(found)] if found else []

    def gather_min(self, items: list[Value], step: Step) -> list[Value]:
        return self._numbers(items, step, min)

    def gather_max(self, items: list[Value], step: Step) -> list[Value]:
        return self._numbers(items, step, max)

    def gather_mean(self, items: list[Value], step: Step) -> list[Value]:
        return self._numbers(items, step, lambda numbers: sum(numbers) / len(numbers))

    def move_math(self, item: Value, step: Step) -> list[Value]:
        """Python's own arithmetic is the second reading."""
        formula = step.plain[0]
        named = {name: number(lookup(item, name)) for name in re.findall(r"(?<![\w.])[A-Za-z_]\w*", formula)}
        if None in named.values():
            return []
        try:
            return [eval(formula, {"__builtins__": {}}, named)]  # noqa: S307 the generator wrote it
        except ZeroDivisionError:
            return []

    def move_constant(self, item: Value, step: Step) -> list[Value]:
        return [step.plain[0]]

    def move_id(self, item: Value, step: Step) -> list[Value]:
        return [item.id]

    def move_label(self, item: Value, step: Step) -> list[Value]:
        value = lookup(item, "RelationType" if isinstance(item, Edge) else "Type")
        return [] if value is MISSING else [value]

    def move_values(self, item: Value, step: Step) -> list[Value]:
        value = lookup(item, step.plain[0])
        return [] if value is MISSING or value in ([], {}) else [value]

    def move_valuemap(self, item: Value, step: Step) -> list[Value]:
        if not step.plain:
            return [item.metadata]
        found = {key: value for key in step.plain if (value := lookup(item, key)) is not MISSING}
        return [found] if found else []

    def move_elementmap(self, item: Value, step: Step) -> list[Value]:
        fields = {key: value for key in FIELDS if (value := lookup(item, key)) is not MISSING}
        more = {"@Host": item.host, "@Origin": item.origin, "@UpdatedAt": item.updated_at}
        return [{**fields, **more, **item.metadata}]

    def move_properties(self, item: Value, step: Step) -> list[Value]:
        keys = step.plain or tuple(item.metadata)
        found = [(key, lookup(item, key) if step.plain else item.metadata[key]) for key in keys]
        return [{"Key": key, "Value": value} for key, value in found if value is not MISSING]

    # The graph as a whole

    def gather_select(self, items: list[Value], step: Step) -> list[Value]:
        return [item for name in step.plain for item in self.saved[name]]

    def gather_subgraph(self, items: list[Value], step: Step) -> list[Value]:
        chosen = [items[at] for at in newest(items)]
        if items and isinstance(items[0], Edge):
            edges = [edge for edge in chosen if passes(edge, step.pairs)]
            ends = {end for edge in edges for end in (edge.parent, edge.child)}
            nodes = [self.nodes[at] for at in newest(self.nodes) if self.nodes[at].id in ends]
        else:
            nodes = chosen
            ids = {node.id for node in nodes}
            inner = [edge for edge in self._latest_edges() if edge.parent in ids and edge.child in ids]
            edges = [edge for edge in inner if passes(edge, step.pairs)]
        self.nodes, self.edges = nodes, edges
        return []

    def _within(self, items: list[Value], ways: str, depth: int | None) -> list[Value]:
        reached = {item.id for item in items}
        found = list({(item.id, item.updated_at): item for item in items}.values())
        rounds = 0
        while depth is None or rounds < depth:
            rounds += 1
            beyond: set[str] = set()
            for edge in self._latest_edges():
                if not passes(edge, OWNERSHIP):
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

    def gather_descendants(self, items: list[Value], step: Step) -> list[Value]:
        return self._within(items, "out", step.plain[0] or None)

    def gather_ascendants(self, items: list[Value], step: Step) -> list[Value]:
        return self._within(items, "in", step.plain[0] or None)

    def gather_neighbors(self, items: list[Value], step: Step) -> list[Value]:
        return self._within(items, "in out", step.plain[0])
