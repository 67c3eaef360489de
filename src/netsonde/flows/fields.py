# SPDX-License-Identifier: Apache-2.0
"""The fields of a flow as queries and clients of the API name them.

`wire.rs`, `dns.rs` and `lease.rs` of native/meter write them; a test compares. The columns behind them: `schema.py`.
"""

from collections.abc import Iterator

from netsonde.flows.blocks import block_fields
from netsonde.model.keys import Field, ValueType

_START_MS = 1_526_468_153_643


def _ends(layer: str, protocol: str, a: str | int, b: str | int, number: str) -> Iterator[Field]:
    kind: ValueType = "integer" if isinstance(a, int) else "string"
    what = {"Link": "MAC address", "Network": "IP address", "Transport": "port"}[layer]
    yield Field(layer, "object", f"{layer.lower()} layer; absent without one", {"Protocol": protocol, "A": a, "B": b})
    yield Field(f"{layer}.Protocol", "string", "protocol of the layer", protocol)
    yield Field(f"{layer}.A", kind, f"{what} of the side that sent the first packet", a)
    yield Field(f"{layer}.B", kind, f"{what} of the other side", b)
    yield Field(f"{layer}.ID", "integer", number, 0)


def _counters(name: str, period: str) -> Iterator[Field]:
    yield Field(name, "object", f"counters, {period}", {"ABPackets": 1, "ABBytes": 98})
    yield from (_within(name, field) for field in METRICS)


def _within(name: str, field: Field) -> Field:
    return Field(f"{name}.{field.key}", field.type, field.description, field.example, field.unit)


def _tcp() -> Iterator[Field]:
    yield Field("TCPMetric", "object", "details of a TCP connection, if the capture asks for them", {"ABSawStart": 1})
    for side, way in (("AB", "from A to B"), ("BA", "from B to A")):
        for name, text, unit in _TCP:
            yield Field(f"TCPMetric.{side}{name}", "integer", f"{text}, {way}", 1, unit)
    yield Field("TCPMetric.Handshake", "integer", "from the first SYN to the end of the handshake", 1_200_000, "ns")
    for side, way, end in (("AB", "from A to B", "B"), ("BA", "from B to A", "A")):
        trip = f"between the place of capture and {end}, and back"
        yield Field(f"TCPMetric.{side}RTT", "integer", f"round trip {trip}, smoothed", 1_200_000, "ns")
        yield Field(f"TCPMetric.{side}RTTMin", "integer", f"the shortest time {trip}", 900_000, "ns")
        for name, text, unit in _TCP_OFFERS:
            yield Field(f"TCPMetric.{side}{name}", "integer", f"{text}, {way}", 1, unit)


_TCP = (
    ("SynStart", "first SYN; 0 = none seen", "Unix ms"),
    ("SynTTL", "TTL or hop limit of that SYN", ""),
    ("FinStart", "last FIN; 0 = none seen", "Unix ms"),
    ("RstStart", "last RST; 0 = none seen", "Unix ms"),
    ("SegmentOutOfOrder", "segments that overtook an earlier one", "segments"),
    ("SegmentSkipped", "gaps that nothing filled yet", ""),
    ("SegmentSkippedBytes", "octets in these gaps", "B"),
    ("Packets", "segments with payload", "segments"),
    ("Bytes", "payload, repetitions included", "B"),
    ("SawStart", "1 when the SYN was seen", ""),
    ("SawEnd", "1 when the FIN was seen", ""),
)

_TCP_OFFERS = (
    ("ZeroWindows", "segments that said that there is no room", "segments"),
    ("MSS", "maximum segment size that the SYN offered", "B"),
    ("WindowScale", "shift of the window that the SYN offered", ""),
)

METRICS = (
    Field("ABPackets", "integer", "packets from A to B", 1, "packets"),
    Field("ABBytes", "integer", "octets on the wire from A to B, link header included", 98, "B"),
    Field("BAPackets", "integer", "packets from B to A", 1, "packets"),
    Field("BABytes", "integer", "octets from B to A", 98, "B"),
    Field("Start", "integer", "beginning of the period", _START_MS, "Unix ms"),
    Field("Last", "integer", "its last packet", _START_MS, "Unix ms"),
    Field("RTT", "integer", "round trip: TCP handshake, or the last ICMP question and answer", 13_000, "ns"),
)
"""Counters of a flow, as `Metric` and `LastUpdateMetric` hold them and `Flows().Metrics()` gives them."""

_DNS = (
    Field("DNS", "object", "last DNS message, latency, counts", {"op_code": "Query", "response_code": "No Error"}),
    Field("DNS.ID", "integer", "id of the message", 4660),
    Field("DNS.QR", "boolean", "whether it is an answer", True),
    Field("DNS.op_code", "string", "kind of question", "Query"),
    Field("DNS.AA", "boolean", "the answer is authoritative", False),
    Field("DNS.TC", "boolean", "the message was cut", False),
    Field("DNS.RD", "boolean", "recursion is wanted", True),
    Field("DNS.RA", "boolean", "recursion is offered", True),
    Field("DNS.Z", "integer", "reserved bits", 0),
    Field("DNS.response_code", "string", "how it went", "No Error"),
    Field("DNS.q_d_count", "integer", "questions", 1),
    Field("DNS.a_n_count", "integer", "answers", 1),
    Field("DNS.n_s_count", "integer", "authorities", 0),
    Field("DNS.a_r_count", "integer", "additional records", 0),
    Field("DNS.questions", "list of object", "what was asked", [{"name": "example.org", "type": "A", "class": "IN"}]),
    Field("DNS.questions.name", "string", "name that was asked for", "example.org"),
    Field("DNS.questions.type", "string", "type that was asked for", "A"),
    Field("DNS.questions.class", "string", "its class", "IN"),
    Field("DNS.questions.unicast", "boolean", "mDNS: the answer is to come to the asker alone", True),
    Field("DNS.answers", "list of object", "answers", [{"name": "example.org", "type": "A", "IP": "192.0.2.1"}]),
    Field("DNS.answers.name", "string", "name of the record", "example.org"),
    Field("DNS.answers.type", "string", "its type", "A"),
    Field("DNS.answers.class", "string", "its class", "IN"),
    Field("DNS.answers.TTL", "integer", "how long it may be kept", 300, "s"),
    Field("DNS.answers.data_length", "integer", "length of its data", 4, "B"),
    Field("DNS.answers.IP", "string", "address of an A or AAAA record", "192.0.2.1"),
    Field("DNS.answers.*", "any", "data of other types: NS, c_name, PTR, MX, SRV, SOA, TXTs, data", "www.example.org"),
    Field("DNS.authorities", "list of object", "authorities, as the answers", []),
    Field("DNS.authorities.*", "any", "members as of the answers", "ns1.example.org"),
    Field("DNS.additionals", "list of object", "additional records, as the answers; EDNS options as OPT", []),
    Field("DNS.additionals.*", "any", "members as of the answers", 1232),
    Field("DNS.timestamp", "object", "when the message was seen", {"seconds": 1_526_468_153, "nanos": 0}),
    Field("DNS.timestamp.seconds", "integer", "whole seconds", 1_526_468_153, "Unix s"),
    Field("DNS.timestamp.nanos", "integer", "the rest", 643_000_000, "ns"),
    Field("DNS.latency", "integer", "from the last question to its answer", 1_200_000, "ns"),
    Field("DNS.max_latency", "integer", "the longest of these", 3_400_000, "ns"),
    Field("DNS.questions_seen", "integer", "questions so far", 1),
    Field("DNS.answers_seen", "integer", "answers so far", 1),
    Field("DNS.unanswered", "integer", "questions without an answer so far", 0),
)

_LEASE = (
    Field("xid", "integer", "transaction id", 4660),
    Field("messages", "list of object", "its messages, in order", [{"type": "Discover", "time_ns": 0}]),
    Field("messages.type", "string", "type of the message", "Discover"),
    Field("messages.time_ns", "integer", "when it was seen", _START_MS * 1_000_000, "Unix ns"),
    Field("message_count", "integer", "messages so far", 4),
    Field("bound", "boolean", "whether a lease was given", True),
    Field("latency", "integer", "from the first message to the acknowledgement", 1_200_000_000, "ns"),
    Field("lease_s", "integer", "how long the lease is good", 3600, "s"),
    Field("dns_servers", "list of string", "resolvers", ["10.0.0.2"]),
    Field("message", "string", "words of a refusal", "no free address"),
)
_LEASE4 = (
    Field("address", "string", "address that was given", "10.0.0.1"),
    Field("server", "string", "server that gave it", "10.0.0.2"),
    Field("requested_address", "string", "address that the client asked for", "10.0.0.1"),
    Field("client_address", "string", "address that the client has", "10.0.0.1"),
    Field("client_mac", "string", "MAC address of the client", "fa:16:3e:f8:7a:ca"),
    Field("relay", "string", "relay", "10.0.0.3"),
    Field("next_server", "string", "server to boot from", "10.0.0.4"),
    Field("subnet_mask", "string", "mask", "255.255.255.0"),
    Field("routers", "list of string", "gateways", ["10.0.0.254"]),
    Field("host_name", "string", "name of the client", "vm-1"),
    Field("domain", "string", "domain", "example.org"),
    Field("vendor_class", "string", "kind of client", "udhcp 1.36"),
    Field("mtu", "integer", "MTU", 1450, "B"),
    Field("file", "string", "file to boot", "pxelinux.0"),
    Field("flags", "integer", "flags of the message", 0),
    Field("hardware_len", "integer", "length of the hardware address", 6, "B"),
    Field("hardware_opts", "integer", "hops", 0),
    Field("server_name", "string", "name of the server", "dhcp-1"),
    Field("secs", "integer", "how long the client has been trying", 0, "s"),
    Field("renewal_s", "integer", "when the client will ask its server again", 1800, "s"),
    Field("rebinding_s", "integer", "when it will ask any server", 3150, "s"),
    Field("broadcast", "string", "broadcast address", "10.0.0.255"),
    Field("ntp_servers", "list of string", "servers of time", ["10.0.0.2"]),
    Field("routes", "list of string", "routes besides the gateways", ["10.1.0.0/16 via 10.0.0.253"]),
    Field("client_id", "string", "id of the client, in hex", "01fa163ef87aca"),
    Field("wanted_options", "string", "numbers of the options that the client asked for", "1,3,6,12,15,28,42"),
    Field("circuit_id", "string", "port that a relay names", "ge-0/0/1"),
    Field("remote_id", "string", "device that a relay names, in hex", "fa163ef87aca"),
)
_LEASE6 = (
    Field("addresses", "list of string", "addresses that were given", ["2001:db8::1"]),
    Field("prefixes", "list of string", "prefixes that were given", ["2001:db8:1::/56"]),
    Field("client_duid", "string", "id of the client, in hex", "00030001fa163ef87aca"),
    Field("server_duid", "string", "id of the server, in hex", "00030001fa163e000001"),
    Field("preferred_s", "integer", "how long the address is preferred", 1800, "s"),
    Field("status_code", "integer", "code of a refusal", 2),
    Field("relays", "integer", "relays on the way", 1),
    Field("link_address", "string", "link of the relay next to the client", "2001:db8::ffff"),
    Field("interface_id", "string", "port that it names", "ge-0/0/1"),
    Field("client_name", "string", "name of the client", "vm-1.example.org"),
    Field("rapid_commit", "boolean", "two messages instead of four are wanted", True),
    Field("elapsed_ms", "integer", "how long the client has been trying", 0, "ms"),
)

FIELDS = (
    Field("UUID", "string", "this flow on this interface and capture", "3018d39e38bf4649"),
    Field("LayersPath", "string", "layers of its packets", "Ethernet/IPv4/ICMPv4"),
    Field("Application", "string", "the last of these layers, or what a TCP stream says", "ICMPv4"),
    *_ends("Link", "ETHERNET", "f2:45:25:5b:3a:bc", "2e:b9:2d:76:24:07", "VLAN ids, 12 bits each, outermost lowest"),
    *_ends("Network", "IPV4", "192.168.0.2", "192.168.0.1", "tunnel id; 0 = none"),
    *_ends("Transport", "TCP", 40000, 80, "always 0"),
    Field("ICMP", "object", "kind of ICMP message; absent for others", {"Type": "ECHO", "ID": 23604}),
    Field("ICMP.Type", "string", "kind, request and reply alike", "ECHO"),
    Field("ICMP.Code", "integer", "code of the first message", 0),
    Field("ICMP.ID", "integer", "identifier of echo and its like", 23604),
    Field("ICMP.Unanswered", "integer", "echo requests without an answer so far", 1),
    *_counters("Metric", "since the flow began"),
    *_counters("LastUpdateMetric", "since the previous report; absent in the first"),
    *_tcp(),
    Field("IPMetric", "object", "fragments, if the capture defragments and there were any", {"Fragments": 2}),
    Field("IPMetric.Fragments", "integer", "IP fragments beyond the first of each packet", 2, "fragments"),
    Field("IPMetric.FragmentErrors", "integer", "packets whose fragments contradict each other", 0, "packets"),
    Field("Start", "integer", "first packet", _START_MS, "Unix ms"),
    Field("Last", "integer", "last packet so far", _START_MS, "Unix ms"),
    Field("NodeTID", "string", "TID of the captured interface", "1bbd6f8a-9b91-5e19-9b8a-e17fc33429f4"),
    Field("CaptureID", "string", "UUID of the capture", "6c1f0c5e-5d5a-4c2b-9f0e-3b1f7d0a2c11"),
    Field("Host", "string", "host of the agent", "compute-1"),
    Field("TrackingID", "string", "same wherever the connection passes with the same MACs", "a25d427a9f9dcdb8"),
    Field("L3TrackingID", "string", "same wherever the connection passes, whatever the MACs", "9e42a86914a043b8"),
    Field("TunnelID", "integer", "id of the tunnel: VNI, key, label, session; absent without one", 10),
    Field("ParentUUID", "string", "flow of the enclosing tunnel; empty = none", ""),
    Field(
        "CommunityID",
        "string",
        "Community ID v1, as Zeek, Suricata and Arkime write it",
        "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=",
    ),
    Field("Client", "string", "the side that opened the conversation: A or B", "A"),
    Field("ClientBy", "string", "what says so: handshake, message or port", "handshake"),
    Field("ServerName", "string", "name of the server that the client asked for", "example.org"),
    Field("FinishType", "integer", "0 running, 1 idle, 2 FIN, 3 RST, 4 the capture ended, 5 the table was full", 2),
    Field("RawPacketsCaptured", "integer", "packets that were kept", 5, "packets"),
    Field("ABRetransmissions", "integer", "TCP segments that A repeated", 1, "segments"),
    Field("BARetransmissions", "integer", "TCP segments that B repeated", 1, "segments"),
    *_DNS,
    Field("DHCPv4", "object", "DHCP transaction, all its messages", {"bound": True, "address": "10.0.0.1"}),
    *(_within("DHCPv4", field) for field in (*_LEASE, *_LEASE4)),
    Field("DHCPv6", "object", "DHCPv6 transaction, all its messages", {"bound": True}),
    *(_within("DHCPv6", field) for field in (*_LEASE, *_LEASE6)),
    *block_fields(),
)
