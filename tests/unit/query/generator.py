# SPDX-License-Identifier: Apache-2.0
"""Random graphs, tests and changes, made of few keys and values so that they meet each other often.

All choices go through `Pick`: Hypothesis makes them to shrink what fails, a seeded generator to try thousands.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from netsonde.graph.batch import Batch
from netsonde.model.elements import Edge, Node
from unit.query.naive import Pairs, Test

T = TypeVar("T")
Pick = Callable[[Sequence[Any]], Any]

NODE_IDS = ["a", "b", "c", "d", "e"]
EDGE_IDS = ["x", "y", "z", "w", "v", "u"]
SCALARS = ["eth0", "eth0", "20", 20, 20, 20.0, 0.5, 1, True, None]
NUMBERS = [20, 0.5, 0, 21]
PARTS = ["eth", "0", "ETH0", "", "x"]
LABELS = ["ownership", "layer2"]
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
    made: dict[str, Any] = {"Name": pick(SCALARS), "RelationType": pick(LABELS), "Type": pick(LABELS)}
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


def value_test(pick: Pick, depth: int = 1) -> Test:
    comparisons = ["Lt", "Lte", "Gt", "Gte", "Inside", "Between", "Outside"]
    texts = ["Contains", "NotContains", "StartsWith", "NotStartsWith", "EndsWith", "NotEndsWith", "IContains"]
    few = ["Exists", "IsNull", "Eq", *(["And", "Or", "Not"] if depth else [])]
    name = pick(
        ["", "", "", "Ne", "Nee", "Within", "Without", pick(comparisons), pick(comparisons), pick(texts), pick(few)]
    )
    if name in ("And", "Or", "Not"):
        return Test(name, parts=tuple(value_test(pick, depth - 1) for _ in range(1 if name == "Not" else 2)))
    if name in ("Exists", "IsNull"):
        return Test(name)
    if name in ("Within", "Without"):
        return Test(name, tuple(pick(SCALARS) for _ in range(pick([0, 1, 2]))))
    if name in ("", "Eq", "Ne", "Nee"):
        return Test(name, (pick(SCALARS),))
    if name in texts:
        return Test(name, (pick(PARTS),))
    return Test(name, tuple(pick(NUMBERS) for _ in range(2 if name in ("Inside", "Between", "Outside") else 1)))


def pairs(pick: Pick) -> Pairs:
    return tuple((pick(KEYS), value_test(pick)) for _ in range(pick([1, 1, 2])))


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
