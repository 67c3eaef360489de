# SPDX-License-Identifier: Apache-2.0
"""The columns in which flow reports and raw packets leave the native core: names, types, meaning.

They travel as Arrow IPC streams over the bus and go unopened into ClickHouse, therefore: no nulls, no dictionaries.
`native/meter/src/batch.rs` writes them; a test compares both sides, another one `docs/reference/flow-record.md`.
Times are Unix ns. "A" is the side that sent the first packet of the flow, "B" the other; `ab` = from A to B.
"""

from typing import NamedTuple

import pyarrow as pa


class Column(NamedTuple):
    """One column; `kind` is the name of its Arrow type."""

    name: str
    kind: str
    meaning: str


FLOW_COLUMNS = (
    Column("uuid", "uint64", "this flow on this interface and capture; written in hex wherever people see it"),
    Column("parent_uuid", "uint64", "flow of the enclosing tunnel; 0 = none"),
    Column("tracking_id", "uint64", "same at every point where the connection passes with the same MACs"),
    Column("l3_tracking_id", "uint64", "same at every point, whatever the MACs"),
    Column("community_id", "string", "Community ID v1, as Zeek, Suricata and Arkime write it; empty without IP"),
    Column("node_tid", "string", "TID of the captured interface; empty for a file"),
    Column("host", "string", "host of the agent"),
    Column("capture_id", "string", "UUID of the capture"),
    Column("report", "uint8", "0 = first report, 1 = update, 2 = end"),
    Column("report_number", "uint32", "counts the reports of this flow from 1; the greatest is the latest state"),
    Column("layers_path", "string", "layers of its packets, up to a tunnel's header: Ethernet/IPv4/UDP/DNS"),
    Column("application", "string", "the last of these layers, what a TCP stream says, or the name of the port"),
    Column("start_ns", "int64", "first packet"),
    Column("last_ns", "int64", "last packet so far"),
    Column("link_protocol", "string", "ETHERNET, or empty"),
    Column("link_a", "string", "MAC address of A"),
    Column("link_b", "string", "MAC address of B"),
    Column("link_id", "int64", "VLAN ids, 12 bits each, outermost lowest; 0 = untagged"),
    Column("network_protocol", "string", "IPV4, IPV6, or empty"),
    Column("network_a", "string", "IP address of A"),
    Column("network_b", "string", "IP address of B"),
    Column(
        "network_id",
        "int64",
        "ids of the tunnel headers that end the segment: VNI, key, label, session, the first one lowest; 0 = none",
    ),
    Column("transport_protocol", "string", "TCP, UDP, SCTP, or empty"),
    Column("transport_a", "uint16", "port of A"),
    Column("transport_b", "uint16", "port of B"),
    Column("icmp_type", "string", "kind of ICMP message, request and reply alike: ECHO, NEIGHBOR, ROUTER, …"),
    Column("icmp_code", "uint8", "code of the first ICMP message"),
    Column("icmp_id", "uint16", "identifier of echo and its like"),
    Column("ab_packets", "uint64", "packets from A to B since the start"),
    Column("ab_bytes", "uint64", "octets on the wire from A to B, link header included"),
    Column("ba_packets", "uint64", "packets from B to A"),
    Column("ba_bytes", "uint64", "octets from B to A"),
    Column("rtt_ns", "int64", "round trip: TCP handshake, or the last ICMP question and its answer; 0 = unknown"),
    Column("lu_start_ns", "int64", "the period since the previous report: its beginning"),
    Column("lu_last_ns", "int64", "its end"),
    Column("lu_ab_packets", "uint64", "packets from A to B in that period; sums over reports give the total"),
    Column("lu_ab_bytes", "uint64", "octets from A to B in that period"),
    Column("lu_ba_packets", "uint64", "packets from B to A in that period"),
    Column("lu_ba_bytes", "uint64", "octets from B to A in that period"),
    Column(
        "finish_type",
        "uint8",
        "0 running, 1 idle too long, 2 closed by FIN, 3 reset by RST, 4 the capture ended, 5 the table was full",
    ),
    Column("client", "string", "the side that opened the conversation: A, B, or empty when nothing tells"),
    Column("client_by", "string", "what says so: handshake, message (a question or its answer), port, or empty"),
    Column("raw_packets_captured", "int64", "raw packets of this flow that were kept"),
    Column("ab_retransmissions", "uint64", "TCP segments that A repeated"),
    Column("ba_retransmissions", "uint64", "TCP segments that B repeated"),
    Column("tcp_metric", "uint8", "1 = the tcp_ columns were measured"),
    Column("tcp_ab_syn_ns", "int64", "first SYN of A; 0 = none seen, here and below"),
    Column("tcp_ba_syn_ns", "int64", "first SYN of B"),
    Column("tcp_ab_syn_ttl", "uint8", "TTL or hop limit of A's SYN"),
    Column("tcp_ba_syn_ttl", "uint8", "TTL or hop limit of B's SYN"),
    Column("tcp_ab_fin_ns", "int64", "last FIN of A"),
    Column("tcp_ba_fin_ns", "int64", "last FIN of B"),
    Column("tcp_ab_rst_ns", "int64", "last RST of A"),
    Column("tcp_ba_rst_ns", "int64", "last RST of B"),
    Column("tcp_ab_out_of_order", "uint32", "segments of A that overtook an earlier one"),
    Column("tcp_ba_out_of_order", "uint32", "segments of B that overtook an earlier one"),
    Column("tcp_ab_skipped", "uint32", "gaps in A's sequence that nothing filled yet"),
    Column("tcp_ba_skipped", "uint32", "gaps in B's sequence that nothing filled yet"),
    Column("tcp_ab_skipped_bytes", "uint32", "bytes in the gaps of A"),
    Column("tcp_ba_skipped_bytes", "uint32", "bytes in the gaps of B"),
    Column("tcp_ab_segments", "uint32", "segments with payload from A"),
    Column("tcp_ba_segments", "uint32", "segments with payload from B"),
    Column("tcp_ab_payload_bytes", "uint64", "payload of A, repetitions included"),
    Column("tcp_ba_payload_bytes", "uint64", "payload of B, repetitions included"),
    Column(
        "tcp_handshake_ns", "int64", "from the first SYN to the acknowledgement that ends the handshake; 0 = unseen"
    ),
    Column(
        "tcp_ab_rtt_ns",
        "int64",
        "from here to B and back, smoothed (RFC 6298): what A sent and B acknowledged, or whose timestamp B echoed",
    ),
    Column("tcp_ba_rtt_ns", "int64", "the same from here to A and back"),
    Column("tcp_ab_rtt_min_ns", "int64", "the shortest time to B and back"),
    Column("tcp_ba_rtt_min_ns", "int64", "the shortest time to A and back"),
    Column("tcp_ab_zero_windows", "uint32", "segments in which A said that it can take no more"),
    Column("tcp_ba_zero_windows", "uint32", "segments in which B said so"),
    Column("tcp_ab_segment_size", "uint16", "maximum segment size that A offered; 0 = none, here and below"),
    Column("tcp_ba_segment_size", "uint16", "maximum segment size that B offered"),
    Column("tcp_ab_window_scale", "uint8", "shift of the window that A offered"),
    Column("tcp_ba_window_scale", "uint8", "shift of the window that B offered"),
    Column("icmp_unanswered", "uint32", "echo requests without an answer so far"),
    Column("ip_fragments", "uint32", "IP fragments beyond the first of each packet, if the capture defragments"),
    Column("ip_fragment_errors", "uint32", "packets whose fragments contradict each other"),
    Column(
        "server_name", "string", "name of the server that the client asked for: SNI of TLS and QUIC, or HTTP's Host"
    ),
    Column("dns", "string", "last DNS message, latency and counts as a JSON object; empty = none"),
    Column("dhcpv4", "string", "DHCP transaction of this flow, all its messages, as a JSON object; empty = none"),
    Column("dhcpv6", "string", "the same for DHCPv6"),
    Column("details", "string", "blocks of TLS, HTTP, QUIC and other protocols, as one JSON object; empty = none"),
)

PACKET_COLUMNS = (
    Column("ts_ns", "int64", "when the packet was seen"),
    Column("wire_len", "uint32", "length on the wire; data may be shorter"),
    Column("data", "binary", "bytes from the link header on"),
    Column("link_type", "uint16", "as pcap files number it: 1 Ethernet, 101 raw IP"),
    Column("node_tid", "string", "TID of the captured interface"),
    Column("ifname", "string", "its name when the capture began"),
    Column("capture_id", "string", "UUID of the capture"),
    Column("host", "string", "host of the agent"),
    Column("flow_uuid", "uint64", "flow that counted it; 0 = none"),
    Column("number", "uint64", "position among the packets of this capture on this interface"),
    Column("lookback", "bool", "seen before the capture's definition matched"),
)


def _schema(columns: tuple[Column, ...]) -> "pa.Schema":
    # type_for_alias: the names above are pyarrow's own.
    return pa.schema([pa.field(column.name, pa.type_for_alias(column.kind), nullable=False) for column in columns])


FLOW_SCHEMA = _schema(FLOW_COLUMNS)
PACKET_SCHEMA = _schema(PACKET_COLUMNS)
