# SPDX-License-Identifier: Apache-2.0
"""The step NextHop against this kernel's own answer (`ip route get`), after each change of routes, rules, next hops."""

import json
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, live_graph, private_netns, run, settings
from netsonde.query import evaluate, parse

pytestmark = pytest.mark.netns

ADDRESSES = ("10.1.0.9", "10.9.1.1", "10.8.1.1", "10.7.1.1", "8.8.8.8", "10.2.0.9", "2001:db8:9::1", "2001:db8:8::1")

STEPS = (
    "nexthop add id 7 via 10.1.0.2 dev e1",
    "route add 10.9.0.0/16 nhid 7",
    "nexthop replace id 7 via 10.2.0.2 dev e2",
    "nexthop add id 8 via 10.1.0.3 dev e1",
    "nexthop add id 9 group 8",
    "route add default nhid 9",
    "nexthop replace id 9 group 7",
    "nexthop add id 10 blackhole",
    "route add 10.8.0.0/16 nhid 10",
    "route add unreachable 10.7.0.0/16",
    "nexthop del id 10",
    "route replace 10.7.0.0/16 via 10.1.0.2",
    "route replace 10.7.0.0/16 via 10.2.0.2",
    "route replace blackhole 10.7.0.0/16",
    "-6 nexthop add id 17 via 2001:db8:1::2 dev e1",
    "-6 route add 2001:db8:9::/48 nhid 17",
    "-6 route add prohibit 2001:db8:8::/48",
    "-6 nexthop replace id 17 via 2001:db8:2::2 dev e2",
    "route add default via 10.1.0.2 dev e1 table 100",
    "route add throw 10.9.0.0/16 table 100",
    "rule add pref 90 not fwmark 0x1 lookup 100",
    "rule add pref 80 lookup main suppress_prefixlength 0",
    "rule add pref 70 to 10.1.0.0/24 blackhole",
    "rule add pref 60 dport 53 lookup 100",
    "rule del pref 70",
    "link set e2 down",
    "link set e2 up",
    "nexthop flush",
    "link del e1",
)

UNTOLD_STEPS = (
    "link set e2 down",
    "link set e2 up",
    "route add 10.9.0.0/16 via 10.1.0.9 src 10.1.0.1",
    "route add 10.8.0.0/16 dev e1",
    "route add 10.7.0.0/16 via 10.2.0.9 src 10.1.0.1",
    "route add 10.6.0.0/16 via 10.2.0.9 src 10.1.0.1 table 100",
    "addr add 10.1.0.1/16 dev e1",
    "addr del 10.1.0.1/24 dev e1",
    "addr add 10.1.0.7/32 dev e1",
    "addr del 10.1.0.1/16 dev e1",
    "addr del 10.1.0.7/32 dev e1",
    "-6 addr add 2001:db8:1::7/64 dev e1 nodad",
    "-6 route add 2001:db8:9::/64 via 2001:db8:1::9 src 2001:db8:1::1",
    "-6 addr del 2001:db8:1::1/64 dev e1",
)
"""Not every route that these take away, or alter, is told by the kernel."""


@pytest.fixture(autouse=True)
def netns() -> Iterator[None]:
    with private_netns():
        for number in (1, 2):
            run("ip", "link", "add", f"e{number}", "type", "veth", "peer", "name", f"p{number}")
            for end in (f"e{number}", f"p{number}"):
                run("ip", "link", "set", end, "up")
            run("ip", "addr", "add", f"10.{number}.0.1/24", "dev", f"e{number}")
            run("ip", "addr", "add", f"2001:db8:{number}::1/64", "dev", f"e{number}", "nodad")
        yield


@pytest.fixture(params=["1", "0"], ids=["compatible", "by object alone"])
async def live(request: pytest.FixtureRequest, netns: None, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    run("sysctl", "-qw", f"net.ipv4.nexthop_compat_mode={request.param}")
    async with live_graph(settings(tmp_path / "netns", table_delay=0.0)) as graph:
        yield graph


def kernel_says(address: str) -> tuple[str, str] | None:
    """Return interface and gateway, None for an address that the kernel sends nothing to."""
    try:
        (route,) = json.loads(run("ip", "-j", "route", "get", address))
    except AssertionError:
        return None
    return (
        (route["dev"], route.get("gateway", address)) if route.get("type", "unicast") in ("unicast", "local") else None
    )


def graph_says(live: LiveGraph, address: str) -> tuple[str, str] | None:
    found: Any = evaluate(parse(f"G.V().Has('Type', 'host').NextHop('{address}')"), live.graph)
    if not found:
        return None
    hop = found[0].data
    device = live.find(IfIndex=hop["IfIndex"])
    return (str(device.metadata["Name"]) if device is not None else "", hop["IP"])


async def test_next_hop_is_the_kernels_after_every_change(live: LiveGraph) -> None:
    for step in STEPS:
        run("ip", *step.split())
        expected = {address: kernel_says(address) for address in ADDRESSES}
        await live.until(
            lambda expected=expected: {each: graph_says(live, each) for each in ADDRESSES} == expected,  # type: ignore[misc]
            what=f"after {step}: {expected}, not { {each: graph_says(live, each) for each in ADDRESSES} }",
        )


def kernel_lists(device: str) -> set[tuple[str, str]]:
    """Return prefix and preferred source of each route out of an interface."""
    told = [
        (each, default)
        for family, default in (("-4", "0.0.0.0/0"), ("-6", "::/0"))
        for each in json.loads(run("ip", family, "-j", "route", "show", "table", "all", "dev", device))
    ]
    return {
        (str(ip_network(default if each["dst"] == "default" else each["dst"])), each.get("prefsrc", ""))
        for each, default in told
    }


def graph_lists(live: LiveGraph, device: str) -> set[tuple[str, str]]:
    node = live.find(Name=device)
    tables: Any = node.metadata.get("RoutingTables", []) if node is not None else []
    return {(route["Prefix"], table["Src"] or "") for table in tables for route in table["Routes"]}


async def test_routes_are_those_that_ip_lists_also_where_the_kernel_tells_nothing(live: LiveGraph) -> None:
    for step in UNTOLD_STEPS:
        run("ip", *step.split())
        await live.until(
            lambda: all(graph_lists(live, device) == kernel_lists(device) for device in ("e1", "e2")),
            what=f"after {step}: "
            + "; ".join(f"{each}: {kernel_lists(each)}, not {graph_lists(live, each)}" for each in ("e1", "e2")),
        )


async def test_black_holes_are_those_that_ip_lists(live: LiveGraph) -> None:
    for kind, prefix in (("blackhole", "10.8.0.0/16"), ("prohibit", "10.7.0.0/16"), ("throw", "10.6.0.0/16")):
        run("ip", "route", "add", kind, prefix, "metric", "5", "table", "100")
    run("ip", "-6", "route", "add", "unreachable", "2001:db8:8::/48", "table", "100")
    listed = [
        (each["type"], each["dst"], each.get("metric", 0))
        for family in ("-4", "-6")
        for each in json.loads(run("ip", "-j", family, "route", "show", "table", "100"))
    ]
    node = await live.node(Type="host", RejectRoutes__Prefix="2001:db8:8::/48")
    shown = node.metadata["RejectRoutes"]
    assert isinstance(shown, list)
    found = [(each["Type"], each["Prefix"], each["Priority"]) for each in shown if isinstance(each, dict)]
    assert sorted(found) == sorted(listed)
    run("ip", "route", "flush", "table", "100")
    run("ip", "-6", "route", "flush", "table", "100")
    await live.until(lambda: "RejectRoutes" not in (live.graph.node(node.id) or node).metadata)
