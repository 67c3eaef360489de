# SPDX-License-Identifier: Apache-2.0
"""The cases of the reference's tests of its network steps: Aggregates, Group, Neighbors, NextHop, Sockets; and more."""

from typing import Any

import msgspec
import pytest

from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Json, Metadata, Node
from netsonde.query import Limits, QueryError, Sources, evaluate, parse, run
from netsonde.query.context import Context, TimeSlice
from netsonde.query.rows import Series
from netsonde.query.steps._api import Operation
from unit.query.lab import FakeAgents, as_ids, lab_sources, make_edge, make_node

FLOW_COUNTERS = ("ABPackets", "ABBytes", "BAPackets", "BABytes")


def _series(key: str, *metrics: tuple[int, int, int], names: tuple[str, ...] = FLOW_COUNTERS) -> Series:
    """Return a series of (count in all counters, start in s, last in s)."""
    points: list[Metadata] = [
        {**dict.fromkeys(names, count), "Start": start * 1000, "Last": last * 1000} for count, start, last in metrics
    ]
    return Series(key, tuple(points))


def _aggregated(series: list[Series], begin: int, end: int, *, query: str = "Aggregates(10)") -> Any:
    graph = SnapshotGraph((), ())
    context = Context(graph, Sources(graph), Limits(), slice=TimeSlice(begin * 1000, end * 1000))
    rows: Any = series
    for step in parse(f"G.V().Metrics().{query}").steps[2:]:
        assert isinstance(step.operation, Operation)
        rows = step.operation.apply(rows, context)
    return rows[0]


TWO = [(6000, 0, 15), (6000, 15, 30)]
AGGREGATES = [
    ("1", [_series("aa", (1000, 0, 10))], (0, 10), [(1000, 0, 10)]),
    ("2", [_series("aa", (1000, 0, 20))], (0, 10), [(500, 0, 10)]),
    ("3", [_series("aa", (1000, 0, 20))], (10, 20), [(500, 10, 20)]),
    ("4", [_series("aa", (1000, 10, 20))], (5, 15), [(500, 5, 15)]),
    ("5", [_series("aa", (1000, 10, 20))], (15, 25), [(500, 15, 25)]),
    ("6", [_series("aa", (1000, 1, 5))], (0, 10), [(1000, 0, 10)]),
    ("7", [_series("aa", (1, 0, 60))], (0, 10), [(1, 0, 10)]),
    ("8", [_series("aa", (1, 0, 60))], (10, 20), [(0, 10, 20)]),
    ("9", [_series("aa", (18000, 0, 30))], (0, 30), [(6000, 0, 10), (6000, 10, 20), (6000, 20, 30)]),
    ("10", [_series("aa", (18000, 0, 30))], (10, 30), [(6000, 10, 20), (6000, 20, 30)]),
    ("11", [_series("aa", *TWO)], (10, 30), [(4000, 10, 20), (4000, 20, 30)]),
    (
        "12",
        [_series("aa", *TWO), _series("bb", (6000, 5, 10), (6000, 10, 20))],
        (5, 30),
        [(13000, 5, 15), (7000, 15, 25), (2000, 25, 30)],
    ),
    (
        "13",
        [_series("aa", *TWO), _series("bb", (6000, 5, 10), (6000, 10, 20), (2000, 20, 30))],
        (5, 30),
        [(13000, 5, 15), (8000, 15, 25), (3000, 25, 30)],
    ),
    ("at the end", [_series("aa", (7, 10, 10), (5, 20, 20), (9, 20, 30))], (0, 20), [(12, 10, 20)]),
    ("before", [_series("aa", (7, 0, 10))], (10, 20), []),
]


@pytest.mark.parametrize(("number", "series", "context", "slices"), AGGREGATES)
def test_metrics_fall_into_slices_in_proportion_to_time(
    number: str, series: list[Series], context: tuple[int, int], slices: list[tuple[int, int, int]]
) -> None:
    found = _aggregated(series, *context)

    assert found.key == "Aggregated"
    assert found.points == _series("", *slices).points


@pytest.mark.parametrize("count", [18000, 180, 5])
def test_sums_over_slices_of_flows_lose_nothing(count: int) -> None:
    found = _aggregated([_series("aa", (count, 0, 30))], 0, 30, query="Aggregates(10).Sum()")

    assert found == {**dict.fromkeys(FLOW_COUNTERS, count), "Start": 0, "Last": 30_000}


@pytest.mark.parametrize("names", [FLOW_COUNTERS, ("RxBytes",)])
def test_a_metric_that_is_cut_keeps_its_proportions(names: tuple[str, ...]) -> None:
    found = _aggregated([_series("aa", (100, 0, 100), names=names)], 25, 100, query="Aggregates(75)")

    assert found.points == _series("", (75, 25, 100), names=names).points


async def test_aggregating_changes_nothing_in_the_graph() -> None:
    sources = lab_sources()
    before = msgspec.json.encode(list(sources.graph.nodes()))

    await run(parse("G.V().Metrics().Aggregates()"), sources)

    assert msgspec.json.encode(list(sources.graph.nodes())) == before


async def test_too_many_slices_are_refused_with_their_number() -> None:
    with pytest.raises(QueryError, match="50,000 slices") as caught:
        await run(parse("G.At(1700000060, 50000).V().Metrics().Aggregates(1)"), lab_sources())

    assert caught.value.span is not None


GROUPED: list[dict[str, Json]] = [
    {"UUID": uuid, "LayersPath": "x", "TrackingID": tracking, "NodeTID": node, "Last": 1}
    for uuid, tracking, node in (
        ("a", "Tracking123", "Capture1"),
        ("b", "Tracking123", "Capture2"),
        ("c", "Tracking456", "Capture1"),
        ("d", "Tracking789", "Capture3"),
    )
]
GROUPS = [
    ("G.Flows().Group()", {"Tracking123": ["a", "b"], "Tracking456": ["c"], "Tracking789": ["d"]}),
    ("G.Flows().Group().MoreThan(1)", {"Tracking123": ["a", "b"]}),
    ("G.Flows().Group().MoreThan()", {"Tracking123": ["a", "b"]}),
    ("G.Flows().Group('NodeTID').MoreThan(1)", {"Capture1": ["a", "c"]}),
    ("G.Flows().Group('Nope').MoreThan(0)", None),
    ("G.Flows().Has('NodeTID', 'Capture1').Group().MoreThan(0)", {"Tracking123": ["a"], "Tracking456": ["c"]}),
]


@pytest.mark.parametrize(("query", "groups"), GROUPS)
async def test_flows_are_grouped_by_conversation_or_by_a_key(query: str, groups: dict[str, list[str]] | None) -> None:
    result = await run(parse(query), Sources(SnapshotGraph((), ()), flows=FakeAgents(GROUPED)))

    assert as_ids(result.value) == ([groups] if groups else [])


def test_a_value_stands_as_json_at_the_head_of_its_group() -> None:
    nodes = [make_node("a", {"K": [1, "x"]}, 1), make_node("b", {"K": True}, 1), make_node("c", {}, 1)]

    groups: Any = evaluate(parse("G.V().Group('K')"), SnapshotGraph(nodes, ()))

    assert {group.key: [node.id for node in group.members] for group in groups} == {
        "1": ["a"],
        "x": ["a"],
        "true": ["b"],
    }


HOSTS = [make_node(id, {"Name": id}, 1) for id in ("HostA", "IntA", "IntB", "HostB")]
OWNS: Metadata = {"RelationType": "ownership"}
CONNECTS: Metadata = {"RelationType": "ConnectsTo"}
NEIGHBORS = [
    ("IntA", 0, "IntA IntB", "IntA"),
    ("IntA", 1, "IntA IntB", "HostA IntA IntB"),
    ("HostA", 2, "IntA IntB", "HostA IntA IntB"),
    ("HostA", 3, "IntA IntB", "HostA HostB IntA IntB"),
    ("HostA", 3, "IntB IntA", "HostA HostB IntA IntB"),
]


@pytest.mark.parametrize(("start", "depth", "link", "reached"), NEIGHBORS)
def test_neighbors_go_along_edges_in_both_directions(start: str, depth: int, link: str, reached: str) -> None:
    edges = [make_edge("a", "HostA IntA", OWNS, 1), make_edge("b", "HostB IntB", OWNS, 1)]
    graph = SnapshotGraph(HOSTS, [*edges, make_edge("c", link, CONNECTS, 1)])
    query = f"G.V('{start}').Neighbors('RelationType', Within('ownership', 'ConnectsTo'), {depth}).Values('@ID')"

    assert sorted(map(str, evaluate(parse(query), graph))) == sorted(reached.split())


def _routes(*routes: tuple[str, str, int, int], table: int = 254) -> Json:
    """Return a table of (prefix, gateway, interface index, metric); "" and 0 are left out."""
    return {
        "ID": table,
        "Routes": [
            {
                **({"Prefix": prefix} if prefix else {}),
                "NextHops": [
                    {
                        "Priority": metric,
                        **({"IP": gateway} if gateway else {}),
                        **({"IfIndex": ifindex} if ifindex else {}),
                    }
                ],
            }
            for prefix, gateway, ifindex, metric in routes
        ],
    }


NEARBY: Json = [{"IP": "10.16.0.2", "MAC": "aa", "IfIndex": 2}, {"IP": "10.16.0.2", "MAC": "bb", "IfIndex": 3}]
MAIN = _routes(("0.0.0.0/0", "10.0.0.1", 2, 0))
NEXT_HOPS: list[tuple[str, list[Json], Json, str, Metadata | None]] = [
    ("2", [_routes(("192.168.0.0/24", "10.16.0.2", 2, 0))], None, "192.168.0.5", {"IP": "10.16.0.2", "MAC": "aa"}),
    ("3", [_routes(("", "10.16.0.12", 0, 0))], None, "8.8.8.8", {"IP": "10.16.0.12"}),
    (
        "4",
        [_routes(("", "10.16.0.12", 0, 0), ("10.16.0.0/24", "192.64.0.1", 0, 0))],
        None,
        "10.16.0.3",
        {"IP": "192.64.0.1"},
    ),
    ("5", [_routes(("10.60.0.0/24", "", 5, 0))], None, "10.60.0.5", {"IP": "10.60.0.5", "IfIndex": 5}),
    (
        "longest prefix",
        [_routes(("10.0.0.0/8", "1.1.1.1", 2, 0), ("10.1.0.0/16", "2.2.2.2", 2, 0), ("0.0.0.0/0", "3.3.3.3", 2, 0))],
        None,
        "10.1.2.3",
        {"IP": "2.2.2.2"},
    ),
    (
        "on link wins",
        [_routes(("10.0.0.0/8", "1.1.1.1", 2, 0), ("10.1.0.0/16", "", 3, 0))],
        None,
        "10.1.2.3",
        {"IfIndex": 3},
    ),
    (
        "metric",
        [_routes(("0.0.0.0/0", "1.1.1.1", 2, 600), ("0.0.0.0/0", "2.2.2.2", 3, 100))],
        None,
        "8.8.8.8",
        {"IP": "2.2.2.2"},
    ),
    ("families", [MAIN], None, "2001:db8::1", None),
    ("IPv6", [_routes(("2001:db8::/32", "fe80::1", 2, 0))], None, "2001:db8::1", {"IP": "fe80::1"}),
    ("no route", [_routes(("10.0.0.0/8", "", 2, 0))], None, "8.8.8.8", None),
    ("local first", [MAIN, _routes(("10.9.9.9/32", "", 1, 0), table=255)], None, "10.9.9.9", {"IfIndex": 1}),
    (
        "unknown table last",
        [_routes(("8.0.0.0/8", "9.9.9.9", 2, 0), table=100), MAIN],
        None,
        "8.8.8.8",
        {"IP": "10.0.0.1"},
    ),
    (
        "rule",
        [_routes(("8.0.0.0/8", "9.9.9.9", 2, 0), table=100), MAIN],
        [{"Priority": 32766, "Table": 254}, {"Priority": 100, "Table": 100}],
        "8.8.8.8",
        {"IP": "9.9.9.9"},
    ),
    (
        "rule of another destination",
        [_routes(("0.0.0.0/0", "9.9.9.9", 2, 0), table=100), MAIN],
        [{"Priority": 100, "Table": 100, "Dst": "10.0.0.0/8"}, {"Priority": 32766, "Table": 254}],
        "8.8.8.8",
        {"IP": "10.0.0.1"},
    ),
    (
        "rule of a source",
        [_routes(("0.0.0.0/0", "9.9.9.9", 2, 0), table=100), MAIN],
        [{"Priority": 100, "Table": 100, "Src": "10.0.0.0/8"}, {"Priority": 32766, "Table": 254}],
        "8.8.8.8",
        {"IP": "10.0.0.1"},
    ),
    (
        "rule that refuses",
        [MAIN],
        [{"Priority": 100, "Table": 0, "Action": "prohibit", "Dst": "8.0.0.0/8"}, {"Priority": 32766, "Table": 254}],
        "8.8.8.8",
        None,
    ),
    (
        "rule that refuses another destination",
        [MAIN],
        [{"Priority": 100, "Table": 0, "Action": "prohibit", "Dst": "9.0.0.0/8"}, {"Priority": 32766, "Table": 254}],
        "8.8.8.8",
        {"IP": "10.0.0.1"},
    ),
    (
        "rule that goes on further down",
        [_routes(("0.0.0.0/0", "9.9.9.9", 2, 0), table=100), MAIN],
        [
            {"Priority": 100, "Table": 0, "Action": "goto", "Goto": 32766},
            {"Priority": 200, "Table": 100},
            {"Priority": 32766, "Table": 254},
        ],
        "8.8.8.8",
        {"IP": "10.0.0.1"},
    ),
    (
        "rule of all but a destination",
        [_routes(("0.0.0.0/0", "9.9.9.9", 2, 0), table=100), MAIN],
        [{"Priority": 100, "Table": 100, "Dst": "10.0.0.0/8", "Not": True}, {"Priority": 32766, "Table": 254}],
        "8.8.8.8",
        {"IP": "9.9.9.9"},
    ),
    ("action that is no text", [MAIN], [{"Priority": 100, "Action": [1]}], "8.8.8.8", None),
    ("rubbish", ["x", {"Routes": [{"Prefix": "nope", "NextHops": [{}]}, 3]}], [5], "8.8.8.8", None),
]


def _next_hops(graph: SnapshotGraph, destination: str) -> dict[str, Metadata]:
    found: Any = evaluate(parse(f"G.V().NextHop('{destination}')"), graph)
    return {entry.key: entry.data for entry in found}


@pytest.mark.parametrize(("case", "tables", "rules", "destination", "expected"), NEXT_HOPS)
def test_the_next_hop_is_chosen_as_a_kernel_does(
    case: str, tables: list[Json], rules: Json, destination: str, expected: Metadata | None
) -> None:
    metadata: Metadata = {"RoutingTables": tables, "Neighbors": NEARBY} | ({"RoutingRules": rules} if rules else {})

    found = _next_hops(SnapshotGraph([make_node("n", metadata, 1)], ()), destination).get("n")

    assert {key: (found or {}).get(key) for key in expected or {"IP": None}} == (expected or {"IP": None})


EVERYTHING_ELSE = _routes(("0.0.0.0/0", "9.9.9.9", 2, 0), table=100)
BY_MAIN: Json = {"Priority": 32766, "Table": 254}


@pytest.mark.parametrize(
    ("rule", "gateway"),
    [
        ({"Mark": "0xca6c/0xffffffff"}, "10.0.0.1"),
        ({"Mark": "0xca6c/0xffffffff", "Not": True}, "9.9.9.9"),
        ({"Mark": "0x0/0xff"}, "9.9.9.9"),
        ({"Mark": "0x0/0xff", "Not": True}, "10.0.0.1"),
        ({"Mark": "rubbish"}, "10.0.0.1"),
        ({"IIF": "lo"}, "9.9.9.9"),
        ({"IIF": "eth0"}, "10.0.0.1"),
        ({"IIF": "eth0", "Not": True}, "9.9.9.9"),
        ({"Src": "10.0.0.0/8", "Not": True}, "9.9.9.9"),
        ({"Dst": "8.0.0.0/8", "Src": "10.0.0.0/8", "Not": True}, "9.9.9.9"),
        ({"DestinationPorts": "53-53"}, "10.0.0.1"),
        ({"UIDs": "1000-1000"}, "10.0.0.1"),
        ({"Family": "IPv6", "Not": True}, "10.0.0.1"),
        ({"SuppressPrefixLength": 0}, "10.0.0.1"),
    ],
)
def test_rule_is_about_an_unmarked_packet_of_the_node_itself_or_not(rule: dict[str, Json], gateway: str) -> None:
    rules: list[Json] = [{"Priority": 100, "Table": 100, **rule}, BY_MAIN]
    node = make_node("n", {"RoutingTables": [EVERYTHING_ELSE, MAIN], "RoutingRules": rules}, 1)
    assert _next_hops(SnapshotGraph([node], ()), "8.8.8.8")["n"]["IP"] == gateway


def test_wireguards_rules_send_all_but_what_main_has_more_exactly_into_the_tunnel() -> None:
    rules: list[Json] = [
        {"Priority": 100, "Table": 254, "SuppressPrefixLength": 0},
        {"Priority": 101, "Table": 51820, "Mark": "0xca6c/0xffffffff", "Not": True},
        BY_MAIN,
    ]
    tunnel = _routes(("0.0.0.0/0", "", 7, 0), table=51820)
    main = _routes(("0.0.0.0/0", "10.0.0.1", 2, 0), ("10.0.0.0/8", "", 2, 0))
    graph = SnapshotGraph([make_node("n", {"RoutingTables": [main, tunnel], "RoutingRules": rules}, 1)], ())
    assert _next_hops(graph, "8.8.8.8")["n"]["IfIndex"] == 7
    assert _next_hops(graph, "10.0.0.1")["n"]["IfIndex"] == 2


@pytest.mark.parametrize(
    ("refusal", "gateway"),
    [
        ({"Table": 254, "Prefix": "8.8.0.0/16", "Type": "blackhole"}, None),
        ({"Table": 254, "Prefix": "8.8.0.0/16", "Type": "prohibit"}, None),
        ({"Table": 254, "Prefix": "0.0.0.0/0", "Type": "unreachable", "Priority": 4278198272}, "9.9.9.9"),
        ({"Table": 100, "Prefix": "8.8.0.0/16", "Type": "throw"}, "10.0.0.1"),
        ({"Table": 100, "Prefix": "8.8.0.0/16", "Type": "unreachable"}, None),
        ({"Table": 100, "Prefix": "9.9.0.0/16", "Type": "unreachable"}, "9.9.9.9"),
        ({"Table": 100, "Prefix": "8.8.0.0/16", "Type": "odd"}, "9.9.9.9"),
        ("rubbish", "9.9.9.9"),
    ],
)
def test_route_that_refuses_ends_the_search_and_one_that_throws_goes_on(refusal: Json, gateway: str | None) -> None:
    first = 254 if isinstance(refusal, dict) and refusal.get("Table") == 254 and gateway is None else 100
    rules: list[Json] = [{"Priority": 1, "Table": first}, {"Priority": 2, "Table": 100}, BY_MAIN]
    facts: Metadata = {"RoutingTables": [EVERYTHING_ELSE, MAIN], "RoutingRules": rules, "RejectRoutes": [refusal]}
    found = _next_hops(SnapshotGraph([make_node("n", facts, 1)], ()), "8.8.8.8")
    assert found.get("n", {}).get("IP") == gateway


def test_a_host_has_the_routes_of_its_interfaces() -> None:
    nodes = [
        make_node("host", {"Type": "host"}, 1),
        make_node(
            "eth0", {"Type": "device", "RoutingTables": [MAIN], "Neighbors": [{"IP": "10.0.0.1", "MAC": "m"}]}, 1
        ),
        make_node("eth1", {"Type": "device", "RoutingTables": [_routes(("10.9.0.0/16", "", 3, 0))]}, 1),
    ]
    edges = [make_edge("a", "host eth0", OWNS, 1), make_edge("b", "host eth1", OWNS, 1)]
    graph = SnapshotGraph(nodes, edges)

    assert _next_hops(graph, "8.8.8.8")["host"] == {"Priority": 0, "IP": "10.0.0.1", "MAC": "m", "IfIndex": 2}
    assert _next_hops(graph, "10.9.1.1")["host"] == {"Priority": 0, "IP": "10.9.1.1", "IfIndex": 3}


SOCKET: Metadata = {
    "LocalAddress": "::ffff:10.0.0.2",
    "LocalPort": 80,
    "RemoteAddress": "10.0.0.1",
    "RemotePort": 40000,
    "Protocol": "TCP",
}


def _conversation(a: str, b: str, protocol: str = "TCP") -> dict[str, Json]:
    return {
        "UUID": "f",
        "Network": {"Protocol": "IPV4", "A": a, "B": b},
        "Transport": {"Protocol": protocol, "A": 40000, "B": 80},
        "Last": 1,
    }


async def _sockets(nodes: list[Node], flow: dict[str, Json]) -> object:
    sources = Sources(SnapshotGraph(nodes, ()), flows=FakeAgents([flow]))
    return (await run(parse("G.Flows().Sockets()"), sources)).value


async def test_sockets_of_flows_are_found_anywhere_either_way_round() -> None:
    one, two = (
        make_node("h1", {"Sockets": [SOCKET]}, 1),
        make_node("h2", {"Sockets": [SOCKET, {"Protocol": "UDP"}, 3]}, 1),
    )
    flow = _conversation("10.0.0.1", "10.0.0.2")

    assert await _sockets([one], flow) == [{"f": [SOCKET]}]
    assert await _sockets([one, two], flow) == [{"f": [SOCKET, SOCKET]}]
    assert await _sockets([one], _conversation("10.0.0.1", "10.0.0.3")) == []
    assert await _sockets([one], _conversation("10.0.0.1", "10.0.0.2", "UDP")) == []


MISTAKES = [
    ("G.Flows().RawPackets().BPF('tcp and and')", "is no packet filter", "'tcp and and'"),
    (f"G.Flows().RawPackets().BPF('{'x' * 5000}')", "has 5,000 characters", f"'{'x' * 5000}'"),
    ("G.Flows().RawPackets().BPF()", "BPF takes one filter", "BPF()"),
    ("G.V().NextHop('10.0.0.0/8')", "is not an IP address", "'10.0.0.0/8'"),
    ("G.V().Group()", "Group needs a key for nodes", "Group()"),
    ("G.V().Metrics().Aggregates(0)", "greater than 0", "0"),
    ("G.V().Metrics().Aggregates('x')", "a whole number", "'x'"),
    ("G.Flows().Group().MoreThan(-1)", "a whole number", "-1"),
    ("G.V().Sockets(1)", "takes no argument", "1"),
    ("G.V().BPF('tcp')", "BPF works on packets, but V gives nodes", "BPF"),
]


@pytest.mark.parametrize(("query", "words", "place"), MISTAKES)
def test_mistakes_are_refused_with_their_place(query: str, words: str, place: str) -> None:
    with pytest.raises(QueryError, match=words) as caught:
        parse(query)

    span = caught.value.span
    assert span is not None
    assert query[span.start : span.end] == place


REPEATED: dict[str, Metadata] = {
    "1": {"Name": "aaa", "Type": "intf", "Value": "v1"},
    "2": {"Name": "bbb", "Type": "intf", "Value": "v1"},
    "3": {"Name": "aaa", "Type": "veth"},
    "4": {"Name": "aaa", "Type": "intf"},
}


@pytest.mark.parametrize(
    ("keys", "count"), [("'Name'", 2), ("'Name', 'Type'", 3), ("'Value'", 3), ("'Misc', 'Value'", 3)]
)
def test_dedup_by_several_fields(keys: str, count: int) -> None:
    graph = SnapshotGraph([make_node(id, metadata, 1) for id, metadata in REPEATED.items()], ())

    assert len(evaluate(parse(f"G.V().Dedup({keys})"), graph)) == count


async def test_packets_that_are_left_out_are_not_in_a_capture_file_either() -> None:
    result = await run(parse("G.Flows().RawPackets().BPF('arp')"), lab_sources())

    assert (result.value, result.raw_packets) == ([], [])


async def test_in_the_past_metrics_of_no_flows_are_none() -> None:
    result = await run(parse("G.At(NOW).V('nope').Flows().Metrics().Sum()"), lab_sources())

    assert result.value is None


async def test_metrics_in_the_past_honour_what_stands_before_them() -> None:
    every = await run(parse("G.At(NOW).Flows().Metrics().Sum('ABBytes')"), lab_sources())
    once = await run(parse("G.At(NOW).Flows().Dedup().Metrics().Sum('ABBytes')"), lab_sources())

    assert (every.value, once.value) == (1396, 1298)
