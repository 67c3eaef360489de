# SPDX-License-Identifier: Apache-2.0
"""Ways over layer 2: their order, and how seldom they are searched."""

from collections.abc import Iterable

import pytest

from netsonde.checks.whereabouts import Place, Ways, narrower
from netsonde.graph import Batch, Graph
from netsonde.model.elements import Metadata

LAYER2: Metadata = {"RelationType": "layer2"}


def link(graph: Graph, *pairs: tuple[str, str]) -> None:
    batch = Batch()
    for pair in pairs:
        for node_id in pair:
            batch.put_node(node_id, "test", {"Name": node_id})
        batch.put_edge(None, *pair, "test", LAYER2)
    graph.apply(batch)


def names(places: Iterable[Place] | None) -> list[str]:
    assert places is not None
    return [place.name for place in places]


PLACES = [Place(name, name, name) for name in ("dhcp", "br", "port2", "afar")]


@pytest.fixture
def graph() -> Graph:
    """Two taps, each on a port of one switch, on which a DHCP server is too; `afar` has no way to them."""
    made = Graph("a1", "analyzer.a1", lambda: 1)
    link(made, ("br", "port1"), ("port1", "tap1"), ("br", "port2"), ("port2", "tap2"), ("br", "dhcp"), ("afar", "x"))
    return made


@pytest.fixture
def ways(graph: Graph) -> Ways:
    made = Ways(graph)
    made.searches = 5
    return made


def test_places_come_by_distance_without_those_to_which_no_way_leads(ways: Ways) -> None:
    assert names(ways.in_order("tap1", PLACES)) == ["br", "dhcp", "port2"]
    assert names(ways.in_order("tap2", PLACES)) == ["port2", "br", "dhcp"]


def test_all_places_come_by_name_when_no_way_leads_to_any(ways: Ways) -> None:
    assert names(ways.in_order("alone", PLACES)) == ["afar", "br", "dhcp", "port2"]


def test_interfaces_of_one_switch_share_a_search(ways: Ways) -> None:
    for tap in ("tap1", "tap2"):
        ways.in_order(tap, PLACES)
    assert ways.searches == 4


def test_a_change_elsewhere_costs_no_search_and_one_nearby_is_seen(ways: Ways, graph: Graph) -> None:
    ways.in_order("tap1", PLACES)
    link(graph, ("afar", "y"))
    ways.changed({"afar", "y"})
    ways.in_order("tap1", PLACES)
    searched = 5 - ways.searches
    link(graph, ("dhcp", "afar"))
    ways.changed({"dhcp", "afar"})
    assert names(ways.in_order("tap1", PLACES)) == ["br", "dhcp", "port2", "afar"]
    assert (searched, ways.searches) == (1, 3)


def test_without_a_search_left_there_is_no_order_but_where_it_is_known(ways: Ways) -> None:
    ways.in_order("tap1", PLACES)
    ways.searches = 0
    assert ways.in_order("afar", PLACES) is None
    assert names(ways.in_order("tap2", PLACES)) == ["port2", "br", "dhcp"]


def test_a_ring_of_links_ends(ways: Ways, graph: Graph) -> None:
    link(graph, ("r1", "r2"), ("r2", "r3"), ("r3", "r1"), ("r1", "tap9"))
    assert names(ways.in_order("tap9", [Place("r3", "r3", "r3")])) == ["r3"]


def test_what_is_kept_of_searches_is_bounded(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsonde.checks.whereabouts._MOST_NODES_KEPT", 7)
    for start in ("tap1", "afar", "tap1"):
        ways.in_order(start, PLACES)
    assert ways.searches == 2


def sized(graph: Graph, **sizes: int) -> None:
    batch = Batch()
    for name, mtu in sizes.items():
        batch.annotate(name, "test", {"MTU": mtu, "MAC": f"02::{name}", "Type": "bridge" if name == "br" else "veth"})
    graph.apply(batch)


def test_the_first_narrow_interface_on_the_way_is_named(graph: Graph) -> None:
    sized(graph, tap1=1500, port1=1500, br=1400, port2=1300, dhcp=1400, tap2=1500)
    assert narrower(graph, "tap1", "02::dhcp", 1500) == ("dhcp", 1400)
    assert narrower(graph, "tap1", "02::tap2", 1500) == ("port2", 1300)
    assert narrower(graph, "tap1", "02::port1", 1500) == ("", 0)


def test_a_bridge_is_named_only_where_no_port_is_narrow(graph: Graph) -> None:
    sized(graph, br=1400, dhcp=1500)
    assert narrower(graph, "tap1", "02::dhcp", 1401) == ("br", 1400)


def test_without_a_known_way_the_nearest_narrow_interface_is_named(graph: Graph) -> None:
    sized(graph, tap1=1500, port2=1300, tap2=1200)
    assert narrower(graph, "tap1", "", 1500) == ("port2", 1300)
