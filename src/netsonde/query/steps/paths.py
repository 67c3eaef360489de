# SPDX-License-Identifier: Apache-2.0
"""Steps that look at the way which led to each item: `Path`, `SimplePath`, `CyclicPath`, `Tree`, `OtherV`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from netsonde.graph.paths import Missing
from netsonde.model.elements import Edge, Json, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import LimitReached, QueryError
from netsonde.query.kinds import Kind
from netsonde.query.order import identity
from netsonde.query.rows import Item
from netsonde.query.steps._api import Building, Composite, Effect, Fetch, Operation, PlannedStep, Traversal, Traversers
from netsonde.query.steps._by import By, any_reader, as_json, bys, everything, key_text
from netsonde.query.steps._traversal import Trail, begin
from netsonde.query.syntax import Call

_DEEPEST_TREE: Final = 200
"""Levels; what is nested deeper cannot be encoded as JSON."""


class _Trailing(Composite):
    """A step that follows trails itself."""

    __slots__ = ()

    def follows_trails(self) -> bool:
        return True


def _trails(travellers: Traversers) -> Sequence[Trail]:
    return travellers.trails if travellers.trails is not None else [(row,) for row in travellers.rows]


@dataclass(frozen=True, slots=True)
class PathOf(_Trailing):
    """The items of each trail; as they are when all are nodes, else as JSON."""

    bys: tuple[By, ...]
    as_nodes: bool

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        trails = _trails(travellers)
        context.check(sum(map(len, trails)))
        if self.as_nodes:
            return begin(cast("Sequence[Item]", trails))
        return begin(context.collected(self._shown(trail, context) for trail in trails))

    def questions(self) -> Iterable[Traversal]:
        return (by.traversal for by in self.bys if by.traversal is not None)

    def reads(self, takes: Kind) -> Iterable[tuple[Kind, str]]:
        yield from _reads(self.bys)
        if not self.bys and not self.as_nodes:
            yield from everything(Kind.NODES)
            yield from everything(Kind.EDGES)

    def _shown(self, trail: Trail, context: Context) -> list[Json]:
        if not self.bys:
            return [as_json(item) for item in trail]
        found = (self.bys[at % len(self.bys)].value(item, context) for at, item in enumerate(trail))
        return [None if isinstance(value, Missing) else value for value in found]


@dataclass(frozen=True, slots=True)
class Repetition(_Trailing):
    """Keep the items whose trail comes, or does not come, to the same item twice."""

    wanted: bool

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        trails = context.watched(_trails(travellers))
        kept = [at for at, trail in enumerate(trails) if self._repeats(trail) is self.wanted]
        context.check(len(kept))
        return travellers.at(kept)

    @staticmethod
    def _repeats(trail: Trail) -> bool:
        return len({identity(item) for item in trail}) < len(trail)


@dataclass(frozen=True, slots=True)
class TreeOf(_Trailing):
    """All trails as one object of objects, named by what stands for each item."""

    bys: tuple[By, ...]

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        trails = _trails(travellers)
        root: dict[str, Json] = {}
        for trail in trails:
            if len(trail) > _DEEPEST_TREE:
                raise LimitReached(f"a tree has at most {_DEEPEST_TREE} levels", hint="use Path(), or fewer rounds")
            branch = root
            for at, item in enumerate(trail):
                name = key_text(self.bys[at % len(self.bys)].value(item, context)) if self.bys else _id_of(item)
                branch = cast("dict[str, Json]", branch.setdefault(name, {}))
            context.check()
        return begin((root,) if trails else ())

    def questions(self) -> Iterable[Traversal]:
        return (by.traversal for by in self.bys if by.traversal is not None)

    def reads(self, takes: Kind) -> Iterable[tuple[Kind, str]]:
        return _reads(self.bys)


@dataclass(frozen=True, slots=True)
class OtherEnd(_Trailing):
    """The end of each edge that is not the node before it."""

    effect = Effect.MOVES

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        rows: list[Item] = []
        trails: list[Trail] = []
        for trail in _trails(travellers):
            edge, came_from = cast("Edge", trail[-1]), trail[-2] if len(trail) > 1 else None
            if not isinstance(came_from, Node):
                raise QueryError("OtherV meets an edge that was not reached from a node", hint="use BothV() instead")
            other = edge.child if came_from.id == edge.parent else edge.parent
            reached = context.graph.revisions(other)
            rows += reached
            trails += [(*trail, node) for node in reached]
            context.check(len(rows))
        return Traversers(rows, trails if travellers.tracked else None)


def _reads(bys: Iterable[By]) -> Iterable[tuple[Kind, str]]:
    for by in bys:
        yield from by.reads()
        if by.key:
            yield from ((Kind.NODES, by.key), (Kind.EDGES, by.key))


def _id_of(item: Item) -> str:
    return item.id if isinstance(item, Node | Edge) else key_text(as_json(item))


def build_path(call: Call, building: Building) -> Operation:
    """The way that led to each item, from the first step on: `G.V('v1n').In().In('Type', 'host').Path()`.

    With `By` each item is shown by a key or traversal, the first by the first, and so on, round and round; what has no
    such key is null: `G.V('v1n').In().Path().By('Name')`. Paths over edges and values are lists of JSON objects.
    """
    arguments.none(call)
    shown = _bys(building)
    as_nodes = not shown and all(_gives(step, Kind.NODES) for step in _since_gathered(building.before))
    building.gives = Kind.PATHS if as_nodes else Kind.VALUES
    return PathOf(shown, as_nodes)


def build_simple_path(call: Call, building: Building) -> Operation:
    """Keep the items whose way there comes to nothing twice: `G.V('p1').Both().Both().SimplePath()`."""
    arguments.none(call)
    return Repetition(wanted=False)


def build_cyclic_path(call: Call, building: Building) -> Operation:
    """Keep the items whose way there comes to something twice: `G.V('p1').Both().Both().CyclicPath()`."""
    arguments.none(call)
    return Repetition(wanted=True)


def build_tree(call: Call, building: Building) -> Operation:
    """The ways to all items as a tree of their ids, or of what `By` says: `G.V('h1').Out().Out().Tree().By('Name')`."""
    arguments.none(call)
    return TreeOf(_bys(building))


def build_other_v(call: Call, building: Building) -> Operation:
    """The other end of each edge, seen from the node before it: `G.V('v1h').BothE('Type', 'veth').OtherV()`."""
    arguments.none(call)
    if not _came_from_node(building.before):
        raise QueryError(
            f"{call.name} needs to know from which node the edges were reached",
            hint="write OutE(), InE() or BothE() before, or BothV() instead",
            span=call.span,
        )
    return OtherEnd()


def _bys(building: Building) -> tuple[By, ...]:
    """Return what stands for the items of a trail, which need not be of one kind."""
    found = bys(building)
    uniform = all(_gives(step, building.takes) for step in _since_gathered(building.before))
    for by, call in zip(found, building.modulators, strict=True):
        if by.traversal is not None and not uniform:
            raise QueryError(
                "a traversal cannot stand for items of different kinds", hint="give By(…) a key", span=call.span
            )
    if uniform:
        return tuple(found)
    # Elements and values read keys in their own ways.
    return tuple(by if by.read is None else replace(by, read=any_reader(by.key)) for by in found)


def _since_gathered(before: Sequence[PlannedStep]) -> Sequence[PlannedStep]:
    """Return the steps of which trails still tell."""
    for at in range(len(before) - 1, -1, -1):
        step = before[at]
        if not _keeps_trail(step):
            return before[at:]
    return before


def _keeps_trail(step: PlannedStep) -> bool:
    operation = step.operation
    if isinstance(operation, PathOf | TreeOf):
        return False
    if isinstance(operation, Composite):
        return True
    if isinstance(operation, Fetch):
        return False
    return operation.effect is Effect.MOVES or (operation.effect is Effect.KEEPS and step.takes is step.gives)


def _gives(step: PlannedStep, kind: Kind) -> bool:
    """Tell whether a step adds items of one kind only to trails."""
    operation = step.operation
    inner = [one for way in operation.ways() for one in way.steps] if isinstance(operation, Composite) else []
    return step.gives is kind and all(_gives(one, kind) for one in inner)


def _came_from_node(before: Sequence[PlannedStep]) -> bool:
    for step in reversed(before):
        if step.takes is Kind.NODES and step.gives is Kind.EDGES:
            return not isinstance(step.operation, Composite)
        if step.takes is not Kind.EDGES or step.gives is not Kind.EDGES or not _keeps_trail(step):
            return False
    return False
