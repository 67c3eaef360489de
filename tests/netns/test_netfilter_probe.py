# SPDX-License-Identifier: Apache-2.0
"""The netfilter probe against this kernel, in namespaces of its own, compared with `nft` and the kernel's files."""

import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, Namespaces, live_graph, run, settings
from live_graph import make_netns as make_netns
from netns_fixture import netns as netns

pytestmark = pytest.mark.netns

RULES = """
table inet filter {
  set trusted { type ipv4_addr; }
  chain input { type filter hook input priority 0; policy accept;
    ct state invalid drop
    ip saddr @trusted accept
    jump services
  }
  chain services {
    tcp dport { 22, 80 } accept
  }
}
table ip nat {
  chain post { type nat hook postrouting priority 100;
    masquerade
  }
}
"""
DROP_INVALID = """
table ip t {
  chain c { type filter hook input priority 0;
    ct state invalid drop
  }
}
"""


@pytest.fixture
async def live(netns: None, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns", probes=("netns", "netlink", "netfilter"))) as graph:
        yield graph


def load(rules: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.nft"
    file.write_text(rules)
    run("nft", "-f", str(file))


def as_nft_lists() -> list[dict[str, Any]]:
    """Return the tables of this namespace with what is in them, as `nft list ruleset` shows it."""
    listed = json.loads(run("nft", "-j", "list", "ruleset"))["nftables"]
    inside = Counter(
        (kind, each["family"], each["table"]) for one in listed for kind, each in one.items() if "table" in each
    )
    tables = [one["table"] for one in listed if "table" in one]
    return [
        {
            "Family": table["family"],
            "Name": table["name"],
            "Chains": inside["chain", table["family"], table["name"]],
            "Sets": inside["set", table["family"], table["name"]],
            "Rules": inside["rule", table["family"], table["name"]],
        }
        for table in sorted(tables, key=lambda table: (table["family"], table["name"]))
    ]


def shown(live: LiveGraph, key: str, **node: Any) -> Any:
    found = live.find(**node)
    return None if found is None else found.metadata.get(key)


def tables(live: LiveGraph, **node: Any) -> Any:
    return (shown(live, "NFTables", **node) or {}).get("Tables", [])


async def test_tables_are_those_that_nft_lists_as_they_come_and_go(live: LiveGraph, tmp_path: Path) -> None:
    load(RULES, tmp_path)
    listed = as_nft_lists()
    # The members of `{ 22, 80 }` are a set without a name, which nft shows in the rule.
    listed[0]["Sets"] += 1
    assert [(each["Chains"], each["Sets"], each["Rules"]) for each in listed] == [(2, 2, 4), (1, 0, 1)]
    await live.until(lambda: tables(live, Type="host") == listed, what=f"{listed}")
    run("nft", "flush", "chain", "inet", "filter", "services")
    run("nft", "delete", "table", "ip", "nat")
    await live.until(lambda: tables(live, Type="host") == as_nft_lists())
    run("nft", "flush", "ruleset")
    await live.until(lambda: shown(live, "NFTables", Type="host") is None)


async def test_rules_of_a_namespace_are_on_its_node_only_and_do_not_hold_it(
    live: LiveGraph, make_netns: Namespaces
) -> None:
    inside, other = make_netns(), make_netns()
    inside.run("nft", "add", "table", "bridge", "only_here")
    wanted = [{"Family": "bridge", "Name": "only_here", "Chains": 0, "Sets": 0, "Rules": 0}]
    await live.until(lambda: tables(live, Type="netns", Inode=inside.inode) == wanted)
    await live.node(Type="netns", Inode=other.inode)
    assert live.count_with("NFTables") == 1
    inode = inside.inode
    inside.delete()
    await live.gone(Type="netns", Inode=inode)


async def test_connections_and_packets_that_fit_none_are_counted(live: LiveGraph, tmp_path: Path) -> None:
    load(DROP_INVALID, tmp_path)
    host = await live.node(Type="host")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        wanted = {"Count": 1, "Max": most()}
        await live.until(lambda: shown(live, "Conntrack", Type="host") == wanted, what=f"{wanted}")
        assert (await live.metric(host.id)).counters["ConntrackEntries"] == 1
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
            raw.sendto(bytes(20), ("127.0.0.1", 0))  # a TCP header with no flag set
        counted = (await live.metric(host.id)).counters.get("ConntrackInvalid", 0)
        while counted < invalid():  # a look may come between the two that the kernel counts
            counted += (await live.metric(host.id)).counters.get("ConntrackInvalid", 0)
        assert counted == invalid()


def invalid() -> int:
    """Return what all processors counted: the kernel counts a bad header twice."""
    heading, *lines = Path("/proc/net/stat/nf_conntrack").read_text().splitlines()
    found = sum(int(line.split()[heading.split().index("invalid")], 16) for line in lines)
    assert found > 0
    return found


def most() -> int:
    return int(Path("/proc/sys/net/netfilter/nf_conntrack_max").read_text())
