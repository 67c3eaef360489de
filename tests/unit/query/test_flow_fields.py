# SPDX-License-Identifier: Apache-2.0
"""Every field of a flow can be addressed, under the names that queries have always used and those of the JSON."""

import pytest

from netsonde.graph.paths import MISSING
from netsonde.model.elements import Json
from netsonde.query.flow_fields import either_end, flow_field

FLOW: dict[str, Json] = {
    "UUID": "f1",
    "Link": {"Protocol": "ETHERNET", "A": "aa", "B": "bb", "ID": 5},
    "Network": {"Protocol": "IPV6", "A": "fe80::1", "B": "fe80::2", "ID": 0},
    "Transport": {"Protocol": "UDP", "A": 5353, "B": 53, "ID": 0},
    "ICMP": {"Type": "ECHO"},
    "Metric": {"ABPackets": 1},
    "DNS": {
        "ID": 7,
        "QR": True,
        "op_code": "Query",
        "response_code": "No Error",
        "q_d_count": 1,
        "questions": [{"name": "example.net", "type": "A"}],
        "answers": [{"IP": "192.0.2.1", "data_length": 4, "TTL": 60}],
        "latency": 1200,
    },
    "DHCPv4": {"hardware_len": 6, "client_mac": "aa"},
    "CommunityID": "1:abc",
}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("UUID", "f1"),
        ("Link.ID", 5),
        ("ETHERNET.A", "aa"),
        ("IPV6.A", "fe80::1"),
        ("IPV4.A", MISSING),
        ("UDP.B", 53),
        ("TCP.B", MISSING),
        ("UDP.Protocol", "UDP"),
        ("Transport.B", 53),
        ("Metric.BABytes", 0),
        ("LastUpdateMetric.ABBytes", MISSING),
        ("ICMP.Code", 0),
        ("FinishType", 0),
        ("ABRetransmissions", 0),
        ("DNS.ID", 7),
        ("DNS.QR", True),
        ("DNS.OpCode", "Query"),
        ("DNS.op_code", "Query"),
        ("DNS.ResponseCode", "No Error"),
        ("DNS.QDCount", 1),
        ("DNS.Questions.Name", ["example.net"]),
        ("DNS.Answers.IP", ["192.0.2.1"]),
        ("DNS.Answers.DataLength", [4]),
        ("DNS.Answers.TTL", [60]),
        ("DNS.latency", 1200),
        ("DHCPv4.HardwareLen", 6),
        ("DHCPv4.client_mac", "aa"),
        ("CommunityID", "1:abc"),
        ("ANodeTID", MISSING),
    ],
)
def test_a_field_is_read_by_its_name(key: str, value: object) -> None:
    assert flow_field(key)(FLOW) == value


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("Network", ("Network.A", "Network.B")),
        ("TCP", ("TCP.A", "TCP.B")),
        ("Network.A", ("Network.A",)),
        ("ICMP", ("ICMP",)),
    ],
)
def test_a_layer_alone_means_either_end(key: str, fields: tuple[str, ...]) -> None:
    assert either_end(key) == fields
