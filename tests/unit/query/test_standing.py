# SPDX-License-Identifier: Apache-2.0
"""Standing queries: which are local, and that following changes gives what asking anew would give."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings

from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.graph.graph import Graph
from netsonde.graph.reader import GraphReader
from netsonde.query import LimitReached, Limits, Matcher, QueryError, compile_standing, evaluate, parse
from netsonde.query.interest import Interest
from unit.query.generator import Pick, change, graph, picks, seeded
from unit.query.naive import text_of
from unit.query.plan_generator import standing_query

ROUNDS = int(os.environ.get("NETSONDE_TEST_ROUNDS", "150"))
LOCAL = [
    "G.V().HasKey('ExtID.vm-id')",
    "G.V().Has('Name', Regex('fp.*'))",
    "G.V().HasEither('Type', 'tuntap', 'Type', 'veth').Has('State', Ne('DOWN'))",
    "G.V('id').Dedup()",
    "G.V().Has('Type', 'netns', 'Name', 'vm1').Out('Type', 'veth')",
    "G.V().Has('Name', 'br-int').OutE('RelationType', 'layer2').OutV().Sort('Name')",
    "G.E().Has('RelationType', 'layer2').BothV().Dedup()",
    "G.V().HasLabel('veth').HasId(StartsWith('a')).Order().By('Name').By('MTU', DESC)",
    "G.V().Where(__.Has('Type', 'veth')).Identity()",
    "G.V().Has('Name', Contains('fp').Or('eth0'))",
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
    ("G.V().Where(__.Out('Type', 'veth'))", "Where"),
    ("G.V().Not(__.Has('Type', 'veth'))", "Not"),
    ("G.V().Repeat(__.Out()).Times(2)", "Repeat"),
    ("G.V().Union(__.Out(), __.In())", "Union"),
    ("G.V().Out().SimplePath()", "SimplePath"),
    ("G.V().Out().Path()", "Path"),
    ("G.V().BothE().OtherV()", "OtherV"),
    ("G.V().Sample(2)", "Sample"),
    ("G.V().Aggregate('a').Out().Where(Without('a'))", "Aggregate"),
    ("G.V().Has('MTU', Not(Gt(1500)))", "Has with Not"),
    ("G.V().Where(__.Has('MTU', Nee(1500)))", "Where with Nee"),
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
    ("G.V().Group('Type').By('Name')", "gives values"),
    ("G.V().OutE().OutV().Path()", "gives values"),
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
    live = _graph()
    matcher = Matcher(compile_standing(parse("G.V().HasKey('ExtID.vm-id')")), live)

    plugged = _apply(live, lambda batch: batch.put_node("tap0", "netlink", {"Name": "tap0"}))
    first = matcher.update(plugged)
    named = _apply(live, lambda batch: batch.annotate("tap0", "ovsdb", {"ExtID": {"vm-id": "vm-1"}}))
    second = matcher.update(named)
    gone = matcher.update(_apply(live, lambda batch: batch.delete_node("tap0")))

    assert first == (set(), set())
    assert second == ({"tap0"}, set())
    assert gone == (set(), {"tap0"})
    assert matcher.matching == set()


def test_a_change_of_keys_that_the_query_does_not_read_tests_nothing() -> None:
    live = _graph()
    _apply(live, lambda batch: batch.put_node("a", "p", {"Name": "a", "MTU": 1}))
    matcher = Matcher(compile_standing(parse("G.V().Has('Name', 'a')")), live)

    events = _apply(live, lambda batch: batch.put_node("a", "p", {"Name": "a", "MTU": 2}))
    live.node = None  # type: ignore[assignment, method-assign]

    assert matcher.update(events) == (set(), set())
    assert matcher.matching == {"a"}


def test_a_change_of_anything_matters_to_a_query_that_reads_revisions() -> None:
    live = _graph()
    _apply(live, lambda batch: batch.put_node("a", "p", {"Name": "a"}))
    matcher = Matcher(compile_standing(parse("G.V().Has('@Revision', Gt(1))")), live)

    events = _apply(live, lambda batch: batch.put_node("a", "p", {"Name": "b"}))

    assert matcher.update(events) == ({"a"}, set())


RUN_ANEW = [
    ("G.V().Where(__.Out('MTU', 5))", "MTU"),
    ("G.V().Where(__.Both().Values('MTU').Is(5))", "MTU"),
    ("G.V().Where(__.ElementMap().Has('MTU', 5))", "MTU"),
    ("G.V().Where(__.Properties().Has('Key', 'MTU', 'Value', 5))", "MTU"),
    ("G.V().Where(__.Fold().Unfold().Has('Metadata.MTU', 5))", "MTU"),
    ("G.V().Where(__.Path().By('MTU').Unfold().Is(5))", "MTU"),
    ("G.V().Where(__.Keys().Is('MTU'))", "MTU"),
    ("G.V().Not(__.Project('a').By('MTU').Has('a', 5))", "MTU"),
    ("G.V().Where(__.Math('MTU * 2').Is(10))", "MTU"),
    ("G.V().Repeat(__.Has('MTU', 5)).Times(1)", "MTU"),
    ("G.V().Emit(__.Has('MTU', 5)).Repeat(__.Out()).Times(1)", "MTU"),
    ("G.V().Where(__.GroupCount('MTU'))", "MTU"),
    ("G.V().Choose(__.Has('MTU', 5), __.Out())", "MTU"),
    ("G.V().Order().By('MTU').Limit(1)", "MTU"),
    ("G.V().Where(__.Out().Label().Is('x'))", "Type"),
]


@pytest.mark.parametrize(("text", "key"), RUN_ANEW)
def test_a_change_of_a_key_that_is_read_in_a_traversal_runs_the_query_anew(text: str, key: str) -> None:
    live = _graph()
    _apply(live, lambda batch: batch.put_node("a", "p", {"Name": "a"}))
    events = _apply(live, lambda batch: batch.put_node("a", "p", {"Name": "a", key: 5}))

    assert any(map(Interest(parse(text)).concerns, events))


def test_a_change_of_other_keys_does_not_run_a_query_with_traversals_anew() -> None:
    live = _graph()
    _apply(live, lambda batch: batch.put_node("a", "p", {"Name": "a"}))
    events = _apply(live, lambda batch: batch.put_node("a", "p", {"Name": "a", "Other": 5}))

    assert not any(map(Interest(parse("G.V().Where(__.Out('MTU', 5).Order().By('Name'))")).concerns, events))


def test_negations_are_followed_by_levels_too_but_not_by_agents() -> None:
    standing = compile_standing(parse("G.V().HasNot('State').Out('MTU', Nee(1500))"))

    assert not standing.local
    assert len(standing.levels) == 2


def test_a_chain_without_end_is_run_as_a_whole() -> None:
    standing = compile_standing(parse("G.V()" + ".Both()" * 9))

    assert standing.levels == ()
    assert standing.reason == "the query moves more than 8 times"


def test_a_query_that_cost_too_much_is_not_run_again() -> None:
    live = _graph()
    matcher = Matcher(compile_standing(parse("G.V().Limit(5)")), live, Limits(rows=2))
    first = matcher.update(_apply(live, lambda batch: batch.put_node("a", "p", {})))
    _apply(live, lambda batch: batch.put_node("b", "p", {}))
    events = _apply(live, lambda batch: batch.put_node("c", "p", {}))

    with pytest.raises(LimitReached):
        matcher.update(events)
    live.nodes = None  # type: ignore[assignment, method-assign]
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
    live = _graph()

    def fill(batch: Batch) -> None:
        for at in range(size):
            batch.put_node(f"ns{at}", "p", {"Type": "netns", "Name": f"ns{at}"})
            batch.put_node(f"veth{at}", "p", {"Type": "veth"})
            batch.put_edge(f"own{at}", f"ns{at}", f"veth{at}", "p", {"RelationType": "ownership"})

    _apply(live, fill)
    counting = CountingGraph(live)
    standing = compile_standing(parse("G.V().Has('Type', 'netns', 'Name', Regex('ns.*')).Out('Type', 'veth')"))
    matcher = Matcher(standing, counting)
    counting.asked = 0

    gained, lost = matcher.update(
        _apply(live, lambda batch: batch.put_node("ns3", "p", {"Type": "netns", "Name": "other"}))
    )

    assert (gained, lost) == (set(), {"veth3"})
    assert counting.asked <= 6


PATIENT = Limits(seconds=60)
"""Time is not what these tests are about, and a busy machine is not a failure."""


def _begin(pick: Pick) -> Graph:
    live = _graph()
    nodes, edges = graph(pick)

    def fill(batch: Batch) -> None:
        for node in nodes:
            batch.put_node(node.id, "probe", node.metadata)
        for edge in edges:
            batch.put_edge(edge.id, edge.parent, edge.child, "probe", edge.metadata)

    _apply(live, fill)
    return live


def _anew(text: str, live: Graph) -> set[str]:
    rows: Sequence[Any] = evaluate(parse(text), live)
    return {node.id for node in rows}


def _follow(pick: Pick) -> None:
    text = text_of(standing_query(pick))
    live = _begin(pick)
    matcher = Matcher(compile_standing(parse(text)), live, PATIENT)
    known = _anew(text, live)
    assert matcher.matching == known, text

    for _ in range(6):
        gained, lost = matcher.update(_apply(live, change(pick)))
        expected = _anew(text, live)
        assert matcher.matching == expected, text
        assert (gained, lost) == (expected - known, known - expected), text
        known = expected


def _outrun(pick: Pick) -> None:
    text = text_of(standing_query(pick))
    live = _begin(pick)
    matcher = Matcher(compile_standing(parse(text)), live, PATIENT)

    for events in [_apply(live, change(pick)) for _ in range(6)]:
        matcher.update(events)

    assert matcher.matching == _anew(text, live), text


PROPERTIES = pytest.mark.parametrize("holds", [_follow, _outrun])


@PROPERTIES
@pytest.mark.parametrize("seed", range(4))
def test_following_changes_gives_what_asking_anew_gives(holds: Callable[[Pick], None], seed: int) -> None:
    pick = seeded(seed)

    for _ in range(ROUNDS):
        holds(pick)


@PROPERTIES
@given(picks())
@settings(max_examples=30, deadline=None)
def test_the_smallest_change_that_is_followed_wrongly_is_shown(holds: Callable[[Pick], None], pick: Pick) -> None:
    holds(pick)
