# SPDX-License-Identifier: Apache-2.0
"""Blocks of flow records that protocols fill: one object each, all of them in the column `details`.

The files of native/packet/src/protocols write the members; tests compare golden records with this list.
"""

from collections.abc import Iterator
from typing import Any, Final

from netsonde.model.keys import Field, ValueType

_JA4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"


def _text(name: str, description: str, example: str) -> Field:
    return Field(name, "string", description, example)


def _number(name: str, description: str, example: int, unit: str = "") -> Field:
    return Field(name, "integer", description, example, unit)


def _flag(name: str, description: str) -> Field:
    return Field(name, "boolean", description, True)


def _list(name: str, description: str, *example: str) -> Field:
    kind: ValueType = "list of string"
    return Field(name, kind, description, list(example))


_HELLO = (
    _text("server_name", "name of the server that the client asked for", "example.org"),
    _list("alpn", "protocols that the client offered", "h2", "http/1.1"),
    _text("offered_version", "highest version of TLS that the client offered", "1.3"),
    _flag("encrypted_hello", "there is another, encrypted hello with the true name"),
    _text("ja4", "JA4 fingerprint of the client", _JA4),
)
_NEIGHBOR = (
    _text("asker", "address of who asked", "10.0.0.1"),
    _text("target", "address that was asked for", "10.0.0.2"),
    _number("requests", "questions so far", 1),
    _number("replies", "answers so far", 1),
    _number("latency", "from the first question to the first answer", 120_000, "ns"),
    _text("mac", "MAC address that the last answer gave", "fa:16:3e:f8:7a:ca"),
    _flag("conflict", "answers gave different MAC addresses"),
)

BLOCKS: Final[dict[str, tuple[str, tuple[Field, ...]]]] = {
    "TLS": (
        "first messages of a TLS connection",
        (
            *_HELLO,
            _text("version", "version that the server chose", "1.3"),
            _text("cipher", "cipher suite that the server chose", "TLS_AES_128_GCM_SHA256"),
            _text("alpn_chosen", "protocol that the server chose, up to TLS 1.2", "h2"),
        ),
    ),
    "HTTP": (
        "first request and response of an HTTP/1 connection, and how many there were; of several, the last ones",
        (
            _text("method", "method", "GET"),
            _text("target", "what was asked for", "/latest/meta-data"),
            _text("version", "version of the request", "1.1"),
            _text("host", "host that was asked for", "169.254.169.254"),
            _text("user_agent", "program that asked", "curl/8.5.0"),
            _text("content_type", "type of the first body", "text/plain"),
            _number("status", "status of the response", 200),
            _text("server", "program that answered", "nginx"),
            _text("location", "where else to ask", "https://example.org/"),
            _number("requests", "requests so far", 3),
            _number("responses", "responses so far", 3),
            _number("failed", "responses with a status of 400 or more", 1),
            _list("last", "the last eight requests, each with the status of its response", "GET /a 200"),
        ),
    ),
    "QUIC": (
        "first packets of a QUIC connection",
        (_text("version", "version of QUIC", "1"), *_HELLO),
    ),
    "SIP": (
        "last SIP message",
        (
            _text("method", "method, also of what an answer answers", "INVITE"),
            _number("status", "status of an answer", 180),
            _text("request_uri", "who was asked", "sip:b@example.org"),
            _text("call_id", "id of the call", "a84b4c76e66710"),
            _text("from", "who calls", "<sip:a@example.org>"),
            _text("to", "who is called", "<sip:b@example.org>"),
            _text("user_agent", "program", "Linphone"),
        ),
    ),
    "OpenFlow": ("first message of an OpenFlow connection", (_text("version", "version", "1.3"),)),
    "NTP": (
        "last NTP message",
        (
            _number("version", "version", 4),
            _text("mode", "client, server, …", "server"),
            _number("stratum", "distance from a clock; 0 = refused or unknown", 2),
            _text("reference", "clock, server that it follows, or why it refuses", "192.0.2.1"),
        ),
    ),
    "SNMP": (
        "last SNMP message",
        (
            _text("version", "1, 2c or 3", "2c"),
            _text("pdu", "kind of message", "get"),
            _number("request_id", "id of the question", 1),
            _number("error_status", "how it went; 0 = well", 0),
            _list("objects", "objects that it is about", "1.3.6.1.2.1.1.1.0"),
        ),
    ),
    "BFD": (
        "last BFD message",
        (
            _text("state", "state of who sent it", "Up"),
            _text("diagnostic", "why it went down", "none"),
            _number("detect_multiplier", "messages that may be lost", 3),
            _number("my_discriminator", "session of who sent it", 1),
            _number("your_discriminator", "session of the other; 0 = unknown", 2),
            _number("desired_tx_us", "interval in which it wants to send", 300_000, "us"),
            _number("required_rx_us", "interval in which it can receive", 300_000, "us"),
        ),
    ),
    "WireGuard": (
        "last WireGuard message",
        (
            _text("type", "initiation, response, cookie or data", "data"),
            _number("sender", "index of who sent it", 1),
            _number("receiver", "index of who gets it", 2),
        ),
    ),
    "VRRPv2": (
        "last VRRP message, of version 2 or 3",
        (
            _number("version", "version", 2),
            _number("virtual_rtr_id", "virtual router", 7),
            _number("priority", "priority; 0 = it leaves", 100),
            _number("adver_int", "interval, version 2", 1, "s"),
            _number("adver_int_cs", "interval, version 3", 100, "cs"),
            _list("ip_address", "addresses of the virtual router", "10.0.0.254"),
        ),
    ),
    "LLDP": (
        "last LLDP message",
        (
            _text("chassis_id", "device", "fa:16:3e:f8:7a:ca"),
            _text("port_id", "port", "Ethernet1"),
            _number("ttl_s", "how long it is good", 120, "s"),
            _text("port_description", "port, in words", "uplink"),
            _text("system_name", "name of the device", "leaf-1"),
            _text("system_description", "device, in words", "Linux"),
            _list("capabilities", "what it is used as", "bridge", "router"),
            _text("management_address", "address to manage it", "192.0.2.1"),
            _number("port_vlan", "VLAN of untagged frames", 1),
        ),
    ),
    "STP": (
        "last message of a spanning tree",
        (
            _text("protocol", "STP, RSTP or MSTP", "RSTP"),
            _text("type", "configuration or topology change", "configuration"),
            _text("root", "root bridge: priority and MAC address", "32768/52:54:00:00:00:01"),
            _number("root_cost", "cost of the way to it", 4),
            _text("bridge", "bridge that sent it", "32769/52:54:00:00:00:02"),
            _number("port", "its port", 32769),
            _flag("topology_change", "whether the topology changes"),
        ),
    ),
    "IGMP": (
        "last IGMP message",
        (
            _text("type", "query, report or leave", "report"),
            _number("version", "version of the message", 3),
            _list("groups", "groups that it is about", "239.1.1.1"),
        ),
    ),
    "MLD": ("last MLD message", (_list("groups", "groups that it is about", "ff02::fb"),)),
    "ARP": ("questions and answers for one address, of all flows that carry them", _NEIGHBOR),
    "ND": ("the same of IPv6 neighbour discovery", _NEIGHBOR),
    "Quoted": (
        "the packet that an ICMP error is about",
        (
            _text("flow", "UUID of its flow, if that was seen", "3018d39e38bf4649"),
            _text("protocol", "TCP, UDP, SCTP, ICMP, or a number", "UDP"),
            _text("a", "its source", "10.0.0.1"),
            _number("a_port", "its source port", 40000),
            _text("b", "its destination", "10.0.0.2"),
            _number("b_port", "its destination port", 53),
        ),
    ),
    "ICMPErrors": (
        "errors that quote packets of this flow",
        (
            _number("count", "errors so far", 1),
            _text("type", "kind of the last one", "DESTINATION_UNREACHABLE"),
            _number("code", "its code", 3),
            _text("from", "who sent it", "10.0.0.2"),
        ),
    ),
}
"""By name: what the block is, and its members."""


def block_fields() -> Iterator[Field]:
    """Yield every block and every member as a field of flows."""
    for name, (description, members) in BLOCKS.items():
        example: dict[str, Any] = {member.key: member.example for member in members[:2]}
        yield Field(name, "object", description, example)
        for member in members:
            yield Field(f"{name}.{member.key}", member.type, member.description, member.example, member.unit)
