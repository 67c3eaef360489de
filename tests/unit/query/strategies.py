# SPDX-License-Identifier: Apache-2.0
"""Random graphs and random queries, drawn from few keys and values so that they meet each other often."""

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from netsonde.model.elements import Edge, Node
from unit.query.naive import Step, Test

NODE_IDS = ["a", "b", "c", "d", "e"]
EDGE_IDS = ["x", "y", "z", "w", "v", "u"]
KEYS = [
    *["Name", "Map.in", "List.of", "Tags"] * 3,
    "Map",
    "Nope",
    "@ID",
    "@CreatedAt",
    "@Revision",
    "@DeletedAt",
    "Parent",
]

scalars: st.SearchStrategy[Any] = st.sampled_from(
    ["eth0", "veth", "20", "", 20, 20.0, 1500, 0.5, -1, True, False, None]
)
comparable = st.sampled_from([20, 0.5, 0])
metadata: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "Name": scalars,
        "Map": st.one_of(scalars, st.fixed_dictionaries({}, optional={"in": scalars, "out": scalars})),
        "List": st.lists(st.fixed_dictionaries({}, optional={"of": scalars, "at": scalars}), max_size=3),
        "Tags": st.lists(scalars, max_size=3),
        "RelationType": st.sampled_from(["ownership", "layer2"]),
    },
)


@st.composite
def tests(draw: st.DrawFn) -> Test:
    name = draw(
        st.sampled_from(
            ["", "", "Ne", "Nee", "Lt", "Lte", "Gt", "Gte", "Inside", "Between", "Outside", "Within", "Without"]
        )
    )
    count = {"Inside": 2, "Between": 2, "Outside": 2}.get(name, 1)
    if name in ("Within", "Without"):
        return Test(name, tuple(draw(st.lists(scalars, max_size=3))))
    if name in ("", "Ne", "Nee"):
        return Test(name, (draw(scalars),))
    return Test(name, tuple(draw(st.lists(comparable, min_size=count, max_size=count))))


keys = st.sampled_from(KEYS)
pairs = st.lists(st.tuples(keys, tests()), min_size=1, max_size=2).map(tuple)
some_pairs = st.one_of(st.just(()), pairs)


@st.composite
def graphs(draw: st.DrawFn, *, revisions: int = 1) -> tuple[list[Node], list[Edge]]:
    nodes: list[Node] = []
    for at, id in enumerate(draw(st.lists(st.sampled_from(NODE_IDS), unique=True))):
        nodes += [
            Node(id, draw(metadata), "h", "agent.h", 10 + at % 2, 10 + at + revision, None, revision)
            for revision in range(1, 1 + draw(st.integers(1, revisions)))
        ]
    edges: list[Edge] = []
    present = sorted({node.id for node in nodes})
    for id in draw(st.lists(st.sampled_from(EDGE_IDS), unique=True)) if present else []:
        ends = draw(st.tuples(st.sampled_from(present), st.sampled_from(present)))
        edges += [
            Edge(id, draw(metadata), "h", "agent.h", 20, 20 + revision, None, revision, *ends)
            for revision in range(1, 1 + draw(st.integers(1, revisions)))
        ]
    return nodes, edges


Draw = Callable[[st.DrawFn], tuple[list[Step], str]]


def _filters(draw: st.DrawFn) -> Step:
    name = draw(st.sampled_from(["Has", "HasEither", "HasKey", "HasNot"]))
    if name in ("Has", "HasEither"):
        return Step(name, draw(pairs))
    return Step(name, plain=(draw(keys),))


def _cut(draw: st.DrawFn) -> list[Step]:
    """Return steps whose result depends on the order, after one that makes the order certain."""
    order = [Step("Sort", plain=("@Revision",)), Step("Sort", plain=("@ID",))]
    if draw(st.booleans()):
        order.append(Step("Sort", plain=(*draw(st.sampled_from([(), ("ASC",), ("DESC",)])), draw(keys))))
    cut = draw(
        st.one_of(
            st.integers(0, 6).map(lambda n: Step("Limit", plain=(n,))),
            st.tuples(st.integers(0, 4), st.integers(0, 6)).map(lambda ends: Step("Range", plain=ends)),
            st.lists(keys, min_size=1, max_size=2).map(lambda names: Step("Dedup", plain=tuple(names))),
        )
    )
    return [*order, cut]


def _node_steps(draw: st.DrawFn) -> tuple[list[Step], str]:
    name = draw(
        st.sampled_from(
            ["filter", "filter", "Out", "In", "Both", "OutE", "InE", "BothE", "Dedup", "cut", "walk", "SubGraph", "G"]
        )
    )
    if name in ("Out", "In", "Both"):
        return [Step(name, draw(some_pairs))], "nodes"
    if name in ("OutE", "InE", "BothE"):
        return [Step(name, draw(some_pairs))], "edges"
    if name == "walk":
        walk = draw(st.sampled_from(["Descendants", "Ascendants", "Neighbors"]))
        return [Step(walk, plain=(draw(st.integers(0, 3)),))], "nodes"
    return _element_steps(draw, name, "nodes")


def _edge_steps(draw: st.DrawFn) -> tuple[list[Step], str]:
    name = draw(st.sampled_from(["filter", "OutV", "InV", "BothV", "Dedup", "cut", "SubGraph", "G"]))
    if name in ("OutV", "InV", "BothV"):
        return [Step(name, draw(some_pairs))], "nodes"
    return _element_steps(draw, name, "edges")


def _element_steps(draw: st.DrawFn, name: str, kind: str) -> tuple[list[Step], str]:
    if name == "filter":
        return [_filters(draw)], kind
    if name == "cut":
        return _cut(draw), kind
    if name == "Dedup":
        return [Step("Dedup")], kind
    if name == "SubGraph":
        return [Step("SubGraph", draw(some_pairs)), Step("V")], "nodes"
    return [Step("G"), Step("V")], "nodes"


@st.composite
def queries(draw: st.DrawFn) -> Sequence[Step]:
    """Return steps of which each takes what the one before it gives."""
    name = draw(st.sampled_from(["V", "V", "E"]))
    steps = [Step(name, plain=draw(st.one_of(st.just(()), st.tuples(st.sampled_from(NODE_IDS + EDGE_IDS)))))]
    kind = "nodes" if name == "V" else "edges"
    for _ in range(draw(st.integers(0, 4))):
        more, kind = _node_steps(draw) if kind == "nodes" else _edge_steps(draw)
        steps += more
    end = draw(st.sampled_from(["", "", "Count", "Values", "ValueMap"]))
    if end == "Count":
        steps.append(Step("Count"))
    elif end == "Values":
        steps.append(Step("Values", plain=(draw(keys),)))
    elif end == "ValueMap":
        steps.append(Step("ValueMap", plain=tuple(draw(st.lists(keys, min_size=1, max_size=2)))))
    return steps
