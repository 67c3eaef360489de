# SPDX-License-Identifier: Apache-2.0
"""Tunnels are tied to what carries them, over hosts, as long as the addresses say so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.aio import spawn
from netsonde.analyzer import underlay as module
from netsonde.analyzer.tunnels import Tunnels
from netsonde.analyzer.underlay import Underlay
from netsonde.declared.catalogue import Name
from netsonde.errors import Conflict
from netsonde.graph import Graph
from netsonde.model.elements import Edge, Json, Node
from netsonde.model.topology import TopologySnapshot
from netsonde.observe import Health
from unit.captures.fakes import until
from unit.declared.memory import Analyzer, edge, memory_stores, node

Shown = set[tuple[str, str, str]]


class Hosts:
    """Agents that publish a host, its interfaces and its namespaces, into one analyzer's graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._elements: dict[str, dict[str, Node | Edge]] = {}

    def put(self, host: str, name: str, *, owner: str = "", **metadata: Json) -> str:
        """Put an interface, or with Type=netns a namespace; returns its id."""
        of_host = self._elements.setdefault(host, {host: self._node(host, host, Type="host")})
        known = f"{host}/{name}"
        of_host[known] = self._node(known, host, **metadata)
        of_host[f"{known}^"] = edge(owner or host, known, "ownership", origin=f"agent.{host}")
        return known

    def put_interface(self, host: str, ifindex: int, prefix: str, tables: Json = None, *, owner: str = "") -> None:
        """Put an interface with an address and routes; the one with ifindex 2 is eth0."""
        name = f"eth{ifindex - 2}"
        known: dict[str, Json] = {"Name": name, "IfIndex": ifindex, "IPV4": [prefix], "RoutingTables": tables}
        self.put(host, name, owner=owner, **known)

    def put_host(self, host: str, **metadata: Json) -> None:
        self._elements[host][host] = self._node(host, host, Type="host", **metadata)

    def take(self, host: str, name: str) -> None:
        for key in (f"{host}/{name}", f"{host}/{name}^"):
            del self._elements[host][key]

    def publish(self) -> None:
        for host, elements in self._elements.items():
            nodes = [each for each in elements.values() if isinstance(each, Node)]
            edges = [each for each in elements.values() if isinstance(each, Edge)]
            self.graph.replace_origin(TopologySnapshot(host, "e", 1, nodes, edges))

    def _node(self, node_id: str, host: str, **metadata: Json) -> Node:
        return node(node_id, origin=f"agent.{host}", host=host, **metadata)


def shown(graph: Graph) -> Shown:
    """Return the edges that are not of agents: from, to, and which end or kind."""
    mine = (each for each in graph.edges() if each.origin == "computed.underlay")
    return {(each.parent, each.child, str(each.metadata.get("End", each.metadata.get("Type")))) for each in mine}


@asynccontextmanager
async def drawing(health: Health) -> AsyncIterator[tuple[Analyzer, Hosts]]:
    analyzer = Analyzer(memory_stores())
    drawn = Underlay(analyzer.graph, analyzer.declared, health)
    async with asyncio.TaskGroup() as group:
        task = spawn(group, drawn.run(health), "underlay")
        await until(lambda: health.state == "running")
        yield analyzer, Hosts(analyzer.graph)
        task.cancel()


@pytest.fixture
def health() -> Health:
    return Health("underlay")


@pytest.fixture
async def two(health: Health) -> AsyncIterator[Hosts]:
    """Two hosts, each with an address on eth0, joined by a VXLAN."""
    async with drawing(health) as (_, hosts):
        for host, near, far in (("a", "1", "2"), ("b", "2", "1")):
            hosts.put(host, "eth0", IPV4=[f"192.0.2.{near}/24", f"10.0.0.{near}/8"], IPV6=[f"2001:db8::{near}/64"])
            hosts.put(host, "vx", Type="vxlan", VNI=7, LocalIP=f"192.0.2.{near}", RemoteIP=f"192.0.2.{far}")
        hosts.publish()
        await until(lambda: len(shown(hosts.graph)) == 5)
        yield hosts


BOTH = {
    ("a/vx", "a/eth0", "local"),
    ("a/vx", "b/eth0", "remote"),
    ("b/vx", "b/eth0", "local"),
    ("b/vx", "a/eth0", "remote"),
    ("a/vx", "b/vx", "vxlan"),
}


async def test_each_end_leads_to_the_interface_with_its_address_and_to_the_other_end(two: Hosts) -> None:
    assert shown(two.graph) == BOTH
    kinds = {each.metadata["RelationType"] for each in two.graph.edges() if each.host == ""}
    assert kinds == {"underlay", "layer2"}


async def test_address_that_moves_takes_the_edges_along(two: Hosts) -> None:
    two.put("b", "eth0")
    two.put("b", "eth1", IPV4=["192.0.2.2/24"])
    two.publish()
    moved = {(one, "b/eth1" if other == "b/eth0" else other, end) for one, other, end in BOTH}
    await until(lambda: shown(two.graph) == moved)
    two.put("b", "eth1")
    two.publish()
    await until(lambda: shown(two.graph) == {each for each in BOTH if each[1] != "b/eth0"})


async def test_host_that_leaves_takes_its_edges_along_and_brings_them_back(two: Hosts) -> None:
    two.graph.drop_origin("agent.b")
    await until(lambda: shown(two.graph) == {("a/vx", "a/eth0", "local")})
    two.publish()
    await until(lambda: shown(two.graph) == BOTH)


async def test_tunnel_of_another_network_or_kind_is_not_the_other_end(two: Hosts) -> None:
    two.put("b", "vx", Type="vxlan", VNI=8, LocalIP="192.0.2.2", RemoteIP="192.0.2.1")
    two.publish()
    await until(lambda: ("a/vx", "b/vx", "vxlan") not in shown(two.graph))
    assert shown(two.graph) == BOTH - {("a/vx", "b/vx", "vxlan")}
    two.put("b", "vx", Type="vxlan", VNI=7, LocalIP="192.0.2.2", RemoteIP="192.0.2.1")
    two.publish()
    await until(lambda: shown(two.graph) == BOTH)


async def test_ports_of_open_vswitch_in_a_bridge_are_tunnels_too(two: Hosts) -> None:
    for host, near, far in (("a", "1", "2"), ("b", "2", "1")):
        bridge = two.put(host, "br-tun", Type="ovsbridge")
        ends: dict[str, Json] = {"LocalIP": f"2001:DB8:0::{near}", "RemoteIP": f"2001:db8::{far}"}
        two.put(host, "gre-1", owner=bridge, Type="gre", Ovs={"Options": {"key": "flow"}}, **ends)
    two.publish()
    await until(lambda: len(shown(two.graph)) == 10)
    assert ("a/gre-1", "b/gre-1", "gre") in shown(two.graph)
    assert ("a/gre-1", "b/eth0", "remote") in shown(two.graph)


async def test_near_address_is_that_of_the_tunnels_own_namespace(two: Hosts) -> None:
    inside = two.put("a", "ns", Type="netns")
    two.put("a", "e-in", owner=inside, IPV4=["192.0.2.1/24"])
    two.put("a", "vx-in", owner=inside, Type="vxlan", VNI=9, LocalIP="192.0.2.1")
    two.publish()
    await until(lambda: ("a/vx-in", "a/e-in", "local") in shown(two.graph))
    # Far addresses that a host and a namespace have are the host's.
    assert shown(two.graph) == BOTH | {("a/vx-in", "a/e-in", "local")}


@pytest.fixture
async def routed(health: Health) -> AsyncIterator[Hosts]:
    """Two hosts with tunnels that name only their far ends, as OVN makes them; a's routes lead there out of eth1."""
    async with drawing(health) as (_, hosts):
        for host, near, far in (("a", "1", "2"), ("b", "2", "1")):
            bridge = hosts.put(host, "br-int", Type="ovsbridge", Name="br-int")
            hosts.put_interface(host, 2, f"10.0.0.{near}/8", routes(2, DEFAULT))
            hosts.put_interface(host, 3, f"192.0.2.{near}/24", routes(3, "192.0.2.0/24"))
            hosts.put(host, "gnv", owner=bridge, Type="geneve", RemoteIP=f"192.0.2.{far}")
        hosts.publish()
        await until(lambda: shown(hosts.graph) == ROUTED)
        yield hosts


DEFAULT = "0.0.0.0/0"
ROUTED = {
    ("a/gnv", "a/eth1", "local"),
    ("a/gnv", "b/eth1", "remote"),
    ("b/gnv", "b/eth1", "local"),
    ("b/gnv", "a/eth1", "remote"),
    ("a/gnv", "b/gnv", "geneve"),
}


def routes(ifindex: int, *prefixes: str, table: int = 254) -> list[Json]:
    hop: Json = {"IfIndex": ifindex, "Priority": 0}
    return [{"ID": table, "Src": None, "Routes": [{"Prefix": each, "NextHops": [hop]} for each in prefixes]}]


async def test_tunnel_without_near_address_leaves_where_the_routes_to_its_far_end_lead(routed: Hosts) -> None:
    # The longest prefix, then the next best one: from eth0 no address leads back to b, so the ends do not meet.
    routed.put_interface("a", 3, "192.0.2.1/24")
    routed.publish()
    apart = ROUTED - {("a/gnv", "a/eth1", "local"), ("a/gnv", "b/gnv", "geneve")}
    await until(lambda: shown(routed.graph) == apart | {("a/gnv", "a/eth0", "local")})
    routed.put_interface("a", 2, "10.0.0.1/8")
    routed.publish()
    await until(lambda: shown(routed.graph) == apart)
    routed.put_interface("a", 3, "192.0.2.1/24", routes(3, "192.0.2.2/32"))
    routed.publish()
    await until(lambda: shown(routed.graph) == ROUTED)


async def test_rules_and_routes_that_refuse_say_where_a_tunnel_leaves(routed: Hosts) -> None:
    """A rule leads to another table, and a route there refuses."""
    rules: list[Json] = [{"Priority": 100, "Table": 7, "Family": "IPv4"}, {"Priority": 32766, "Table": 254}]
    routed.put_interface("a", 2, "10.0.0.1/8", routes(2, DEFAULT, table=7))
    routed.put_host("a", RoutingRules=rules)
    routed.publish()
    await until(lambda: ("a/gnv", "a/eth0", "local") in shown(routed.graph))
    refused: list[Json] = [{"Table": 7, "Prefix": "192.0.2.0/24", "Type": "blackhole", "Priority": 0}]
    routed.put_host("a", RoutingRules=rules, RejectRoutes=refused)
    routed.publish()
    await until(lambda: not {each for each in shown(routed.graph) if each[::2] == ("a/gnv", "local")})
    routed.put_host("a")
    routed.publish()
    await until(lambda: shown(routed.graph) == ROUTED)


async def test_open_vswitch_knows_better_than_the_routes_where_its_tunnels_leave(routed: Hosts) -> None:
    routed.put("a", "gnv", owner="a/br-int", Type="geneve", RemoteIP="192.0.2.2", TunEgressIface="eth0")
    routed.publish()
    await until(lambda: ("a/gnv", "a/eth0", "local") in shown(routed.graph))
    routed.put("a", "gnv", owner="a/br-int", Type="geneve", RemoteIP="192.0.2.2", TunEgressIface="gone")
    routed.publish()
    await until(lambda: shown(routed.graph) == ROUTED)


async def test_one_end_may_name_its_address_and_the_other_not(routed: Hosts) -> None:
    routed.put("b", "gnv", owner="b/br-int", Type="geneve", LocalIP="192.0.2.2", RemoteIP="192.0.2.1")
    routed.put_interface("b", 3, "192.0.2.2/24")
    routed.publish()
    routed.put("a", "last", Type="vxlan", LocalIP="10.0.0.1")
    routed.publish()
    await until(lambda: ("a/last", "a/eth0", "local") in shown(routed.graph))
    assert shown(routed.graph) == ROUTED | {("a/last", "a/eth0", "local")}


async def test_interface_that_moves_to_a_namespace_carries_no_tunnel_of_the_host(routed: Hosts) -> None:
    inside = routed.put("a", "ns", Type="netns")
    routed.put_interface("a", 3, "192.0.2.1/24", routes(3, "192.0.2.0/24"), owner=inside)
    routed.publish()
    await until(lambda: ("a/gnv", "a/eth0", "local") in shown(routed.graph))
    routed.put_interface("a", 3, "192.0.2.1/24", routes(3, "192.0.2.0/24"))
    routed.publish()
    await until(lambda: shown(routed.graph) == ROUTED)


async def test_address_that_several_have_is_not_guessed_at_but_counted(two: Hosts, health: Health) -> None:
    two.put("c", "eth0", IPV4=["192.0.2.2/24"])
    two.publish()
    await until(lambda: ("a/vx", "b/eth0", "remote") not in shown(two.graph))
    await until(lambda: health.counters["ambiguous"] == 1)
    assert "several interfaces" in health.reason
    two.take("c", "eth0")
    two.publish()
    await until(lambda: shown(two.graph) == BOTH)
    await until(lambda: health.reason == "")


async def test_edges_are_bounded_and_those_left_out_come_when_there_is_room(
    health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_EDGES", 3)
    async with drawing(health) as (_, hosts):
        for number in range(5):
            hosts.put("a", f"eth{number}", IPV4=[f"192.0.2.{number}/24"])
            hosts.put("a", f"vx{number}", Type="vxlan", LocalIP=f"192.0.2.{number}")
        hosts.publish()
        await until(lambda: "only 3 edges are drawn, those of 2 tunnels" in health.reason)
        drawn = shown(hosts.graph)
        assert len(drawn) == 3
        for tunnel, *_ in list(drawn)[:2]:
            hosts.take("a", tunnel.removeprefix("a/"))
        hosts.publish()
        await until(lambda: len(shown(hosts.graph) - drawn) == 2)
        await until(lambda: health.reason == "")


@pytest.mark.parametrize("value", ["127.0.0.1", "fe80::1", "0.0.0.0", "flow", "", None, 7, "::", "224.0.0.1"])
async def test_what_is_no_address_of_a_host_ties_nothing(two: Hosts, value: Json) -> None:
    shown_as: list[Json] = [f"{value}/8"]
    two.put("a", "odd", IPV4=shown_as, IPV6="rubbish", LocalIP=value, RemoteIP=value)
    two.put("b", "odd", IPV4=shown_as, LocalIP=value, RemoteIP=value)
    two.publish()
    two.put("a", "last", Type="vxlan", LocalIP="10.0.0.1")
    two.publish()
    await until(lambda: ("a/last", "a/eth0", "local") in shown(two.graph))
    assert shown(two.graph) == BOTH | {("a/last", "a/eth0", "local")}


async def test_edge_is_not_deleted_by_hand_and_says_why(health: Health) -> None:
    async with drawing(health) as (analyzer, hosts):
        hosts.put("a", "eth0", IPV4=["192.0.2.1/24"])
        hosts.put("a", "vx", Type="vxlan", LocalIP="192.0.2.1")
        hosts.publish()
        await until(lambda: len(shown(hosts.graph)) == 1)
        (drawn,) = [each for each in hosts.graph.edges() if each.origin == "computed.underlay"]
        with pytest.raises(Conflict, match="made by the analyzer") as refused:
            await analyzer.declared.delete([Name("edge", drawn.id)])
        assert refused.value.hint == "it goes with the tunnel or the address"


ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3", ""])
ROUTED_TO = st.sampled_from(["192.0.2.0/24", "192.0.2.2/31", "192.0.2.3/32", ""])
CHANGES = st.lists(
    st.tuples(
        *(st.sampled_from("ab"), st.sampled_from(["e1", "e2", "t1", "t2"]), ADDRESSES, ADDRESSES),
        *(st.booleans(), ROUTED_TO),
    ),
    max_size=12,
)


def settled(tunnels: Tunnels, pending: set[str], edges: dict[str, dict[str, Edge]]) -> None:
    while pending:
        tunnel = pending.pop()
        pending |= tunnels.settle(tunnel)
        edges[tunnel] = tunnels.edges(tunnel)


@settings(deadline=None)
@given(CHANGES)
def test_what_changes_lead_to_is_what_a_fresh_look_finds(changes: list[tuple[str, str, str, str, bool, str]]) -> None:
    graph = Graph("z", "analyzer.z", lambda: 1)
    hosts, followed = Hosts(graph), Tunnels(graph)
    pending: set[str] = set()
    graph.subscribe(lambda events: pending.update(followed.follow(events)))
    edges: dict[str, dict[str, Edge]] = {}
    for host, name, first, second, inside, prefix in changes:
        owner = hosts.put(host, "ns", Type="netns") if inside else host
        if name.startswith("e"):
            addresses: list[Json] = [f"{each}/24" for each in (first, second) if each]
            tables = routes(int(name[1:]), prefix) if prefix else []
            hosts.put(host, name, owner=owner, Name=name, IfIndex=int(name[1:]), IPV4=addresses, RoutingTables=tables)
        else:
            by = "e1" if prefix else ""
            hosts.put(host, name, owner=owner, Type="vxlan", LocalIP=first, RemoteIP=second, TunEgressIface=by)
        hosts.publish()
        settled(followed, pending, edges)
    fresh = Tunnels(graph)
    expected: dict[str, dict[str, Edge]] = {}
    settled(fresh, fresh.take(graph.nodes()), expected)
    assert {tunnel: found for tunnel, found in edges.items() if found} == {
        tunnel: found for tunnel, found in expected.items() if found
    }
    assert followed.ambiguous == fresh.ambiguous
