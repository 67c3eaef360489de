# SPDX-License-Identifier: Apache-2.0
"""Standing queries: which are local, and that following changes gives what asking anew would give."""

import os
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.graph.graph import Graph
from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Node
from netsonde.query import LimitReached, Limits, Matcher, QueryError, compile_standing, evaluate, parse
from unit.query.naive import Step, text_of
from unit.query.strategies import EDGE_IDS, NODE_IDS, metadata, pairs, some_pairs

EXAMPLES = int(os.environ.get("NETSONDE_TEST_EXAMPLES", "120"))
LOCAL = [
    "G.V().HasKey('ExtID.vm-id')",
    "G.V().Has('Name', Regex('fp.*'))",
    "G.V().HasEither('Type', 'tuntap', 'Type', 'veth').Has('State', Ne('DOWN'))",
    "G.V('id').Dedup()",
    "G.V().Has('Type', 'netns', 'Name', 'vm1').Out('Type', 'veth')",
    "G.V().Has('Name', 'br-int').OutE('RelationType', 'layer2').OutV().Sort('Name')",
    "G.E().Has('RelationType', 'layer2').BothV().Dedup()",
]
NOT_LOCAL = [
    ("G.V().HasNot('State')", "HasNot"),
    ("G.V().Has('MTU', Nee(1500))", "Has with Nee"),
    ("G.V().Out('MTU', Without(1500))", "Out with Without"),
    ("G.V().Limit(1)", "Limit"),
    ("G.V().Dedup('Type')", "Dedup"),
    ("G.V().ShortestPathTo(Metadata('Type', 'host'))", "ShortestPathTo"),
    ("G.V().Descendants(2)", "Descendants"),
    ("G.V().As('a').G.V().Select('a')", "As"),
    ("G.V().G.V()", "G"),
    ("G.V().SubGraph().V()", "SubGraph"),
]
REFUSED = [
    ("G", "gives the graph"),
    ("G.V().Count()", "gives a single value"),
    ("G.V().Values('Name')", "gives values"),
    ("G.E()", "gives edges"),
    ("G.V().SubGraph()", "gives the graph"),
    ("G.Flows()", "Flows cannot be in a standing query"),
    ("G.Flows().Nodes()", "Flows cannot be in a standing query"),
    ("G.At('-1m').V()", "At cannot be in a standing query"),
]


@pytest.mark.parametrize("text", LOCAL)
def test_queries_that_agents_can_judge_are_local(text: str) -> None:
    standing = compile_standing(parse(text))

    assert standing.local
    assert standing.reason == ""


@pytest.mark.parametrize(("text", "step"), NOT_LOCAL)
def test_queries_that_need_the_whole_graph_say_which_step_does(text: str, step: str) -> None:
    standing = compile_standing(parse(text))

    assert not standing.local
    assert standing.reason.startswith(step)


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_queries_that_cannot_give_nodes_are_refused_with_a_place(text: str, message: str) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        compile_standing(parse(text))

    assert caught.value.text == text


def test_only_queries_that_move_may_find_more_on_the_merged_graph() -> None:
    assert not compile_standing(parse("G.V().HasKey('ExtID.vm-id')")).crosses_hosts
    assert compile_standing(parse("G.V().Has('Type', 'netns').Out()")).crosses_hosts


def _graph() -> Graph:
    clock = iter(range(1000, 10**9))
    return Graph("h", "agent.h", lambda: next(clock))


def _apply(graph: Graph, fill: Any) -> Sequence[Event]:
    batch = Batch()
    fill(batch)
    return graph.apply(batch)


def test_a_node_that_comes_later_is_matched_by_the_event_that_completes_it() -> None:
    graph = _graph()
    matcher = Matcher(compile_standing(parse("G.V().HasKey('ExtID.vm-id')")), graph)

    plugged = _apply(graph, lambda batch: batch.put_node("tap0", "netlink", {"Name": "tap0"}))
    first = matcher.update(plugged)
    named = _apply(graph, lambda batch: batch.annotate("tap0", "ovsdb", {"ExtID": {"vm-id": "vm-1"}}))
    second = matcher.update(named)
    gone = matcher.update(_apply(graph, lambda batch: batch.delete_node("tap0")))

    assert first == (set(), set())
    assert second == ({"tap0"}, set())
    assert gone == (set(), {"tap0"})
    assert matcher.matching == set()


def test_a_change_of_keys_that_the_query_does_not_read_tests_nothing() -> None:
    graph = _graph()
    _apply(graph, lambda batch: batch.put_node("a", "p", {"Name": "a", "MTU": 1}))
    matcher = Matcher(compile_standing(parse("G.V().Has('Name', 'a')")), graph)

    events = _apply(graph, lambda batch: batch.put_node("a", "p", {"Name": "a", "MTU": 2}))
    graph.node = None  # type: ignore[assignment, method-assign]

    assert matcher.update(events) == (set(), set())
    assert matcher.matching == {"a"}


def test_negations_are_followed_by_levels_too_but_not_by_agents() -> None:
    standing = compile_standing(parse("G.V().HasNot('State').Out('MTU', Nee(1500))"))

    assert not standing.local
    assert len(standing.levels) == 2


def test_a_chain_without_end_is_run_as_a_whole() -> None:
    standing = compile_standing(parse("G.V()" + ".Both()" * 9))

    assert standing.levels == ()
    assert standing.reason == "the query moves more than 8 times"


def test_a_query_that_cost_too_much_is_not_run_again() -> None:
    graph = _graph()
    matcher = Matcher(compile_standing(parse("G.V().Limit(5)")), graph, Limits(rows=2))
    first = matcher.update(_apply(graph, lambda batch: batch.put_node("a", "p", {})))
    _apply(graph, lambda batch: batch.put_node("b", "p", {}))
    events = _apply(graph, lambda batch: batch.put_node("c", "p", {}))

    with pytest.raises(LimitReached):
        matcher.update(events)
    graph.nodes = None  # type: ignore[assignment, method-assign]
    with pytest.raises(LimitReached):
        matcher.update(events)

    assert first == ({"a"}, set())


class CountingGraph:
    """Counts how many elements a matcher asks for."""

    def __init__(self, graph: GraphReader) -> None:
        self._graph = graph
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        return getattr(self._graph, name)


@pytest.mark.parametrize("size", [10, 1000])
def test_the_cost_of_an_event_does_not_depend_on_the_size_of_the_graph(size: int) -> None:
    graph = _graph()

    def fill(batch: Batch) -> None:
        for at in range(size):
            batch.put_node(f"ns{at}", "p", {"Type": "netns", "Name": f"ns{at}"})
            batch.put_node(f"veth{at}", "p", {"Type": "veth"})
            batch.put_edge(f"own{at}", f"ns{at}", f"veth{at}", "p", {"RelationType": "ownership"})

    _apply(graph, fill)
    counting = CountingGraph(graph)
    standing = compile_standing(parse("G.V().Has('Type', 'netns', 'Name', Regex('ns.*')).Out('Type', 'veth')"))
    matcher = Matcher(standing, counting)
    counting.asked = 0

    gained, lost = matcher.update(
        _apply(graph, lambda batch: batch.put_node("ns3", "p", {"Type": "netns", "Name": "other"}))
    )

    assert (gained, lost) == (set(), {"veth3"})
    assert counting.asked <= 6


@st.composite
def standing_queries(draw: st.DrawFn) -> Sequence[Step]:
    kind = draw(st.sampled_from(["V", "V", "V", "E"]))
    plain = draw(st.one_of(st.just(()), st.just(()), st.sampled_from(NODE_IDS + EDGE_IDS).map(lambda id: (id,))))
    steps = [Step(kind, plain=plain)]
    nodes = kind == "V"
    for _ in range(draw(st.integers(0, 4))):
        names = (
            ["Has", "HasEither", "Out", "In", "Both", "OutE", "InE", "BothE"]
            if nodes
            else ["Has", "OutV", "InV", "BothV"]
        )
        name = draw(st.sampled_from(names))
        steps.append(Step(name, draw(pairs if name.startswith("Has") else some_pairs)))
        nodes = name.endswith("V") or (nodes and not name.endswith("E"))
    if not nodes:
        steps.append(Step(draw(st.sampled_from(["OutV", "InV", "BothV"]))))
    return steps


changes: st.SearchStrategy[Any] = st.lists(
    st.lists(
        st.one_of(
            st.tuples(st.just("put_node"), st.sampled_from(NODE_IDS), metadata),
            st.tuples(st.just("delete_node"), st.sampled_from(NODE_IDS)),
            st.tuples(
                st.just("put_edge"),
                st.sampled_from(EDGE_IDS),
                st.sampled_from(NODE_IDS),
                st.sampled_from(NODE_IDS),
                metadata,
            ),
            st.tuples(st.just("delete_edge"), st.sampled_from(EDGE_IDS)),
        ),
        min_size=1,
        max_size=5,
    ),
    max_size=12,
)


def _fill(batch: Batch, operations: Sequence[Any]) -> None:
    for name, *rest in operations:
        if name == "put_node":
            batch.put_node(rest[0], "probe", rest[1])
        elif name == "put_edge":
            batch.put_edge(rest[0], rest[1], rest[2], "probe", rest[3])
        else:
            getattr(batch, name)(rest[0])


@given(standing_queries(), changes, changes)
@settings(max_examples=EXAMPLES, deadline=None)
def test_following_changes_gives_what_asking_anew_gives(steps: Sequence[Step], before: Any, after: Any) -> None:
    plan = parse(text_of(steps))
    graph = _graph()
    for operations in before:
        _apply(graph, lambda batch, some=operations: _fill(batch, some))
    standing = compile_standing(plan)
    matcher = Matcher(standing, graph)
    known = set(matcher.matching)

    for operations in after:
        events = _apply(graph, lambda batch, some=operations: _fill(batch, some))
        gained, lost = matcher.update(events)
        rows: Sequence[Any] = evaluate(plan, graph)
        expected = {node.id for node in rows if isinstance(node, Node)}

        assert matcher.matching == expected
        assert (gained, lost) == (expected - known, known - expected)
        known = expected


@given(standing_queries(), changes)
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_listener_that_the_graph_has_outrun_ends_up_right(steps: Sequence[Step], batches: Any) -> None:
    plan = parse(text_of(steps))
    graph = _graph()
    matcher = Matcher(compile_standing(plan), graph)

    all_events = [_apply(graph, lambda batch, some=operations: _fill(batch, some)) for operations in batches]
    for events in all_events:
        matcher.update(events)

    rows: Sequence[Any] = evaluate(plan, graph)
    assert matcher.matching == {node.id for node in rows if isinstance(node, Node)}
