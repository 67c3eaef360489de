# SPDX-License-Identifier: Apache-2.0
"""Guests boot on healthy and broken networks: each gets the verdict that it deserves, with the reason."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from demo.switch import Switch

from system.guests import METADATA, NARROW_MTU, Guests
from system.stack import PROGRAM, Stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

WITHIN_MS = 3_000
FAULTS = ("dhcp", "vlan", "arp", "mtu", "metadata")


class Judged(NamedTuple):
    """All guests after their verdicts."""

    stack: Stack
    guests: Guests
    uuid: str
    results: dict[str, dict[str, Any]]
    """By fault, "healthy" for none."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """Boot one guest on each network, all at once, and wait for the verdicts of a check that was there before."""
    folder = Path(tmp_path_factory.mktemp("chk"))
    switch = Switch(folder)
    switch.start()
    stack = Stack(folder / "state", env={"NETSONDE_PROBES_OVSDB_ADDRESSES": f"unix:{switch.socket}"}).start()
    guests = Guests(folder)
    try:
        uuid = create(stack, guests.prefix)
        switches = {"vlan": switch}
        bridges = {
            fault: guests.network(fault[:3], fault=fault, switch=switches.get(fault)) for fault in ("ok", *FAULTS)
        }
        stack.wait(lambda: stack.call("GET", f"/api/check/{uuid}")["State"] == "waiting", 20, "watching")
        taps = {guests.guest(f[:3], bridge, switch=switches.get(f)): f for f, bridge in bridges.items()}
        stack.wait(lambda: is_over(stack, uuid, len(taps)), 30, "judged")
        found = {taps[one["NodeName"]]: one for one in stack.call("GET", f"/api/check/{uuid}/results")}
        yield Judged(stack, guests, uuid, found)
    finally:
        guests.close()
        stack.stop()
        switch.stop()


def create(stack: Stack, prefix: str) -> str:
    steps = [
        *({"Type": name} for name in ("dhcp", "gateway", "icmp", "dns")),
        {"Type": "tcp", "Parameters": {"Target": f"{METADATA}:80"}},
        {"Type": "mtu"},
        {"Type": "path", "Parameters": {"Through": f"G.V().Has('Name', Regex('{prefix}.*d'))", "Protocol": "DHCPv4"}},
    ]
    query = f"G.V().Has('Name', Regex('{prefix}t.*'))"
    body = {"Name": "guests", "GremlinQuery": query, "Within": WITHIN_MS, "Steps": steps, "Active": "unsettled"}
    uuid: str = stack.call("POST", "/api/check", body)["UUID"]
    return uuid


def is_over(stack: Stack, uuid: str, number: int) -> bool:
    verdicts = stack.call("GET", f"/api/check/{uuid}")["Verdicts"]
    return not verdicts["waiting"] and sum(verdicts.values()) == number


def steps_of(result: dict[str, Any]) -> dict[str, str]:
    return {step["Type"]: step["Verdict"] for step in result["Steps"]}


def test_a_healthy_guest_passes_with_times_and_evidence(judged: Judged) -> None:
    result = judged.results["ok"]
    assert steps_of(result) == dict.fromkeys(("dhcp", "gateway", "icmp", "dns", "tcp", "mtu", "path"), "pass"), result
    assert (result["Verdict"], result["Sentence"]) == ("pass", "")
    for step in (step for step in result["Steps"] if step["Type"] != "mtu"):
        assert 0 <= step["AfterMs"] <= WITHIN_MS
        assert step["Evidence"]["Packets"]
        assert step["Evidence"]["Flows"]
    assert result["Steps"][0]["Evidence"]["Packets"][0] < 10


def test_a_network_without_a_server_is_named(judged: Judged) -> None:
    result, inside = judged.results["dhcp"], f"{judged.guests.prefix}dhcd"
    assert result["Verdict"] == "fail"
    assert result["Sentence"].startswith("DHCP discover left ")
    assert result["Sentence"].endswith(f", reached {inside}: no server answered")
    assert steps_of(result)["path"] == "pass"


def test_a_wrong_vlan_is_named_with_the_place(judged: Judged) -> None:
    result, inside = judged.results["vlan"], f"{judged.guests.prefix}vlad"
    assert result["Verdict"] == "fail"
    assert result["Sentence"].endswith(f", was not seen on {inside}: no relay or wrong VLAN 2")
    assert steps_of(result)["path"] == "fail"


def test_an_impostor_of_the_gateway_is_named(judged: Judged) -> None:
    result = judged.results["arp"]
    assert (result["Verdict"], steps_of(result)["dhcp"], steps_of(result)["gateway"]) == ("fail", "pass", "fail")
    assert "is claimed by 2: " in result["Sentence"]
    assert f"({judged.guests.prefix}arpd)" in result["Sentence"]


def test_a_narrow_path_is_named_with_the_sizes_and_the_interface(judged: Judged) -> None:
    result, narrow = judged.results["mtu"], f"{judged.guests.prefix}mtup"
    verdicts = steps_of(result)
    assert (verdicts.pop("mtu"), set(verdicts.values())) == ("fail", {"pass"})
    sizes = f"packets of {NARROW_MTU} bytes pass from {result['NodeName']} to 10.77."
    assert result["Sentence"].startswith(sizes)
    assert result["Sentence"].endswith(
        f", of {NARROW_MTU + 1} bytes do not: {narrow} on the way has an MTU of {NARROW_MTU}"
    )


def test_a_silent_guest_is_judged_by_injected_packets(judged: Judged) -> None:
    stack, bridge = judged.stack, judged.guests.network("sil")
    tap, gateway = f"{judged.guests.prefix}usil", f"10.77.{judged.guests.number}.1"
    steps: list[dict[str, Any]] = [
        *({"Type": name} for name in ("dhcp", "gateway", "icmp")),
        {"Type": "dns", "Parameters": {"Server": gateway, "Name": "vm.example.test"}},
        {"Type": "tcp", "Parameters": {"Target": f"{METADATA}:80"}},
        {"Type": "mtu"},
        {"Type": "unexpected", "Within": 4000, "Parameters": {"Peers": ["203.0.113.0/24"]}},
    ]
    query = f"G.V().Has('Name', '{tap}')"
    body = {"Name": "silent", "GremlinQuery": query, "Within": 500, "Steps": steps, "Active": "unsettled"}
    uuid = stack.call("POST", "/api/check", body)["UUID"]
    judged.guests.silent_guest("sil", bridge)
    stack.wait(lambda: stack.query("G.V().Has('Check.silent.Verdict', NE('waiting')).Count()"), 20, "judged")
    (result,) = stack.call("GET", f"/api/check/{uuid}/results")
    asked = {one["UUID"]: one["CreatedBy"] for one in stack.call("GET", "/api/injectpacket").values()}
    stack.call("DELETE", f"/api/check/{uuid}", accept="*/*")
    # What was injected is not taken for what the guest sends.
    assert set(steps_of(result).values()) == {"pass"}, result
    for step in (step for step in result["Steps"] if step["Type"] != "unexpected"):
        injections = step["Evidence"]["Injections"]
        assert injections[-1]["Replies"]
        assert {asked[one["UUID"]] for one in injections} == {"check silent"}


def test_an_absent_metadata_service_is_named(judged: Judged) -> None:
    result = judged.results["metadata"]
    verdicts = steps_of(result)
    assert verdicts.pop("tcp") == "fail"
    assert set(verdicts.values()) == {"pass"}
    assert result["Sentence"].startswith(f"{METADATA}:80 refused the connection of ")


def test_verdicts_are_on_the_nodes_and_in_the_metrics(judged: Judged) -> None:
    query = "G.V().Has('Check.guests.Verdict', 'fail').Values('Name')"
    assert sorted(judged.stack.query(query)) == sorted(judged.results[fault]["NodeName"] for fault in FAULTS)
    lines = judged.stack.call("GET", "/metrics", accept="text/plain").decode().splitlines()
    assert 'netsonde_check_interfaces{check="guests",verdict="fail"} 5.0' in lines
    assert 'netsonde_check_interfaces{check="guests",verdict="pass"} 1.0' in lines


def test_history_remembers_the_verdict_at_its_time(judged: Judged) -> None:
    result = judged.results["metadata"]
    query = f"G.At({result['EndedAt'] + 1500}).V('{result['NodeID']}').Values('Check.guests.Verdict')"
    judged.stack.wait(lambda: judged.stack.query(query) == ["fail"], 15, "the verdict in history")


def test_packets_of_the_evidence_can_be_read(judged: Judged) -> None:
    result = judged.results["dhcp"]
    found = judged.stack.call("GET", f"/api/capture/{result['CaptureID']}/packets?node={result['NodeTID']}")
    numbers = result["Steps"][0]["Evidence"]["Packets"]
    assert [packet["Info"][:8] for packet in found if packet["Number"] in numbers] == ["Discover"]


def test_the_command_line_ends_with_the_verdict_and_a_report(judged: Judged, tmp_path: Path) -> None:
    bridge = judged.guests.network("cli")
    tap = f"{judged.guests.prefix}tcli"
    report = tmp_path / "report.xml"
    asked = subprocess.Popen(
        [
            *(PROGRAM, "check", "run", "--url", judged.stack.url, "-g", f"G.V().Has('Name', '{tap}')"),
            *("-s", "dhcp", "-s", "gateway", "--wait", "--timeout", "30", "--junit", report),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    checks = judged.stack.call
    judged.stack.wait(lambda: [c for c in checks("GET", "/api/check").values() if c["State"] == "waiting"], 15, "asked")
    judged.guests.guest("cli", bridge)
    out, _ = asked.communicate(timeout=40)
    assert asked.returncode == 0, out
    assert [case.get("name") for case in ElementTree.parse(report).iter("testcase")] == ["dhcp", "gateway"]
    assert [*checks("GET", "/api/check")] == [judged.uuid]


def test_results_and_captures_survive_the_death_of_everything(judged: Judged) -> None:
    stack, path = judged.stack, f"/api/check/{judged.uuid}"
    before = {one["NodeName"]: (one["Verdict"], one["Sentence"]) for one in judged.results.values()}
    for child in ("agent", "analyzer", "nats-server"):
        stack.kill(child)
    stack.wait(lambda: stack.status_code("/readyz") == 200, 40, "ready again")
    stack.wait(lambda: len(stack.call("GET", path)["Captures"]) == 2, 15, "captures again")
    after = {one["NodeName"]: (one["Verdict"], one["Sentence"]) for one in stack.call("GET", f"{path}/results")}
    assert {name: after[name] for name in before} == before


def test_a_deleted_check_leaves_nothing(judged: Judged) -> None:
    stack = judged.stack
    stack.call("DELETE", f"/api/check/{judged.uuid}", accept="*/*")
    stack.wait(lambda: stack.call("GET", "/api/capture") == {}, 15, "without captures")
    stack.wait(lambda: stack.query("G.V().HasKey('Check').Count()") == 0, 5, "without verdicts")
