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


ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3", ""])
CHANGES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["e1", "e2", "t1", "t2"]), ADDRESSES, ADDRESSES, st.booleans()),
    max_size=12,
)


@settings(deadline=None)
@given(CHANGES)
def test_what_changes_lead_to_is_what_a_fresh_look_finds(changes: list[tuple[str, str, str, str, bool]]) -> None:
    graph = Graph("z", "analyzer.z", lambda: 1)
    hosts, followed = Hosts(graph), Tunnels(graph)
    pending: set[str] = set()
    graph.subscribe(lambda events: pending.update(followed.follow(events)))
    edges: dict[str, dict[str, Edge]] = {}
    for host, name, first, second, inside in changes:
        owner = hosts.put(host, "ns", Type="netns") if inside else host
        if name.startswith("e"):
            addresses: list[Json] = [f"{each}/24" for each in (first, second) if each]
            hosts.put(host, name, owner=owner, IPV4=addresses)
        else:
            hosts.put(host, name, owner=owner, Type="vxlan", LocalIP=first, RemoteIP=second)
        hosts.publish()
        for tunnel in pending:
            edges[tunnel] = followed.edges(tunnel)
        pending.clear()
    fresh = Tunnels(graph)
    expected = {tunnel: fresh.edges(tunnel) for tunnel in fresh.take(graph.nodes())}
    assert {tunnel: found for tunnel, found in edges.items() if found} == {
        tunnel: found for tunnel, found in expected.items() if found
    }
    assert followed.ambiguous == fresh.ambiguous
