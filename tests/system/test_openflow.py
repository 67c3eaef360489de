# SPDX-License-Identifier: Apache-2.0
"""Rules and groups of a real switch, as its own ovs-ofctl prints them: read by an agent, and asked for by a query."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from live_graph import LiveGraph, live_graph, name, settings
from netns_fixture import netns as netns
from netsonde.agent import rules
from netsonde.agent.rules import OpenFlowReader
from netsonde.errors import SourceLost, UserError
from netsonde.model.elements import Metadata
from netsonde.model.openflow import OpenFlowKind, OpenFlowPart, OpenFlowRequest
from netsonde.probes.ovsdb.ofctl import ask
from ovs_fixture import PrivateOvs
from ovs_fixture import ovs_in_netns as ovs_in_netns
from system.stack import PROGRAM, Stack

pytestmark = pytest.mark.system

FLOWS = """\
cookie=0x2a,table=0,priority=100,ip,in_port=1,nw_src=10.0.0.0/8 actions=set_field:0x1->reg0,resubmit(,1)
table=0,priority=90,arp,in_port=LOCAL actions=NORMAL
table=0,priority=80,in_port=2,idle_timeout=600,hard_timeout=900,importance=7,send_flow_rem actions=output:1
table=1,priority=10,tcp,tp_dst=0x16/0xfffe actions=ct(commit,zone=5,exec(set_field:1->ct_mark),table=2)
table=2,ct_state=+trk+est,ip actions=group:4
table=2,priority=5,udp6,ipv6_dst=2001:db8::/32 actions=push_vlan:0x8100,set_field:4107->vlan_vid,output:2
table=3,priority=0 actions=learn(table=4,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),FLOOD
table=5,metadata=0x5,tun_id=0x7 actions=conjunction(9,1/2)
table=6,conj_id=9,ip actions=note:00.01.02.00.00.00,clone(output:1),controller(reason=no_match,max_len=64)
table=7,priority=1 actions=drop
"""
GROUPS = (
    "group_id=4,type=select,selection_method=hash,bucket=bucket_id:0,weight:100,actions=output:1,"
    "bucket=bucket_id:1,weight:50,actions=set_field:02:00:00:00:00:01->eth_dst,output:2",
    "group_id=5,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_port:2,actions=output:2",
    "group_id=6,type=all,bucket=actions=LOCAL",
)


@pytest.fixture
async def live(ovs: PrivateOvs, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(
        settings(tmp_path / "netns", ovsdb=ovs.address, probes=("netns", "netlink", "ovsdb"))
    ) as graph:
        yield graph


class Lab:
    """A bridge with two ports, rules in several tables, and groups."""

    def __init__(self, ovs: PrivateOvs) -> None:
        self.ovs = ovs
        self.bridge, self.one, self.two = name("b"), name("p"), name("q")
        ovs.add_bridge(self.bridge)
        for number, port in enumerate((self.one, self.two), 1):
            kind = ("type=internal", f"ofport_request={number}")
            ovs.vsctl("add-port", self.bridge, port, "--", "set", "Interface", port, *kind)
        self.ofctl("del-flows")
        for group in GROUPS:
            self.ofctl("add-group", group)
        for flow in FLOWS.splitlines():
            self.ofctl("add-flow", flow)

    def ofctl(self, command: str, *arguments: str) -> str:
        socket = f"unix:{self.ovs.directory / self.bridge}.mgmt"
        done = subprocess.run(
            ["ovs-ofctl", "-O", "OpenFlow15", command, socket, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command} {arguments}: {done.stderr}"
        return done.stdout

    def printed(self, match: str = "") -> set[str]:
        """Return the rules as ovs-ofctl prints them, without what counts and what has another place in ours."""
        lines = self.ofctl("dump-flows", *([match] if match else [])).splitlines()[1:]
        return {re.sub(r" (duration|n_packets|n_bytes|idle_age)=[^,]*,", "", line).strip() for line in lines}


@pytest.fixture
def lab(ovs: PrivateOvs) -> Lab:
    return Lab(ovs)


async def node_of(live: LiveGraph, kind: str, label: str) -> str:
    """Return a node when all that is asked of it is known: the device of a port comes after its row."""
    await live.until(lambda: (device := live.find(Type="internal", Name=label)) and "OfPort" in device.metadata)
    return (await live.node(Type=kind, Name=label)).id


async def asked(live: LiveGraph, ovs: PrivateOvs, request: OpenFlowRequest) -> list[OpenFlowPart]:
    reader = OpenFlowReader(live.graph, {"ovsdb": ovs.address})
    return [msgspec.json.decode(item, type=OpenFlowPart) async for item in reader.handle(msgspec.json.encode(request))]


async def found(live: LiveGraph, lab: Lab, kind: OpenFlowKind, node: str, **more: Any) -> list[Metadata]:
    parts = await asked(live, lab.ovs, OpenFlowRequest(kind, [node], **more))
    assert [part.problem for part in parts if part.problem] == []
    return [one for part in parts for one in part.found]


def as_printed(rule: Any) -> str:
    """Put a rule together as ovs-ofctl prints it; written apart from what reads it."""
    facts = [f"cookie={rule['Cookie']}", f"table={rule['Table']}"]
    names = {"IdleTimeout": "idle_timeout", "HardTimeout": "hard_timeout"}
    facts += [f"{theirs}={rule[ours]}" for ours, theirs in names.items() if ours in rule]
    flags = "".join(f"{flag} " for flag in rule.get("Flags", []))
    importance = f"importance={rule['Importance']}, " if "Importance" in rule else ""
    match = rule["Match"]
    if rule["Priority"] != 32768:
        match = f"priority={rule['Priority']},{match}".rstrip(",")
    return f"{', '.join(facts)}, {flags}{importance}{match} actions={','.join(rule['Actions'])}".replace("  ", " ")


async def test_rules_of_a_bridge_are_those_that_ovs_ofctl_prints(live: LiveGraph, lab: Lab) -> None:
    told = await found(live, lab, "rules", await node_of(live, "ovsbridge", lab.bridge))

    assert {as_printed(rule) for rule in told} == lab.printed()
    assert {rule["Bridge"] for rule in told} == {lab.bridge}
    assert {rule["Cookie"] for rule in told} == {"0x2a", "0x0"}


async def test_one_table_is_read_alone(live: LiveGraph, lab: Lab) -> None:
    told = await found(live, lab, "rules", await node_of(live, "ovsbridge", lab.bridge), table=2)

    assert {as_printed(rule) for rule in told} == lab.printed("table=2")
    assert len(told) == 2


async def test_what_matched_is_counted(live: LiveGraph, lab: Lab) -> None:
    bridge = await node_of(live, "ovsbridge", lab.bridge)
    frame = "02000000000102000000000208060001080006040001" + "00" * 20
    lab.ofctl("packet-out", f"in_port=2, packet={frame}, actions=table")

    (rule,) = [rule for rule in await found(live, lab, "rules", bridge) if rule["Priority"] == 80]

    assert (rule["Packets"], rule["Bytes"]) == (1, len(frame) // 2)


@pytest.mark.parametrize("kind", ["ovsport", "internal"])
async def test_of_a_port_only_what_comes_from_it_or_goes_there_is_told(live: LiveGraph, lab: Lab, kind: str) -> None:
    port = await node_of(live, kind, lab.two)

    told = await found(live, lab, "rules", port)

    assert {(rule["Table"], rule["Priority"]) for rule in told} == {(0, 80), (2, 5)}
    groups = await found(live, lab, "groups", port)
    assert {group["GroupId"] for group in groups} == {4, 5}


async def test_many_ports_get_each_its_own(live: LiveGraph, lab: Lab) -> None:
    ports = {number: name("m") for number in range(11, 21)}
    for number, port in ports.items():
        kind = ("type=patch", "options:peer=nobody", f"ofport_request={number}")
        lab.ovs.vsctl("add-port", lab.bridge, port, "--", "set", "Interface", port, *kind)
        lab.ofctl("add-flow", f"table=20,priority={number},in_port={number} actions=output:{number + 1}")
    nodes = {number: (await live.node(Type="ovsport", Name=port)).id for number, port in ports.items()}
    await live.until(lambda: all(live.find(Type="patch", OfPort=number) for number in ports))

    parts = await asked(live, lab.ovs, OpenFlowRequest("rules", [*nodes.values()]))

    told = {
        node: {rule["Priority"] for part in parts if part.node_id == node for rule in part.found}
        for node in nodes.values()
    }
    assert told == {node: {number, number - 1} - {10} for number, node in nodes.items()}


async def test_the_port_of_the_bridge_itself_is_called_local(live: LiveGraph, lab: Lab) -> None:
    told = await found(live, lab, "rules", await node_of(live, "ovsport", lab.bridge))

    assert {(rule["Table"], rule["Priority"]) for rule in told} == {(0, 90)}
    groups = await found(live, lab, "groups", await node_of(live, "ovsport", lab.bridge))
    assert [group["GroupId"] for group in groups] == [6]


async def test_groups_are_told_with_their_buckets(live: LiveGraph, lab: Lab) -> None:
    told = await found(live, lab, "groups", await node_of(live, "ovsbridge", lab.bridge))

    by_id: dict[Any, Any] = {group["GroupId"]: group for group in told}
    assert [by_id[number]["GroupType"] for number in (4, 5, 6)] == ["select", "ff", "all"]
    assert by_id[4]["SelectionMethod"] == "hash"
    assert [bucket["Weight"] for bucket in by_id[4]["Buckets"]] == [100, 50]
    assert [bucket["WatchPort"] for bucket in by_id[5]["Buckets"]] == [1, 2]
    assert by_id[4]["Buckets"][1]["Actions"] == ["set_field:02:00:00:00:00:01->eth_dst", "output:2"]
    assert {(group["Packets"], group["Bytes"]) for group in told} == {(0, 0)}
    assert by_id[4]["References"] == 1


async def test_beyond_the_limit_rules_are_counted(live: LiveGraph, lab: Lab) -> None:
    bridge, port = await node_of(live, "ovsbridge", lab.bridge), await node_of(live, "ovsport", lab.two)

    parts = await asked(live, lab.ovs, OpenFlowRequest("rules", [bridge, port], limit=1))

    told = {node: [part for part in parts if part.node_id == node] for node in (bridge, port)}
    assert [sum(len(part.found) for part in of) for of in told.values()] == [1, 1]
    assert [sum(part.left_out for part in of) for of in told.values()] == [len(FLOWS.splitlines()) - 1, 1]


@pytest.fixture
def full_lab(lab: Lab, tmp_path: Path) -> Lab:
    """The same with twenty thousand rules more."""
    many = tmp_path / "flows"
    sources = (f"10.{number >> 8}.{number & 255}.1" for number in range(20_000))
    many.write_text("".join(f"table=9,ip,nw_src={source} actions=output:9\n" for source in sources))
    lab.ofctl("add-flows", str(many))
    return lab


async def test_time_that_runs_out_while_lines_wait_to_be_taken_ends_the_program(full_lab: Lab) -> None:
    socket = full_lab.ovs.directory / f"{full_lab.bridge}.mgmt"

    async def take(lines: bytes) -> None:
        await asyncio.Event().wait()

    # Without an end to it, the test would wait for ever instead of failing.
    async with asyncio.timeout(20):
        with pytest.raises(SourceLost, match="did not tell all"):
            await ask("dump-flows", socket, within=1.0, take=take)


async def test_twenty_thousand_rules_are_read(live: LiveGraph, full_lab: Lab) -> None:
    lab = full_lab
    bridge = await node_of(live, "ovsbridge", lab.bridge)

    parts = await asked(live, lab.ovs, OpenFlowRequest("rules", [bridge]))

    assert [part.problem for part in parts if part.problem] == []
    kept = sum(len(part.found) for part in parts)
    assert (kept, sum(part.left_out for part in parts)) == (10_000, 10_000 + len(FLOWS.splitlines()))


async def test_a_bridge_that_speaks_an_old_version_only_is_read(live: LiveGraph, lab: Lab) -> None:
    lab.ovs.vsctl("set", "Bridge", lab.bridge, "protocols=OpenFlow10")
    bridge = await node_of(live, "ovsbridge", lab.bridge)

    told = await found(live, lab, "rules", bridge, table=7)
    groups = await found(live, lab, "groups", bridge)

    assert [rule["Actions"] for rule in told] == [["drop"]]
    assert {group["GroupId"] for group in groups} == {4, 5, 6}


async def test_why_a_bridge_cannot_be_read_is_told(
    live: LiveGraph, lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bridge = await node_of(live, "ovsbridge", lab.bridge)
    request = OpenFlowRequest("rules", [bridge, "nobody"])

    async def problems(address: str = lab.ovs.address) -> list[str]:
        reader = OpenFlowReader(live.graph, {"ovsdb": address})
        items = [item async for item in reader.handle(msgspec.json.encode(request))]
        return [part.problem for item in items if (part := msgspec.json.decode(item, type=OpenFlowPart)).problem]

    assert await problems() == ["it is gone"]
    assert "nobody knows where its switch can be asked" in "".join(await problems("tcp:127.0.0.1:6640"))
    assert f"{lab.bridge}.mgmt" in "".join(await problems(f"unix:{tmp_path}/db.sock"))
    monkeypatch.setattr(rules, "READ_WITHIN", 0.0)
    assert "not asked" in "".join(await problems())
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "ovs-ofctl is not installed on this host" in "".join(await problems())


async def test_a_switch_that_hangs_is_given_up(live: LiveGraph, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = await node_of(live, "ovsbridge", lab.bridge)
    monkeypatch.setattr(rules, "READ_WITHIN", 0.5)
    with lab.ovs.hanging_switch():
        parts = await asked(live, lab.ovs, OpenFlowRequest("rules", [bridge]))

    assert parts[-1].problem.startswith(f"{lab.bridge}: ovs-ofctl did not tell all within")


async def test_a_request_that_is_none_is_refused(live: LiveGraph) -> None:
    with pytest.raises(UserError, match="no OpenFlowRequest"):
        [item async for item in OpenFlowReader(live.graph, {}).handle(b"{}")]


def test_rules_are_asked_for_by_queries_and_commands(lab: Lab, tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", env={"NETSONDE_PROBES_OVSDB_ADDRESSES": lab.ovs.address}).start()
    try:
        bridge = f"G.V().Has('Type', 'ovsbridge', 'Name', '{lab.bridge}')"
        stack.wait(lambda: stack.query(bridge), 15, "the bridge in the graph")
        assert sorted(stack.query(f"{bridge}.OfRules('Table', 0).Values('Priority')")) == [80, 90, 100]
        assert stack.query(f"{bridge}.OfRules().Has('Fields.in_port', 1).Values('Cookie')") == ["0x2a"]

        shown = command(stack, f"{bridge}.OfRules().Has('Table', Gt(6)).Limit(1)")
        assert shown.stdout.split()[:10] == [
            *("BRIDGE", "TABLE", "PRIORITY", "MATCH", "ACTIONS", "PACKETS", "BYTES", "DURATION", "COOKIE", "OF"),
        ]
        assert re.search(rf"{lab.bridge} +7 +1 +drop", shown.stdout)

        (lab.ovs.directory / f"{lab.bridge}.mgmt").unlink()
        told = command(stack, f"{bridge}.OfGroups()")
        assert "nothing found" in told.stderr
        assert f"incomplete: {stack.call('GET', '/api/status')['Processes'][0]['Host']}: {lab.bridge}: " in told.stderr

        refused = command(stack, f"G.At('-1m').V().Has('Name', '{lab.bridge}').OfRules()")
        assert refused.returncode != 0
        assert "OpenFlow rules are not recorded" in refused.stderr
    finally:
        stack.stop()


def command(stack: Stack, query: str) -> "subprocess.CompletedProcess[str]":
    program = [str(PROGRAM), "query", query, "--url", stack.url]
    return subprocess.run(program, capture_output=True, text=True, check=False)
