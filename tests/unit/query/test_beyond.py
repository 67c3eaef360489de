# SPDX-License-Identifier: Apache-2.0
"""TinkerPop's steps and the tests that the reference does not have, on LAB: now and in the past, and their refusals."""

import re
from typing import cast

import pytest

from netsonde.query import LimitReached, Limits, QueryError, evaluate, parse, run
from unit.query.lab import T0, as_ids, lab_sources

BRIDGED = "__.BothE('RelationType', 'layer2').OtherV()"
NODES = [
    ("G.V().Where(__.Out('Type', 'netns'))", "h1"),
    ("G.V().filter(_.out('Type', 'netns'))", "h1"),
    ("G.V().Where(Out('Type', 'netns'))", "h1"),
    ("G.V().HasLabel('veth').Where(__.Both('Type', 'veth').Has('State', 'DOWN'))", "v2h v2n"),
    ("G.V().HasLabel('veth').Not(__.Out())", "v1n v2n"),
    ("G.V().And(__.Has('MTU'), __.Out('Type', 'veth'))", "v1h v2h"),
    ("G.V().Or(__.HasLabel('host'), __.OutE('Type', 'mapping'))", "h1 p1 p2"),
    ("G.V().Where(__.Out().Count().Is(Gt(4)))", "h1"),
    ("G.V('br0').Union(__.In(), __.Out())", "h1 p1 p2 p1 p2"),
    ("G.V('v1h', ).Coalesce(__.Out('Type', 'netns'), __.Out(), __.In())", "v1n"),
    ("G.V().HasLabel('ovsport').Optional(__.Out())", "v1h v2h"),
    ("G.V().HasLabel('netns', 'ovsbridge').Choose(__.Has('MTU'), __.In(), __.Out())", "h1 v1n v2n"),
    ("G.V().HasLabel('netns', 'ovsbridge').Choose(__.Has('MTU'), __.In())", "h1 ns1 ns2"),
    ("G.V().HasLabel('host', 'netns').Local(__.Out().Sort('@ID').Limit(1))", "br0 v1n v2n"),
    ("G.V('h1').Repeat(__.Out('Type', 'netns')).Times(1)", "ns1 ns2"),
    ("G.V('h1').Repeat(__.Out()).Times(0)", "h1"),
    ("G.V('v1n').Repeat(__.In()).Until(__.HasLabel('netns', 'ovsbridge'))", "ns1 br0 br0"),
    ("G.V('v1n').Until(__.HasLabel('veth')).Repeat(__.In())", "v1n"),
    ("G.V('v1n').Repeat(__.In('Type', 'netns')).Emit().Times(3)", "ns1"),
    ("G.V('h1').Repeat(__.Out('Type', Within('netns', 'veth'))).Emit().Times(2)", "ns1 ns2 v1h v2h v1n v1n v2n v2n"),
    ("G.V('v1n').Emit().Repeat(__.In('Type', 'netns')).Times(3)", "v1n ns1"),
    ("G.V('v1n').Emit(__.HasLabel('veth')).Repeat(__.In()).Times(1)", "v1n ns1 v1h"),
    ("G.V('v1n').Repeat(__.In()).Until(__.HasLabel('ovsbridge')).Times(2)", ""),
    ("G.V('v1n').Repeat(__.In()).Until(__.Loops().Is(2))", "h1 h1 p1"),
    ("G.V('v1n').Until(__.Loops().Is(0)).Repeat(__.In())", "v1n"),
    ("G.V('h1').Repeat(__.Out('Type', Within('netns', 'veth')).Where(__.Loops().Is(0))).Times(1)", "ns1 ns2 v1h v2h"),
    (
        "G.V('v1n').Repeat(__.Where(__.Repeat(__.In()).Until(__.Loops().Is(1))).In()).Until(__.Loops().Is(2))",
        "h1 h1 p1",
    ),
    (f"G.V('v1n').Emit().Repeat({BRIDGED}.Dedup())", "v1n v1h p1 br0 p2 v2h v2n"),
    (f"G.V('v1n').Repeat({BRIDGED}.SimplePath()).Until(__.HasLabel('ovsbridge'))", "br0"),
    ("G.V('v1h').BothE().OtherV()", "h1 p1 v1n"),
    ("G.V('v1h').BothE().Where(__.OtherV().HasLabel('host')).ParentV()", "h1"),
    ("G.V('v1n').Both().Both().SimplePath()", "h1 h1 p1"),
    ("G.V('v1n').Both().Both().CyclicPath()", "v1n v1n"),
    ("G.V('br0').Aggregate('seen').Both().Where(Without('seen')).Dedup()", "h1 p1 p2"),
    ("G.V().HasLabel('netns').As('n').G.V('h1').Out().Where(P.within('n'))", "ns1 ns2"),
    ("G.V('br0').Out().Aggregate('a').G.V('h1').Aggregate('a').Cap('a').Dedup()", "p1 p2 h1"),
    ("G.V('nope').Where(__.Aggregate('a')).Cap('a')", ""),
    ("G.V().HasId('br0', 'p1')", "br0 p1"),
    ("G.V().HasId(StartsWith('ns'))", "ns1 ns2"),
    ("G.V('v1n').ShortestPathTo(Metadata('Type', 'host')).Unfold()", "v1n ns1 h1"),
    ("G.V('h1').Out('Type', 'netns').Path().Dedup()", "h1 ns1 ns2"),
    ("G.V().Sort('@ID').Skip(9)", "v2h v2n"),
    ("G.V().Sort('@ID').Tail()", "v2n"),
    ("G.V().Has('MTU').Order().By('MTU', DESC).By('@ID').Limit(3)", "v2h v2n br0"),
    ("G.V().Order().By(__.Out().Count(), DESC).Limit(2)", "h1 br0"),
    ("G.V().Has('Name', P.neq('eth0').and(TextP.startingWith('v1')))", "p1 v1h"),
    ("G.V().Has('MTU', Lt(1501).Negate())", "h1 p1 p2 ns1 ns2 v2h v2n"),
    ("G.V().Has('MTU', Not(Exists()))", "h1 p1 p2 ns1 ns2"),
    ("G.V().Has('Name', Or('br0', Within('vm1', 'vm2')))", "br0 ns1 ns2"),
    ("G.V().Has('IPV4', InSubnet('10.0.1.0/24'))", "v1n"),
    ("G.V().Has('MAC', MacPrefix('0200.0000.02'))", "v2h v2n"),
    ("G.V().Has('Name', MacPrefix('02'))", ""),
    ("G.V().Has('Vlans', And(Gt(11), Lt(19)))", "eth0"),
    ("G.V().Has('Name', NotContaining('h')).HasLabel('veth', 'netns')", "ns1 ns2"),
    ("G.V().Has('State', IEquals('down'))", "v2h v2n"),
]
VALUES: list[tuple[str, object]] = [
    (f"G.V('v1n').Repeat({BRIDGED}.SimplePath()).Times(2).Path().By('Name')", [["eth0", None, "v1h", None, "v1h"]]),
    ("G.V().HasLabel('netns').Sort('@ID').In().Range(1, 2).Path()", [["ns2", "h1"]]),
    ("G.V().HasLabel('netns').Sort('@ID').In().Dedup().Path()", [["ns1", "h1"]]),
    ("G.V('ns1').Out().In('Type', 'netns').Path()", [["ns1", "v1n", "ns1"]]),
    ("G.V('ns1').Out().Path().By('Name').By('MTU')", [["vm1", 1500]]),
    ("G.V('ns1').Out().Path().By(__.Out().Count())", [[1, 0]]),
    ("G.V('br0').Out().Dedup().Out().Tree()", [{"br0": {"p1": {"v1h": {}}, "p2": {"v2h": {}}}}]),
    ("G.V('h1').Out().Tree().By('Type')", [{"host": {"device": {}, "ovsbridge": {}, "veth": {}, "netns": {}}}]),
    ("G.V().HasLabel('veth').Group('State').By('@ID').Unfold().Values('Key')", ["DOWN", "UP"]),
    ("G.V().HasLabel('veth').Group().By('State').By(__.Values('MTU').Max())", [{"DOWN": 9000, "UP": 1500}]),
    ("G.V().GroupCount('IPV4').Unfold().Limit(1)", [{"Key": "10.0.0.1/24", "Value": 1}]),
    ("G.V().GroupCount('MTU')", [{"1500": 4, "9000": 2}]),
    ("G.E().GroupCount().By('RelationType')", [{"ownership": 10, "layer2": 6}]),
    ("G.Flows().GroupCount('Application')", [{"ICMPv4": 2, "TCP": 1}]),
    ("G.V('nope').GroupCount('Type')", []),
    ("G.V('br0').Project('name', 'ports').By('Name').By(__.Out().Dedup().Count())", [{"name": "br0", "ports": 2}]),
    ("G.V('h1').Project('name', 'mtu').By('Name').By('MTU')", [{"name": "host1"}]),
    ("G.V('br0').Out().Dedup().Values('@ID').Fold()", ["p1", "p2"]),
    ("G.V('eth0').Values('Vlans').Unfold().Is(Gt(10))", [20]),
    ("G.V().Count().Is(11)", [11]),
    ("G.V().Count().Is(Gt(11))", []),
    ("G.V().Min('MTU')", 1500),
    ("G.V().Max('Name')", "vm2"),
    ("G.V().Values('MTU').Mean()", 4000.0),
    ("G.V().Min('Nope')", None),
    ("G.V().Union(__.Count(), __.Out().Count())", [11, 16]),
    ("G.V('br0').Union(__.Values('MTU'), __.Out().Count())", [1500, 4]),
    ("G.V('br0').Out().Dedup().Constant(1)", [1, 1]),
    ("G.V('br0').Math('MTU * 8 - 2 ^ 3')", [11992.0]),
    ("G.V().Math('1 / (MTU - 9000)').Count()", 4),
    ("G.V('eth0').Values('Vlans').Unfold().Is(20).Math('sqrt(_ - 4) % 3')", [1.0]),
    ("G.V('br0').Project('ports', 'mtu').By(__.Out().Dedup().Count()).By('MTU').Math('mtu / ports')", [750.0]),
    ("G.Flows().Math('Metric.ABBytes / Metric.ABPackets').Max()", 120.0),
    ("G.V().Math('Name * 2')", []),
    ("G.V('br0').OutE().Label().Dedup()", ["ownership", "layer2"]),
    ("G.V('ns1').Id()", ["ns1"]),
    ("G.V('ns1').ValueMap()", [{"TID": "tid-ns1", "Type": "netns", "Name": "vm1"}]),
    ("G.E('l6').ElementMap('Weight')", [{"@ID": "l6", "Weight": 9}]),
    ("G.E('l6').ElementMap().Values('@Child')", ["v2n"]),
    ("G.V('ns1').Properties().Has('Key', 'Name')", [{"Key": "Name", "Value": "vm1"}]),
    ("G.V('ns1').Out().Fold().Unfold().Values('ID')", ["v1n"]),
    ("G.V('ns1').ValueMap('Name').Values('@ID')", []),
    ("G.V('ns1').Coalesce(__.Values('State'), __.Constant('unknown'))", ["unknown"]),
]
CASES = [
    *(pytest.param(query, sorted(ids.split()), id=query) for query, ids in NODES),
    *(pytest.param(query, value, id=query) for query, value in VALUES),
]


async def _answer(query: str) -> object:
    result = await run(parse(query), lab_sources(), Limits(seconds=60.0))
    found = as_ids(result.value)
    return sorted(cast("list[str]", found)) if result.kind == "nodes" else found


@pytest.mark.parametrize(("query", "expected"), CASES)
async def test_a_step_gives_what_it_says_now_and_in_the_past(query: str, expected: object) -> None:
    past = re.sub(r"\bG\.(?=V\(|E\(|Flows)", f"G.At({T0 + 60}).", query, count=1)

    assert await _answer(query) == expected
    assert await _answer(past) == expected


async def test_a_path_of_nodes_goes_on_as_a_graph_and_one_of_edges_is_json() -> None:
    graph = await run(parse("G.V('ns1').Out().Path().SubGraph()"), lab_sources())
    mixed = await run(parse("G.V('ns1').OutE().OutV().Path()"), lab_sources())

    assert as_ids(graph.value) == [{"Nodes": ["ns1", "v1n"], "Edges": ["o9"]}]
    assert mixed.kind == "values"
    assert [item["ID"] for item in cast("list[list[dict[str, str]]]", mixed.value)[0]] == ["ns1", "o9", "v1n"]


async def test_a_sample_is_the_same_each_time_and_grows_with_its_size() -> None:
    few, same, more = [await _answer(f"G.V().Sample({count})") for count in (3, 3, 5)]

    assert len(cast("list[str]", few)) == 3
    assert few == same
    assert set(cast("list[str]", few)) < set(cast("list[str]", more))


async def test_bound_lists_go_where_several_values_go() -> None:
    plan = parse(
        "G.V().HasId($ids).Where(__.Has('Name', Within($names)))", {"ids": ["br0", "p1"], "names": ["br0", "eth0"]}
    )

    assert as_ids((await run(plan, lab_sources())).value) == ["br0"]


MISTAKES = [
    ("G.V().By('x')", "no step by itself", "By", "it goes with Group"),
    ("G.V().Times(2)", "no step by itself", "Times", "it goes with Repeat"),
    ("G.V().Times(2).Order()", "changes the step beside it", "Times", "it goes with Repeat"),
    ("G.V().Where(Gt(3))", "Gt is a test; a traversal should", "Gt(3)", "Is(Gt(…))"),
    ("G.V().Where('x')", "a traversal should stand here", "'x'", "such as __.Out"),
    ("G.V().Where()", "one traversal", "Where()", "such as Where(__"),
    ("G.V().Where(__.Out(), __.In())", "one traversal", "__.In()", ""),
    ("G.V().Where(__.Foo())", "no step named 'Foo'", "Foo", ""),
    ("G.V().Where(__.Out().Decendants())", "no step named 'Decendants'", "Decendants", "did you mean Descendants?"),
    ("G.V().Where(__.Out)", "needs parentheses", "Out", "write Out()"),
    ("G.V().Where(__.Out().As('a'))", "As cannot be in an anonymous", "As('a')", ""),
    ("G.V().Where(__.Flows())", "Flows cannot be in an anonymous", "Flows()", ""),
    ("G.V().Where(__.SubGraph().V())", "SubGraph cannot be in", "SubGraph()", ""),
    ("G.V().Where(__.InV())", "InV works on edges", "InV", ""),
    ("G.V().Where(Within('a'))", "nothing is remembered", "'a'", "write As('a')"),
    ("G.V().Where(foo.Out())", "a traversal should stand here", "foo.Out()", ""),
    ("G.V().Union(__.Out(), __.OutE())", "give nodes and edges", "__.OutE()", ""),
    ("G.V().Optional(__.OutE())", "stay nodes, but its traversal gives edges", "__.OutE()", ""),
    ("G.V().Choose(__.Out())", "two or three traversals", "Choose(__.Out())", ""),
    ("G.V().Repeat(__.Out())", "does not say when to end", "Repeat(__.Out())", "Times(2)"),
    ("G.V().Repeat(__.OutE()).Times(2)", "must give them; it gives edges", "__.OutE()", ""),
    ("G.V().Repeat(__.Out()).Times(101)", "at most 100 times", "101", ""),
    ("G.V().Repeat(__.Out()).Times(1).Times(2)", "is there twice", "Times(2)", ""),
    ("G.V().Where(__.Loops().Is(1))", "none goes round here", "Loops()", "Until(__.Loops().Is(3))"),
    ("G.V().Repeat(__.Out()).Times(1).Where(__.Loops().Is(1))", "none goes round here", "Loops()", ""),
    ("G.V().Math('MTU *')", "it ends too early", "'MTU *'", "'RxBytes * 8 / 1e9'"),
    ("G.V().Math('MTU ** 2')", "character 6 does not fit", "'MTU ** 2'", ""),
    ("G.V().Math('flor(MTU)')", "no function named 'flor'", "'flor(MTU)'", "did you mean floor?"),
    ("G.V().Math('_ + 1')", "here are nodes", "'_ + 1'", "'MTU * 8'"),
    (f"G.V().Math('{'1+' * 300}1')", "at most 512", f"'{'1+' * 300}1'", ""),
    ("G.E().OtherV()", "from which node", "OtherV()", "BothV()"),
    ("G.V().Order().By('MTU', UP)", "By takes a key", "UP", ""),
    ("G.V().GroupCount('a').By('b')", "one key only", "By('b')", ""),
    ("G.V().GroupCount().By('a').By('b')", "one key only", "By('b')", ""),
    ("G.V().Project('a').By('x').By('y')", "at most 1 By", "By('y')", ""),
    ("G.V().OutE().Project('a').By(__.Out())", "works on nodes or flows, but the items here are edges", "Out", ""),
    ("G.V().Project('a', 'a')", "there twice", "'a'", ""),
    ("G.V().OutE().OutV().Path().By(__.Out())", "of different kinds", "By(__.Out())", "give By(…) a key"),
    ("G.V().Has('Name', Foo.neq('x'))", "where a value or a test should", "Foo.neq('x')", "P.gt"),
    ("G.V().Has('MTU', Gt(3).Foo(4))", "cannot follow a test", "Foo", "Negate()"),
    ("G.V().Has('MTU', And())", "at least one test", "And()", ""),
    ("G.V().Has('Name', Contains(4))", "one text in quotes", "4", ""),
    ("G.V().Has('MAC', MacPrefix('zz'))", "hardware address", "'zz'", "'52:54:00'"),
    ("G.V().Has('a', Exists(1))", "no argument", "Exists(1)", ""),
    ("G.V().Aggregate('a').OutE().Aggregate('a')", "cannot be added", "'a'", ""),
    ("G.V().Has('Name', __.Out())", "where a value or a test should", "__.Out()", ""),
    ("G.V()" + ".Out()" * 200, "more than 200 steps", ".", ""),
]


@pytest.mark.parametrize(("text", "message", "place", "hint"), MISTAKES, ids=[case[0][:60] for case in MISTAKES])
def test_mistakes_are_refused_with_place_and_hint(text: str, message: str, place: str, hint: str) -> None:
    with pytest.raises(QueryError, match=re.escape(message)) as caught:
        parse(text)

    span = caught.value.span
    assert span is not None
    assert text[span.start : span.end] == place
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("G.V().Repeat(__.Both()).Times(60)", "more than 20,000 results"),
        ("G.V('h1').Repeat(__.Both().Limit(1)).Until(__.HasKey('Nope'))", "went round 100 times"),
        ("G.V().Repeat(__.Both()).Times(7).Path()", "more than 20,000 results"),
        ("G.V('h1').Repeat(__.Repeat(__.Both().Limit(1)).Times(50)).Times(5).Tree()", "at most 200 levels"),
        ("G.V().Group().By()" + ".Group().By()" * 9, "too long to name something"),
    ],
)
def test_nothing_goes_on_for_ever(text: str, message: str) -> None:
    with pytest.raises(LimitReached, match=message):
        evaluate(parse(text), lab_sources().graph, Limits(rows=20_000))


def test_a_traversal_of_filters_only_uses_the_index_that_the_filter_would_use() -> None:
    where = parse("G.V().Where(__.Has('Type', 'veth').HasKey('MTU'))")

    assert [step.get("Index") for step in cast("list[dict[str, object]]", where.explain()["Steps"])] == ["Type"]


def test_presence_asked_for_by_a_test_uses_the_index_of_presence() -> None:
    plan = parse("G.V().Has('IPV4', Exists())")

    assert [step.get("Index") for step in cast("list[dict[str, object]]", plan.explain()["Steps"])] == ["IPV4"]


def test_explain_names_the_keys_that_are_read_inside_traversals() -> None:
    plan = parse("G.V().Where(__.OutE('Weight', 5).OutV().Has('MTU')).Order().By('Name').Group('Type').By(__.Fold())")

    assert plan.explain()["Reads"] == {"nodes": ["*", "MTU", "Name", "Type"], "edges": ["Weight"]}
