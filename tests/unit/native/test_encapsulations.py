# SPDX-License-Identifier: Apache-2.0
"""Every trace in tests/data/flows gives the flows in the file beside it, with fragments put together.

`make bless` writes those files. tests/traces.py and tests/application_traces.py made the traces; another one only has
to be put there.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import application_traces
import traces
from capture_files import flows_in
from netsonde._native import FileMeter

GOLDEN = sorted(traces.FOLDER.glob("*.pcap"))


def flows_of(file: Path | bytes, **options: Any) -> list[dict[str, Any]]:
    """Flows with the tunnel's position in the list in place of its UUID, which depends on times."""
    flows = flows_in(FileMeter(file, **options))
    places = {flow["UUID"]: index for index, flow in enumerate(flows)}
    return [flow | {"UUID": index, "ParentUUID": places.get(flow["ParentUUID"])} for index, flow in enumerate(flows)]


def counts(flow: dict[str, Any]) -> tuple[int, int, int, int]:
    metric = flow["Metric"]
    return metric["ABPackets"], metric["ABBytes"], metric["BAPackets"], metric["BABytes"]


@pytest.mark.parametrize("trace", GOLDEN, ids=lambda path: path.stem)
def test_a_trace_gives_its_flows(trace: Path, request: pytest.FixtureRequest) -> None:
    flows = flows_of(trace, ip_defrag=True)
    golden = trace.with_suffix(".flows.json")
    if request.config.getoption("--bless"):
        golden.write_text(json.dumps(flows, indent=1, ensure_ascii=False) + "\n")
    assert flows == json.loads(golden.read_text())


def test_traces_are_those_of_their_builder() -> None:
    for name, make in (traces.TRACES | application_traces.TRACES).items():
        assert (traces.FOLDER / f"{name}.pcap").read_bytes() == traces.pcap(make()), name


@pytest.mark.parametrize("name", sorted(name for name in traces.TRACES if not name.startswith("fragments")))
def test_what_is_inside_is_the_ping_that_was_put_there(name: str) -> None:
    """In all tunnels the conversation has the ids that it has outside, so that it can be followed through them."""
    inner = [flow for flow in flows_of(traces.FOLDER / f"{name}.pcap") if flow.get("ICMP", {}).get("Type") == "ECHO"]
    bare = flows_of(traces.pcap((101, [traces.ping(traces.TO_B)])))[0]
    assert {flow["L3TrackingID"] for flow in inner} <= {bare["L3TrackingID"]}
    assert {flow["CommunityID"] for flow in inner} <= {bare["CommunityID"]}
    assert inner or name == "6in4"


def test_ids_are_in_record_and_key() -> None:
    flows = flows_of(traces.FOLDER / "vxlan-same-addresses.pcap")
    tunnels = [flow for flow in flows if flow["Application"] == "VXLAN"]
    inner = [flow for flow in flows if flow["Application"] == "ICMPv4"]
    assert [(flow["Network"]["ID"], flow["TunnelID"], counts(flow)[0]) for flow in tunnels] == [
        (10, 10, 1),
        (11, 11, 2),
    ]
    assert sorted((flow["ParentUUID"], flow["Link"]["ID"]) for flow in inner) == [(0, 0), (2, 0), (2, 5)]
    assert {counts(flow) for flow in inner} == {(1, 66, 1, 66), (1, 70, 1, 70)}


def test_keys_that_differ_in_any_bit_are_different_tunnels() -> None:
    frames = [
        traces.in_ipv4(ends, 47, traces.gre(0x0800, traces.ping(ends), key=key))
        for ends in (traces.TO_B, traces.TO_A)
        for key in (0, 1, 0x80000000, 0x80000001)
    ]
    flows = flows_of(traces.pcap((1, frames)))
    assert sorted(flow["TunnelID"] for flow in flows if "TunnelID" in flow) == [1, 0x80000000, 0x80000001]
    assert {counts(flow)[::2] for flow in flows} == {(1, 1)}
    assert len(flows) == 8


def test_fragments_count_for_their_conversation_with_every_octet() -> None:
    (whole,) = flows_of(traces.FOLDER / "fragments-ipv4.pcap", ip_defrag=True)
    sizes = [len(frame) for frame in traces.fragments_4()[1]]
    assert counts(whole) == (4, sum(sizes[:4]), 1, sizes[4])
    assert whole["LayersPath"] == "Ethernet/IPv4/Fragment/ICMPv4"
    assert whole["IPMetric"] == {"Fragments": 3, "FragmentErrors": 0}
    assert whole["Metric"]["RTT"] > 0


def test_fragments_without_the_rest_and_in_contradiction_are_counted_and_said() -> None:
    meter = FileMeter(traces.FOLDER / "fragments-teardrop.pcap", ip_defrag=True)
    (flow,) = flows_in(meter)
    assert (flow["LayersPath"], counts(flow)[0]) == ("Ethernet/IPv4/Fragment", 3)
    assert flow["IPMetric"]["FragmentErrors"] == meter.stats()["fragment_errors"] == 2
    meter = FileMeter(traces.FOLDER / "fragments-ipv6.pcap", ip_defrag=True)
    packets = {flow["Application"]: counts(flow)[0] for flow in flows_in(meter)}
    assert packets == {"UDP": 2, "Fragment": 1}
    assert meter.stats()["fragment_timeouts"] == 1


def test_a_tunnel_in_pieces_shows_what_is_inside() -> None:
    tunnel, inside = flows_of(traces.FOLDER / "fragments-vxlan.pcap", ip_defrag=True)
    assert (tunnel["Application"], inside["Application"], inside["ParentUUID"]) == ("VXLAN", "ICMPv4", 0)
    assert counts(inside) == (1, 14 + 20 + 8 + 200, 0, 0)


@pytest.mark.parametrize("name", ["mpls-udp", "vxlan"])
def test_a_protocol_can_be_given_another_port(name: str) -> None:
    file = (traces.FOLDER / f"{name}.pcap").read_bytes()
    port, protocol = {"mpls-udp": (6635, "MPLS"), "vxlan": (4789, "VXLAN")}[name]
    moved = file.replace(port.to_bytes(2, "big"), (7777).to_bytes(2, "big"))
    assert [flow["Application"] for flow in flows_of(moved)] == ["UDP"] * len(flows_of(moved))
    assert flows_of(moved, udp_ports=[f"7777={protocol}"])[0]["Application"] == protocol


@pytest.mark.parametrize("mistake", ["7777", "70000=VXLAN", "7777=HTTP"])
def test_a_port_without_meaning_is_refused(mistake: str) -> None:
    with pytest.raises(ValueError, match=r"PORT=NAME|no protocol"):
        FileMeter(b"", udp_ports=[mistake])


def test_a_filter_leaves_packets_out_and_its_mistakes_are_said() -> None:
    meter = FileMeter(traces.FOLDER / "fragments-ipv6.pcap", bpf_filter="ip6 and greater 120")
    assert len(flows_in(meter)) == 1
    assert meter.stats()["packets"] == 2
    with pytest.raises(ValueError, match="syntax"):
        FileMeter(b"", bpf_filter="ip6 and and")


def test_the_guide_shows_the_file_that_it_explains() -> None:
    root = Path(__file__).parents[3]
    guide = (root / "docs/howto/add-a-protocol.md").read_text(encoding="utf-8")
    shown = guide.split("```rust\n")[1].split("```")[0]
    assert shown == (root / "native/packet/src/protocols/geneve.rs").read_text(encoding="utf-8")
