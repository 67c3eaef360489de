# SPDX-License-Identifier: Apache-2.0
"""Random graphs, queries and changes, made of few keys and values so that they meet each other often.

All choices go through `Pick`: Hypothesis makes them to shrink what fails, a seeded generator to try thousands.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from netsonde.graph.batch import Batch
from netsonde.model.elements import Edge, Node
from unit.query.naive import Pairs, Step, Test

T = TypeVar("T")
Pick = Callable[[Sequence[Any]], Any]

NODE_IDS = ["a", "b", "c", "d", "e"]
EDGE_IDS = ["x", "y", "z", "w", "v", "u"]
SCALARS = ["eth0", "eth0", "20", 20, 20, 20.0, 0.5, 1, True, None]
NUMBERS = [20, 0.5, 0, 21]
KEYS = [
    *["Name"] * 8,
    *["Map.in", "List.of", "Tags"] * 3,
    "Map",
    "Nope",
    "@ID",
    "@CreatedAt",
    "@Revision",
    "@DeletedAt",
]
ABSENT = object()


def seeded(seed: int) -> Pick:
    return random.Random(seed).choice


@st.composite
def picks(draw: st.DrawFn) -> Pick:
    return lambda options: draw(st.sampled_from(list(options)))


def _object(pick: Pick, **options: Sequence[Any]) -> dict[str, Any]:
    drawn = {key: pick([*values, ABSENT]) for key, values in options.items()}
    return {key: value for key, value in drawn.items() if value is not ABSENT}


def metadata(pick: Pick) -> Any:
    made: dict[str, Any] = {"Name": pick(SCALARS), "RelationType": pick(["ownership", "layer2"])}
    for key in ("Map", "List", "Tags"):
        if pick([True, False]):
            made[key] = _nested(pick, key)
    return made


def _nested(pick: Pick, key: str) -> Any:
    if key == "Tags":
        return [pick(SCALARS) for _ in range(pick([0, 1, 2, 3]))]
    if key == "List":
        return [_object(pick, of=SCALARS, at=SCALARS) for _ in range(pick([1, 2]))]
    return pick([pick(SCALARS), _object(pick, **{"in": SCALARS, "out": SCALARS})])


def test_of_value(pick: Pick) -> Test:
    comparisons = ["Lt", "Lte", "Gt", "Gte", "Inside", "Between", "Outside"]
    name = pick(["", "", "", "Ne", "Nee", "Within", "Without", pick(comparisons), pick(comparisons)])
    if name in ("Within", "Without"):
        return Test(name, tuple(pick(SCALARS) for _ in range(pick([0, 1, 2]))))
    if name in ("", "Ne", "Nee"):
        return Test(name, (pick(SCALARS),))
    return Test(name, tuple(pick(NUMBERS) for _ in range(2 if name in ("Inside", "Between", "Outside") else 1)))


test_of_value.__test__ = False  # type: ignore[attr-defined]


def pairs(pick: Pick) -> Pairs:
    return tuple((pick(KEYS), test_of_value(pick)) for _ in range(pick([1, 1, 2])))


def some_pairs(pick: Pick) -> Pairs:
    return pairs(pick) if pick([True, False, False]) else ()


def graph(pick: Pick, *, revisions: int = 1) -> tuple[list[Node], list[Edge]]:
    # Small and empty graphs are made too, but a full one tells more.
    present = NODE_IDS[: pick([5, 5, 5, 4, 2, 0])]
    nodes = [
        Node(id, metadata(pick), "h", "agent.h", 10 + at % 2, 10 + at + revision, None, revision)
        for at, id in enumerate(present)
        for revision in range(1, 1 + pick(range(1, revisions + 1)))
    ]
    edges: list[Edge] = []
    for id in EDGE_IDS[: pick([6, 6, 5, 3, 0])] if present else []:
        parent, child = pick(present), pick(present)
        edges += [
            Edge(id, metadata(pick), "h", "agent.h", 20, 20 + revision, None, revision, parent, child)
            for revision in range(1, 1 + pick(range(1, revisions + 1)))
        ]
    return nodes, edges


def _filter(pick: Pick) -> Step:
    name = pick(["Has", "Has", "HasEither", "HasKey", "HasNot"])
    return Step(name, pairs(pick)) if name in ("Has", "HasEither") else Step(name, plain=(pick(KEYS),))


def _cut(pick: Pick) -> list[Step]:
    """Return steps whose result depends on the order, after one that makes the order certain."""
    order = [Step("Sort", plain=("@Revision",)), Step("Sort", plain=("@ID",))]
    if pick([True, True, False]):
        order.append(Step("Sort", plain=(*pick([(), ("ASC",), ("DESC",)]), *pick([(pick(KEYS),), (pick(KEYS),), ()]))))
    cut = pick(["Limit", "Range", "Dedup"])
    if cut == "Limit":
        return [*order, Step(cut, plain=(pick(range(7)),))]
    if cut == "Range":
        return [*order, Step(cut, plain=(pick(range(5)), pick(range(7))))]
    return [*order, Step(cut, plain=tuple(pick(KEYS) for _ in range(pick([1, 2]))))]


def _from_nodes(pick: Pick) -> tuple[list[Step], bool]:
    moves = ["Out", "In", "Both", "OutE", "InE", "BothE"]
    name = pick(["filter", "filter", "filter", "filter", *moves, "Dedup", "cut", "walk", "SubGraph", "G"])
    if name in moves:
        return [Step(name, some_pairs(pick))], not name.endswith("E")
    if name == "walk":
        return [Step(pick(["Descendants", "Ascendants", "Neighbors"]), plain=(pick(range(4)),))], True
    return _from_elements(pick, name, nodes=True)


def _from_edges(pick: Pick) -> tuple[list[Step], bool]:
    name = pick(["filter", "OutV", "InV", "BothV", "Dedup", "cut", "SubGraph", "G"])
    if name in ("OutV", "InV", "BothV"):
        return [Step(name, some_pairs(pick))], True
    return _from_elements(pick, name, nodes=False)


def _from_elements(pick: Pick, name: str, *, nodes: bool) -> tuple[list[Step], bool]:
    if name == "filter":
        return [_filter(pick)], nodes
    if name == "cut":
        return _cut(pick), nodes
    if name == "Dedup":
        return [Step("Dedup")], nodes
    if name == "SubGraph":
        return [Step("SubGraph", some_pairs(pick)), Step("V")], True
    return [Step("G"), Step("V")], True


def _source(pick: Pick) -> Step:
    name = pick(["V", "V", "V", "E"])
    return Step(name, plain=pick([(), (), (), (), (pick(NODE_IDS if name == "V" else EDGE_IDS),)]))


def query(pick: Pick) -> Sequence[Step]:
    """Return steps of which each takes what the one before it gives."""
    steps = [_source(pick)]
    nodes = steps[0].name == "V"
    for _ in range(pick(range(5))):
        more, nodes = _from_nodes(pick) if nodes else _from_edges(pick)
        steps += more
    end = pick(["", "", "", "Count", "Values", "ValueMap"])
    if end == "Count":
        return [*steps, Step(end)]
    if end:
        return [*steps, Step(end, plain=(pick(KEYS),))]
    return steps


def standing_query(pick: Pick) -> Sequence[Step]:
    """Return steps that can stand and end at nodes; most can be followed through levels."""
    steps = [_source(pick)]
    nodes = steps[0].name == "V"
    for _ in range(pick(range(5))):
        moves = ["Out", "In", "Both", "OutE", "InE", "BothE"] if nodes else ["OutV", "InV", "BothV"]
        name = pick(["filter", *moves])
        steps.append(_filter(pick) if name == "filter" else Step(name, some_pairs(pick)))
        nodes = nodes if name == "filter" else not name.endswith("E")
    if not nodes:
        steps.append(Step(pick(["OutV", "InV", "BothV"])))
    if pick([False, False, False, True]):
        steps.append(Step("Descendants", plain=(pick(range(4)),)))
    return steps


def change(pick: Pick) -> Callable[[Batch], None]:
    """Return what fills a batch with a few changes."""
    operations = [_operation(pick) for _ in range(pick([1, 1, 2, 4]))]

    def fill(batch: Batch) -> None:
        for name, arguments in operations:
            getattr(batch, name)(*arguments)

    return fill


def _operation(pick: Pick) -> tuple[str, tuple[Any, ...]]:
    name = pick(["put_node", "put_node", "delete_node", "put_edge", "put_edge", "delete_edge"])
    if name == "put_node":
        return name, (pick(NODE_IDS), "probe", metadata(pick))
    if name == "put_edge":
        return name, (pick(EDGE_IDS), pick(NODE_IDS), pick(NODE_IDS), "probe", metadata(pick))
    return name, (pick(NODE_IDS if name == "delete_node" else EDGE_IDS),)
