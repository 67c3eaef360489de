# SPDX-License-Identifier: Apache-2.0
"""Traces of real programs, in IPv4 and IPv6, over a veth, a VXLAN, a bridge and a tap: what the meter tells agrees with
tshark."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from capture_files import flows_in
from netns.frames import wait_readable
from netns.real_traffic import Lab, Row, lease, measure, missing, read_by_tshark, run, start_servers, talk
from netsonde._native import CaptureCore, CaptureOptions, FileMeter
from netsonde.flows.records import flow_dicts, latest

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}"),
]


LINKS = ("veth", "vxlan", "bridge", "tap")
FAMILIES = {"IPv4": "ip", "IPv6": "ip6"}
"""By what tcpdump calls them."""
TRACES = (*LINKS, *(f"{link} {family}" for link in LINKS for family in FAMILIES))
"""A dozen: what each link carried, and either half of it."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passed: files of tcpdump by link, and the flows that the kernel counted on the veth meanwhile."""

    files: dict[str, Path]
    counted: list[dict[str, Any]]


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Traffic:
    with Lab(tmp_path_factory.mktemp("traffic")) as lab:
        start_servers(lab)
        with counting(lab, "veth") as counted, lab.recorded(*LINKS) as files:
            for link in files:
                talk(lab, link)
            measure(lab, "bridge")
            lease(lab)
        return Traffic(files | halves(files), counted)


def halves(files: Mapping[str, Path]) -> dict[str, Path]:
    """Write what each file has of each version of IP into a file of its own."""
    found = {}
    for link, file in files.items():
        for family, expression in FAMILIES.items():
            half = found[f"{link} {family}"] = file.with_name(f"{link}-{expression}.pcap")
            run("tcpdump", "-r", str(file), "-w", str(half), "-Z", "root", expression)
    return found


@pytest.fixture(scope="module")
def files(traffic: Traffic) -> dict[str, Path]:
    return traffic.files


@contextmanager
def counting(lab: Lab, link: str) -> Iterator[list[dict[str, Any]]]:
    """Let the kernel count on an interface of the client; the list is filled behind the block."""
    netns, ifindex = lab.place(link)
    core = CaptureCore(host="test")
    flows: list[dict[str, Any]] = []
    try:
        core.count_in_kernel("counted", netns, ifindex, link, "tid", CaptureOptions())
        wait_event(core, "started")
        yield flows
        core.stop("counted", netns, ifindex)
        wait_event(core, "stopped")
        flows += latest(flow_dicts(core.take_flows()))
    finally:
        core.close()


def wait_event(core: CaptureCore, kind: str) -> None:
    deadline = time.monotonic() + 10
    while not any(event.kind == kind for event in core.events()):
        wait_readable(core.event_fd, deadline)


def flows_of(file: Path, *, inside: bool = False) -> list[dict[str, Any]]:
    """Flows of the frames themselves, or of those in tunnels."""
    return [flow for flow in flows_in(FileMeter(file)) if bool(flow["ParentUUID"]) == inside]


def with_block(file: Path, name: str) -> list[dict[str, Any]]:
    """Blocks of all flows, tunnels opened."""
    return [flow[name] for flow in flows_in(FileMeter(file)) if name in flow]


ENDS = tuple(f"{layer}.{end}" for layer in ("ip", "ipv6") for end in ("src", "dst"))
PORTS = tuple(f"{layer}.{end}port" for layer in ("tcp", "udp") for end in ("src", "dst"))
FIELDS = (
    *("ip.proto", "ipv6.nxt", *ENDS, *PORTS, "frame.len"),
    *("tls.handshake.type", "tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str"),
    *("http.request.method", "http.host", "http.request.uri", "http.response.code"),
    *("dns.flags.response", "dns.id", "dns.qry.name", "dns.a", "dns.aaaa", "dns.time"),
    *("dhcp.id", "dhcp.option.dhcp", "dhcp.ip.your", "dhcpv6.xid", "dhcpv6.msgtype", "dhcpv6.iaaddr.ip"),
    *("tcp.stream", "tcp.len", "tcp.flags.reset", "tcp.analysis.initial_rtt", "tcp.analysis.retransmission"),
)


def tshark(file: Path, where: str = "frame.len") -> list[Row]:
    """Return the packets in which tshark found a field."""
    return [row for row in read_by_tshark(file, FIELDS) if row[where]]


def first(values: str) -> str:
    """Return the value of the outermost header."""
    return values.split(",")[0]


def outermost(file: Path) -> Iterator[tuple[str, list[str], int]]:
    """Yield protocol, ends and length of each frame of TCP and UDP, as tshark reads its outermost headers."""
    for row in tshark(file):
        # An address of the outermost header; IPv6 in a VXLAN over IPv4 has both.
        version = "ip" if row["ip.src"] else "ipv6"
        # Errors of ICMP quote headers of other protocols.
        protocol = {"6": "tcp", "17": "udp"}.get(first(row["ip.proto"] or row["ipv6.nxt"]))
        if protocol is not None:
            a, b = (f"{first(row[f'{version}.{end}'])}|{first(row[f'{protocol}.{end}port'])}" for end in ("src", "dst"))
            yield protocol.upper(), [] if b.endswith("|4789") else sorted((a, b)), int(row["frame.len"])


def conversations(file: Path) -> Counter[tuple[str, ...]]:
    """Packets and octets of each conversation, as tshark reads them."""
    found: Counter[tuple[str, ...]] = Counter()
    for protocol, pair, length in outermost(file):
        found[protocol, *pair, "packets"] += 1
        found[protocol, *pair, "octets"] += length
    return found


def conversations_in(flows: Iterable[dict[str, Any]]) -> Counter[tuple[str, ...]]:
    ours: Counter[tuple[str, ...]] = Counter()
    for flow in (flow for flow in flows if "Transport" in flow):
        pairs = [f"{flow['Network'][end]}|{flow['Transport'][end]}" for end in "AB"]
        # The source port of a VXLAN is a hash of what is inside, and no part of a conversation.
        pairs = [] if flow["Application"] == "VXLAN" else pairs
        key = (flow["Transport"]["Protocol"], *sorted(pairs))
        metric = flow["Metric"]
        ours[*key, "packets"] += metric["ABPackets"] + metric["BAPackets"]
        ours[*key, "octets"] += metric["ABBytes"] + metric["BABytes"]
    return ours


@pytest.mark.parametrize("trace", TRACES)
def test_packets_and_octets_of_every_conversation(files: dict[str, Path], trace: str) -> None:
    theirs = conversations(files[trace])
    assert conversations_in(flows_of(files[trace])) == theirs
    assert len(theirs) > 15


def test_the_kernel_counts_every_conversation(traffic: Traffic) -> None:
    ours, theirs = conversations_in(traffic.counted), conversations(traffic.files["veth"])
    # Counting begins before the file and ends after it, and in the tunnel solicitations and reports of groups (MLD)
    # come when the kernel likes.
    for tunnel in (("UDP", "packets"), ("UDP", "octets")):
        assert ours.pop(tunnel) >= theirs.pop(tunnel) > 0
    assert ours == theirs


@pytest.mark.parametrize("trace", TRACES)
def test_handshakes_and_names_in_tls(files: dict[str, Path], trace: str) -> None:
    hellos = [row for row in tshark(files[trace], "tls.handshake.type") if first(row["tls.handshake.type"]) == "1"]
    ours = [(tls["server_name"], ",".join(tls.get("alpn", []))) for tls in with_block(files[trace], "TLS")]
    assert Counter(ours) == Counter(
        (row["tls.handshake.extensions_server_name"], row["tls.handshake.extensions_alpn_str"]) for row in hellos
    )
    assert {name for name, _ in ours} == {"tls.example.test", "older.example.test"}
    versions = {tls["server_name"]: tls["version"] for tls in with_block(files[trace], "TLS")}
    assert versions == {"tls.example.test": "1.3", "older.example.test": "1.2"}


@pytest.mark.parametrize("trace", TRACES)
def test_requests_and_responses_in_http(files: dict[str, Path], trace: str) -> None:
    fields = ("http.host", "http.request.method", "http.request.uri")
    asked = [tuple(row[field] for field in fields) for row in tshark(files[trace], "http.request.method")]
    answered = [row["http.response.code"] for row in tshark(files[trace], "http.response.code")]
    ours = with_block(files[trace], "HTTP")
    assert Counter((web.get("host", ""), web["method"], web["target"]) for web in ours) == Counter(asked)
    # tshark leaves out an answer that it takes for out of order: segments are captured as processors deliver them.
    assert Counter(str(web["status"]) for web in ours) >= Counter(answered)
    assert {web["status"] for web in ours} == {200, 404}


@pytest.mark.parametrize("trace", TRACES)
def test_questions_and_answers_in_dns(files: dict[str, Path], trace: str) -> None:
    theirs = {
        (int(row["dns.id"], 16), row["dns.qry.name"], row["dns.a"] or row["dns.aaaa"]): round(
            float(row["dns.time"]) * 1e9
        )
        for row in tshark(files[trace], "dns.time")
    }
    ours = {
        (dns["ID"], dns["questions"][0]["name"], dns["answers"][0]["IP"]): dns["latency"]
        for dns in with_block(files[trace], "DNS")
    }
    assert ours == theirs
    assert {address for _, _, address in ours} == {"10.77.0.9", "fd77::9"}


def test_a_lease(files: dict[str, Path]) -> None:
    seen = tshark(files["veth"], "dhcp.id")
    kinds = {"1": "Discover", "2": "Offer", "3": "Request", "5": "ACK"}
    stories = with_block(files["veth"], "DHCPv4")
    for story in stories:
        assert [message["type"] for message in story["messages"]] == [kinds[row["dhcp.option.dhcp"]] for row in seen]
        assert {int(row["dhcp.id"], 16) for row in seen} == {story["xid"]}
        assert story["address"] == seen[-1]["dhcp.ip.your"]
        assert story["bound"]
    assert stories


def is_set(row: Row) -> bool:
    """Whether a segment resets its connection; versions of tshark spell flags in two ways."""
    return row["tcp.flags.reset"] in ("1", "True")


@pytest.mark.parametrize("trace", TRACES)
def test_handshake_times_ends_and_losses_in_tcp(files: dict[str, Path], trace: str) -> None:
    # It also calls the time until a refusal a round trip of the handshake.
    spoken = [row for row in tshark(files[trace], "tcp.analysis.initial_rtt") if row["tcp.len"] != "0"]
    times = {row["tcp.stream"]: row["tcp.analysis.initial_rtt"] for row in spoken}
    theirs = sorted(round(float(taken) * 1e9) for taken in times.values())
    flows = [flow for flow in flows_in(FileMeter(files[trace])) if "TCPMetric" in flow]
    ours = sorted(flow["TCPMetric"]["Handshake"] for flow in flows if "Handshake" in flow["TCPMetric"])
    assert ours == theirs
    reset = {flow["Transport"]["B"] for flow in flows if flow["FinishType"] == 3}
    theirs_reset = tshark(files[trace], "tcp.flags.reset")
    said = {int(row[f"tcp.{end}port"]) for row in theirs_reset for end in ("src", "dst") if is_set(row)}
    assert {7} <= reset <= said
    again = tshark(files[trace], "tcp.analysis.retransmission")
    assert sum(flow.get("ABRetransmissions", 0) + flow.get("BARetransmissions", 0) for flow in flows) == len(again)


def test_a_lease_of_an_ipv6_address(files: dict[str, Path]) -> None:
    seen = tshark(files["veth"], "dhcpv6.msgtype")
    kinds = {"1": "Solicit", "2": "Advertise", "3": "Request", "7": "Reply"}
    stories = with_block(files["veth"], "DHCPv6")
    # The request has an id of its own, and belongs to the story all the same.
    assert len({row["dhcpv6.xid"] for row in seen}) == 2
    for story in stories:
        assert [message["type"] for message in story["messages"]] == [kinds[row["dhcpv6.msgtype"]] for row in seen]
        assert story["xid"] == int(seen[0]["dhcpv6.xid"], 16)
        assert story["addresses"] == [seen[-1]["dhcpv6.iaaddr.ip"]]
        assert story["bound"]
    assert stories


def test_pings_and_errors_tell_of_each_other(files: dict[str, Path]) -> None:
    flows = flows_in(FileMeter(files["vxlan"]))
    pings = [flow for flow in flows if flow.get("ICMP", {}).get("Type") == "ECHO"]
    assert Counter(flow["Metric"]["ABPackets"] for flow in pings) == {2: 2}
    assert all(flow["Metric"]["RTT"] > 0 for flow in pings)
    by_uuid = {flow["UUID"]: flow for flow in flows}
    errors = [flow for flow in flows if "Quoted" in flow]
    refused = [by_uuid[flow["Quoted"]["flow"]] for flow in errors]
    assert {flow["Network"]["Protocol"] for flow in refused} == {"IPV4", "IPV6"}
    assert {flow["ICMPErrors"]["type"] for flow in refused} == {"DESTINATION_UNREACHABLE"}
    assert {flow["Transport"]["B"] for flow in refused} <= {7, 9}


def test_neighbours_found_each_other(files: dict[str, Path]) -> None:
    for name in ("ARP", "ND"):
        found = with_block(files["vxlan"], name)
        assert any(each["replies"] > 0 and each["latency"] > 0 for each in found), found
