# SPDX-License-Identifier: Apache-2.0
"""What a filter shows of the live graph: following changes gives, message by message, what asking anew gives."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings

from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.graph.graph import Graph
from netsonde.model.elements import Edge, Element
from netsonde.query import LimitReached, Sources, parse, run
from netsonde.query.graph_view import Delta, FollowedView, compile_view
from unit.query.generator import Pick, change, graph, picks, seeded, some_pairs
from unit.query.naive import Step, text_of
from unit.query.plan_generator import followed_query

ROUNDS = int(os.environ.get("NETSONDE_TEST_ROUNDS", "40"))


class Mirror:
    """A client: applies deltas, and complains about what a client could not apply."""

    def __init__(self, shown: Sequence[Element]) -> None:
        self.known = {_key(element): element for element in shown}

    def apply(self, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            key = _key(delta.element)
            assert (key in self.known) is (delta.kind != "added"), delta
            assert delta.previous is self.known.get(key), delta
            if delta.kind == "deleted":
                del self.known[key]
            else:
                self.known[key] = delta.element
            self.check_ends()

    def check_ends(self) -> None:
        for element in self.known.values():
            if isinstance(element, Edge):
                assert ("node", element.parent) in self.known
                assert ("node", element.child) in self.known


def _key(element: Element) -> tuple[str, str]:
    return ("edge" if isinstance(element, Edge) else "node", element.id)


def _live() -> Graph:
    clock = iter(range(1000, 10**9))
    return Graph("h", "agent.h", lambda: next(clock))


def _apply(live: Graph, fill: Callable[[Batch], None]) -> Sequence[Event]:
    batch = Batch()
    fill(batch)
    return live.apply(batch)


def _view(text: str, live: Graph, **limits: Any) -> FollowedView:
    shape = compile_view(parse(text))
    assert shape is not None, text
    view = FollowedView(shape, live, **limits)
    list(view.fill())
    return view


async def _anew(text: str, live: Graph) -> dict[tuple[str, str], Element]:
    found = (await run(parse(text), Sources(live))).graph
    assert found is not None
    elements: list[Element] = [*found.nodes(), *found.edges()]
    return {_key(element): element for element in elements}


def _begin(pick: Pick) -> Graph:
    live = _live()
    nodes, edges = graph(pick)

    def fill(batch: Batch) -> None:
        for node in nodes:
            batch.put_node(node.id, "probe", node.metadata)
        for edge in edges:
            batch.put_edge(edge.id, edge.parent, edge.child, "probe", edge.metadata)

    _apply(live, fill)
    return live


def _filter(pick: Pick) -> str:
    steps = followed_query(pick)
    ends_in_edges = [*steps, Step(pick(["OutE", "InE", "BothE"]), some_pairs(pick))]
    return text_of([*pick([steps, ends_in_edges]), Step("SubGraph", some_pairs(pick))])


async def _follow(pick: Pick) -> None:
    text, live = _filter(pick), _begin(pick)
    view = _view(text, live)
    mirror = Mirror(list(view.elements()))
    assert mirror.known == await _anew(text, live), text

    for _ in range(6):
        mirror.apply(view.update(_apply(live, change(pick))))
        assert mirror.known == await _anew(text, live), text


async def _outrun(pick: Pick) -> None:
    text, live = _filter(pick), _begin(pick)
    view = _view(text, live)
    mirror = Mirror(list(view.elements()))

    for events in [_apply(live, change(pick)) for _ in range(6)]:
        mirror.apply(view.update(events))

    assert mirror.known == await _anew(text, live), text


async def _while_filling(pick: Pick) -> None:
    text, live = _filter(pick), _begin(pick)
    shape = compile_view(parse(text))
    assert shape is not None
    view = FollowedView(shape, live)
    for _ in view.fill():
        view.update(_apply(live, change(pick)))
    mirror = Mirror(list(view.elements()))
    assert mirror.known == await _anew(text, live), text


PROPERTIES = pytest.mark.parametrize("holds", [_follow, _outrun, _while_filling])


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small graphs be taken in piece by piece."""
    monkeypatch.setattr("netsonde.query.graph_view._CHUNK", 2)


@PROPERTIES
@pytest.mark.parametrize("seed", range(3))
async def test_a_client_that_applies_the_deltas_has_what_asking_anew_gives(holds: Any, seed: int) -> None:
    pick = seeded(seed)

    for _ in range(ROUNDS):
        await holds(pick)


@PROPERTIES
@given(pick=picks())
@settings(max_examples=30, deadline=None)
async def test_the_smallest_change_that_is_shown_wrongly_is_found(holds: Any, pick: Pick) -> None:
    await holds(pick)


def test_an_edge_comes_after_its_ends_and_goes_before_them() -> None:
    live = _live()
    view = _view("G.V().Has('Type', 'veth').SubGraph()", live)

    def pair(batch: Batch) -> None:
        batch.put_edge("e", "a", "b", "p", {"RelationType": "layer2"})
        batch.put_node("a", "p", {"Type": "veth"})
        batch.put_node("b", "p", {"Type": "veth"})

    came = view.update(_apply(live, pair))
    went = view.update(_apply(live, lambda batch: batch.put_node("a", "p", {"Type": "other"})))

    assert [(delta.kind, delta.element.id) for delta in came] == [("added", "a"), ("added", "b"), ("added", "e")]
    assert [(delta.kind, delta.element.id) for delta in went] == [("deleted", "e"), ("deleted", "a")]


def test_what_is_really_gone_says_when() -> None:
    live = _live()
    _apply(live, lambda batch: batch.put_node("a", "p", {"Type": "veth"}))
    view = _view("G.V().SubGraph()", live)

    (gone,) = view.update(_apply(live, lambda batch: batch.delete_node("a")))

    assert gone.element.deleted_at is not None


@pytest.mark.parametrize("size", [10, 1000])
def test_the_cost_of_an_event_does_not_depend_on_the_size_of_the_graph(size: int) -> None:
    live = _live()

    def fill(batch: Batch) -> None:
        for at in range(size):
            batch.put_node(f"ns{at}", "p", {"Type": "netns"})
            batch.put_node(f"veth{at}", "p", {"Type": "veth"})
            batch.put_edge(f"own{at}", f"ns{at}", f"veth{at}", "p", {"RelationType": "ownership"})

    _apply(live, fill)
    counting = CountingGraph(live)
    shape = compile_view(parse("G.V().Has('Type', 'netns').Both().SubGraph()"))
    assert shape is not None
    view = FollowedView(shape, counting)
    list(view.fill())
    counting.asked = 0

    deltas = view.update(_apply(live, lambda batch: batch.put_node("ns3", "p", {"Type": "other"})))

    assert [delta.element.id for delta in deltas] == ["veth3"]
    assert counting.asked <= 12


class CountingGraph:
    """Counts how often a view asks the graph."""

    def __init__(self, live: Graph) -> None:
        self._live = live
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        return getattr(self._live, name)


@pytest.mark.parametrize("text", ["G", "G.V().SubGraph()"])
def test_the_whole_graph_is_followed_like_any_part_of_it(text: str) -> None:
    live = _live()
    view = _view(text, live)

    deltas = view.update(_apply(live, lambda batch: batch.put_node("a", "p", {})))

    assert [delta.element.id for delta in deltas] == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        "G.V().Limit(5).SubGraph()",
        "G.V().SubGraph().V().SubGraph()",
        "G.V().Descendants(3).SubGraph()",
        "G.V().ShortestPathTo(Metadata('Type', 'host')).SubGraph()",
        "G.Flows().Nodes().SubGraph()",
        "G.At('-1m').V().SubGraph()",
        "G.V().Count()",
    ],
)
def test_what_depends_on_more_than_each_element_has_to_be_asked_anew(text: str) -> None:
    assert compile_view(parse(text)) is None


@pytest.mark.parametrize("limits", [{"supports": 10}, {"seconds": 0.0}])
def test_a_filter_that_costs_too_much_to_start_with_is_refused(limits: dict[str, Any]) -> None:
    live = _live()

    def fill(batch: Batch) -> None:
        for at in range(2100):
            batch.put_node(f"n{at}", "p", {})
            batch.put_edge(f"e{at}", "n0", f"n{at}", "p", {"RelationType": "layer2"})

    _apply(live, fill)

    with pytest.raises(LimitReached, match="costs too much to be followed"):
        _view("G.V().Both().Both().SubGraph()", live, **limits)
