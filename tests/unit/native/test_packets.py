# SPDX-License-Identifier: Apache-2.0
"""Kept packets as a list for people, as files for Wireshark, and as clients of the reference expect them."""

import base64
import struct
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import traces
from capture_files import START_NS, arp_request, dhcp_frame, echo_frame, flows_in, tcp_frame
from netsonde._native import (
    FileMeter,
    describe_packets,
    match_bpf,
    packets_to_pcap,
    packets_to_pcapng,
    packets_to_wire,
)
from netsonde.flows.schema import PACKET_SCHEMA


def trace(name: str) -> bytes:
    """The first frame of a trace."""
    return traces.TRACES[name]()[1][0]


def batch(*frames: bytes, node: str = "tid-1", ifname: str = "tap0", first_ns: int = START_NS, **more: Any) -> bytes:
    rows = [
        {
            "ts_ns": first_ns + index,
            "wire_len": len(frame),
            "data": frame,
            "link_type": 1,
            "node_tid": node,
            "ifname": ifname,
            "capture_id": "c1",
            "host": "h1",
            "flow_uuid": 0xABC,
            "number": index,
            "lookback": index == 0,
        }
        | more
        for index, frame in enumerate(frames)
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, PACKET_SCHEMA) as writer:
        writer.write_batch(pa.RecordBatch.from_pylist(rows, PACKET_SCHEMA))
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("frame", "protocol", "info"),
    [
        (arp_request(), "ARP", "Who has 10.0.0.2? Tell 10.0.0.1"),
        (echo_frame(True, 7, 3), "ICMP", "Echo request id=7 seq=3"),
        (tcp_frame(True, 1, 0x02), "TCP", "40000 → 80 [SYN] Seq=1 Win=65535 Len=0"),
        (dhcp_frame(1), "DHCP", "Discover xid=0x00001234 for 52:54:00:00:00:01"),
        (
            dhcp_frame(5),
            "DHCP",
            "ACK xid=0x00001234 address 10.0.0.1 server 10.0.0.2 lease 3600s for 52:54:00:00:00:01",
        ),
        (tcp_frame(True, 1, 0x02)[:40], "IPv4", "Protocol 6 [TCP cut: 6 of 20 bytes]"),
        (trace("vxlan"), "ICMP", "Echo request id=7 seq=1 (in VXLAN 10, 192.0.2.1 → 192.0.2.2)"),
        (trace("vxlan")[:60], "VXLAN", "[Ethernet cut: 10 of 14 bytes]"),
        (
            trace("gre-gre"),
            "ICMP",
            "Echo request id=7 seq=1 (in GRE 1, 192.0.2.1 → 192.0.2.2) (in GRE 2, 192.0.2.1 → 192.0.2.2)",
        ),
        (trace("6in4"), "UDP", "4000 → 4000 Len=5 (in IP, 192.0.2.1 → 192.0.2.2)"),
        (trace("pppoe"), "ICMP", "Echo request id=7 seq=1 (in PPP 4660, 52:54:00:00:00:08 → 52:54:00:00:00:09)"),
        (trace("fragments-ipv4"), "IPv4", "Fragment of protocol 1 id=1 offset=160"),
        (trace("fragments-ipv6"), "IPv6", "Fragment of protocol 17 id=1 offset=0, more follow"),
    ],
)
def test_a_packet_is_told_in_one_line(frame: bytes, protocol: str, info: str) -> None:
    (packet,) = describe_packets(batch(frame))
    assert (packet["Protocol"], packet["Info"]) == (protocol, info)
    assert packet["Length"] == len(frame)
    assert base64.b64decode(packet["Data"]) == frame
    assert (packet["Time"], packet["FlowUUID"], packet["Lookback"]) == (START_NS, "abc", True)


@given(st.binary(max_size=200), st.sampled_from([0, 1, 101, 113, 276, 9999]))
def test_any_bytes_can_be_described(data: bytes, link_type: int) -> None:
    (packet,) = describe_packets(batch(data, link_type=link_type))
    assert base64.b64decode(packet["Data"]) == data


def test_pcapng_merges_interfaces_in_the_order_of_time() -> None:
    late = batch(echo_frame(False), node="tid-2", ifname="tap1", first_ns=START_NS + 10)
    early = batch(echo_frame(True), arp_request())
    file = packets_to_pcapng([late, early], "what happened")
    for text in (b"what happened", b"tap0", b"tap1", b"host h1, node tid-2", b"capture c1, flow abc"):
        assert text in file
    meter = FileMeter(file)
    flows = flows_in(meter)
    assert meter.damage is None
    assert meter.stats()["first_ns"] == START_NS
    assert {flow["Application"]: flow["Metric"]["ABPackets"] for flow in flows} == {"ICMPv4": 1, "ARP": 1}


def test_pcapng_keeps_the_length_on_the_wire() -> None:
    file = packets_to_pcapng([batch(echo_frame(True)[:60], wire_len=1500)])
    (flow,) = flows_in(FileMeter(file))
    assert flow["Metric"]["ABBytes"] == 1500


def test_pcap_is_valid_without_packets() -> None:
    file = packets_to_pcap([])
    assert len(file) == 24
    assert struct.unpack_from("<I", file, 20) == (1,)


def test_pcap_holds_packets_in_the_order_of_time() -> None:
    file = packets_to_pcap([batch(echo_frame(False), first_ns=START_NS + 5), batch(echo_frame(True))])
    (flow,) = flows_in(FileMeter(file))
    assert flow["Network"]["A"] == "10.0.0.1"
    assert flow["Metric"]["RTT"] == 5


def test_raw_packets_are_grouped_by_flow() -> None:
    wire = packets_to_wire(batch(echo_frame(True), echo_frame(False)))
    assert list(wire) == ["abc"]
    first, second = wire["abc"]
    assert (first["Timestamp"], first["Index"], first["LinkType"]) == (START_NS // 1_000_000, 1, 1)
    assert (second["Index"], base64.b64decode(second["Data"])) == (2, echo_frame(False))


def test_bytes_that_are_no_batch_are_refused() -> None:
    with pytest.raises(ValueError, match=r"."):
        describe_packets(b"no arrow")


def test_a_packet_filter_chooses_rows_by_what_is_in_the_frames() -> None:
    stream = batch(arp_request(), tcp_frame(True, 1, 0x02), arp_request())

    assert match_bpf(stream, "arp") == [0, 2]
    assert match_bpf(stream, "tcp dst port 80") == [1]
    assert match_bpf(batch(b"", link_type=101), "ip") == []
    with pytest.raises(ValueError, match="syntax error"):
        match_bpf(stream, "tcp and and")
