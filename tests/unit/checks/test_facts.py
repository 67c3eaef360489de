# SPDX-License-Identifier: Apache-2.0
"""Facts of packets and flows as steps get them: read by the native core, out of batches as agents send them."""

import struct

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.checks.facts import ACK, SYN, Error, FlowSeen, Packet, flow_of, flows_of, packets_of
from netsonde.errors import WireError
from netsonde.flows.schema import FLOW_COLUMNS, FLOW_SCHEMA, PACKET_SCHEMA

GUEST, ROUTER = bytes.fromhex("020000000001"), bytes.fromhex("0200000000fe")
ADDRESS, GATEWAY = bytes((10, 0, 0, 5)), bytes((10, 0, 0, 1))


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def batch(*frames: bytes, capture: str = "c1") -> bytes:
    rows = [
        {
            **{"ts_ns": 1000 + at, "wire_len": len(frame), "data": frame, "link_type": 1, "node_tid": "t1"},
            **{
                "ifname": "tap1",
                "capture_id": capture,
                "host": "h1",
                "flow_uuid": 255,
                "number": at,
                "lookback": False,
            },
        }
        for at, frame in enumerate(frames)
    ]
    return stream(pa.Table.from_pylist(rows, PACKET_SCHEMA))


NOTHING = batch()
"""Made while tests are collected: the first table takes a second, since pyarrow looks for pandas."""


def read(*frames: bytes) -> list[Packet]:
    return packets_of(batch(*frames), ["c1"])


def ethernet(kind: int, payload: bytes, *, source: bytes = GUEST, tag: int = 0) -> bytes:
    tagged = struct.pack("!HH", 0x8100, tag) if tag else b""
    return b"\xff" * 6 + source + tagged + struct.pack("!H", kind) + payload


def ipv4(protocol: int, payload: bytes, *, back: bool = False) -> bytes:
    ends = (GATEWAY, ADDRESS) if back else (ADDRESS, GATEWAY)
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, *ends) + payload


def udp(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def ipv6(payload: bytes, source: bytes = bytes(16)) -> bytes:
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), 58, 255, source, bytes(15) + b"\x01") + payload


def test_a_packet_is_read_with_its_place() -> None:
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, GUEST, ADDRESS, bytes(6), GATEWAY)
    (packet,) = read(ethernet(0x0806, arp, tag=2))
    assert (packet.capture_id, packet.node_tid, packet.number, packet.time_ns, packet.flow) == (
        "c1",
        "t1",
        0,
        1000,
        "ff",
    )
    assert (packet.protocol, packet.mac_source, packet.vlan_ids) == ("ARP", "02:00:00:00:00:01", 2)
    assert packet.neighbour is not None
    assert (packet.neighbour.asks, packet.neighbour.address, packet.neighbour.speaker) == (True, "10.0.0.1", "10.0.0.5")


def test_a_batch_without_packets_gives_none() -> None:
    assert packets_of(NOTHING, ["c1"]) == []


def test_packets_of_other_captures_are_left_out() -> None:
    assert packets_of(batch(ethernet(0x0806, bytes(28)), capture="c2"), ["c1"]) == []


def test_a_lease_is_read_with_its_server_and_routers() -> None:
    head = struct.pack("!BBBBIHH4s4s4s4s6s202x", 2, 1, 6, 0, 7, 0, 0, bytes(4), ADDRESS, *[bytes(4)] * 2, GUEST)
    options = (
        bytes((53, 1, 5, 1, 4, 255, 255, 252, 0, 54, 4, *GATEWAY, 3, 4, *GATEWAY, 6, 4, *GATEWAY, 56, 2))
        + b"h\xff"
        + b"\xff"
    )
    message = head + bytes.fromhex("63825363") + options
    (packet,) = read(ethernet(0x0800, ipv4(17, udp(67, 68, message), back=True), source=ROUTER))
    assert packet.dhcp is not None
    found = packet.dhcp
    assert (found.kind, found.xid, found.client, found.from_client) == ("ACK", 7, "02:00:00:00:00:01", False)
    assert (found.address, found.server, found.routers) == ("10.0.0.5", "10.0.0.1", ["10.0.0.1"])
    assert found.prefix_length == 22
    assert (found.dns_servers, found.message) == (["10.0.0.1"], "h\N{REPLACEMENT CHARACTER}")


def test_a_name_a_ping_and_a_handshake_are_read() -> None:
    question = struct.pack("!HHHHHH", 9, 0x0100, 1, 0, 0, 0) + b"\x02vm\x00" + struct.pack("!HH", 1, 1)
    dns, ping, syn = read(
        ethernet(0x0800, ipv4(17, udp(40_000, 53, question))),
        ethernet(0x0800, ipv4(1, struct.pack("!BBHHH", 8, 0, 0, 3, 4))),
        ethernet(0x0800, ipv4(6, struct.pack("!HHIIBBHHH", 5, 80, 1, 0, 0x50, SYN | ACK, 1, 0, 0))),
    )
    assert dns.dns is not None
    assert (dns.dns.id, dns.dns.answers, dns.dns.name) == (9, False, "vm")
    assert ping.echo is not None
    assert (ping.echo.asks, ping.echo.id, ping.echo.sequence) == (True, 3, 4)
    assert (syn.tcp_flags, syn.port_source, syn.port_destination) == (SYN | ACK, 5, 80)


def test_neighbours_and_prefixes_of_ipv6_are_read() -> None:
    router, address = bytes.fromhex("fe80") + bytes(13) + b"\x01", bytes.fromhex("20010db8") + bytes(11) + b"\x42"
    prefix = bytes((3, 4, 64, 0xC0)) + bytes(12) + bytes.fromhex("20010db8") + bytes(12)
    advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
    dad, answer, routed = read(
        ethernet(0x86DD, ipv6(struct.pack("!BBHI", 135, 0, 0, 0) + address)),
        ethernet(0x86DD, ipv6(struct.pack("!BBHI", 136, 0, 0, 0) + address + bytes((2, 1)) + ROUTER, router)),
        ethernet(0x86DD, ipv6(advertisement, router)),
    )
    assert dad.neighbour is not None
    assert (dad.neighbour.asks, dad.neighbour.address, dad.neighbour.speaker) == (True, "2001:db8::42", "")
    assert answer.neighbour is not None
    assert (answer.neighbour.asks, answer.neighbour.mac) == (False, "02:00:00:00:00:fe")
    assert (routed.prefixes, routed.source) == (["2001:db8::/64"], "fe80::1")


@given(st.lists(st.binary(max_size=120), max_size=4), st.sampled_from([0x0800, 0x0806, 0x86DD, 0x8100]))
def test_hostile_bytes_give_facts(payloads: list[bytes], kind: int) -> None:
    assert len(read(*(ethernet(kind, payload) for payload in payloads))) == len(payloads)


@pytest.mark.parametrize("rubbish", [b"", b"rubbish"])
def test_what_is_no_batch_is_refused(rubbish: bytes) -> None:
    for reader in (packets_of, flows_of):
        with pytest.raises(WireError, match="no batch of"):
            reader(rubbish, ["c1"])


@pytest.mark.parametrize("wrong", [{"uuid": None}, {"start_ns": None}, {"node_tid": None}, {"uuid": "x"}])
def test_flows_without_what_tells_them_are_refused(wrong: dict[str, object]) -> None:
    row = {"uuid": 255, "tracking_id": 16, "node_tid": "t1", "capture_id": "c1", "start_ns": 5, "link_id": 2, **wrong}
    with pytest.raises(WireError, match="no batch of flows"):
        flows_of(stream(pa.Table.from_pylist([row])), {"c1"})


def test_flows_of_the_wanted_captures_are_read() -> None:
    empty = {column.name: "" if column.kind == "string" else 0 for column in FLOW_COLUMNS}
    rows = [
        {**empty, "uuid": 255, "tracking_id": 16, "node_tid": "t1", "capture_id": capture, "start_ns": 5, "link_id": 2}
        for capture in ("c1", "c2")
    ]
    reported = stream(pa.Table.from_pylist(rows, FLOW_SCHEMA))
    assert flows_of(reported, {"c1"}) == [FlowSeen("ff", "10", "t1", 5, 2)]


def test_a_flow_of_an_agents_table_is_the_same() -> None:
    flow = {"UUID": "ff", "TrackingID": "10", "NodeTID": "t1", "Start": 7, "Link": {"ID": 2}}
    assert flow_of(flow) == FlowSeen("ff", "10", "t1", 7_000_000, 2)
    assert flow_of({"UUID": "ff"}) is None


def test_what_tells_of_sizes_is_read() -> None:
    quote = ipv4(6, struct.pack("!HHI", 5, 80, 1) + bytes(12))
    options = bytes((2, 4)) + struct.pack("!H", 1460)
    syn, segment, error = read(
        ethernet(0x0800, ipv4(6, struct.pack("!HHIIBBHHH", 5, 80, 1, 0, 0x60, SYN, 1, 0, 0) + options)),
        ethernet(0x0800, ipv4(6, struct.pack("!HHIIBBHHH", 5, 80, 9, 1, 0x50, ACK, 1, 0, 0) + bytes(100))),
        ethernet(0x0800, ipv4(1, struct.pack("!BBHHH", 3, 4, 0, 0, 1400) + quote, back=True)),
    )
    assert (syn.tcp_segment_size, syn.tcp_payload, syn.length) == (1460, 0, 44)
    assert (segment.tcp_sequence, segment.tcp_payload, segment.length) == (9, 100, 140)
    assert error.error == Error("10.0.0.1", 5, 80, 1400)
