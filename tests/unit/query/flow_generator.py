# SPDX-License-Identifier: Apache-2.0
"""Random flows as rows of columns, and random filters of them, made of few values so that they meet."""

import json
import random
from typing import Any

import pyarrow as pa

from history_rows import flow
from netsonde.flows.schema import FLOW_SCHEMA

START_MS = 1_700_000_000_000

ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.1.0.1", "192.168.0.10", "fd00::1", "fd00::2:1", "fe80::1"]
PORTS = [0, 22, 53, 80, 443, 40000, 65535]
COUNTS = [0, 1, 98, 1200, 2**40, 2**63 + 5]
KEYS = {
    "text": ["Application", "LayersPath", "CaptureID", "NodeTID", "Link.A", "Network.Protocol", "ICMP.Type", "Client"],
    "address": ["Network", "Network.A", "Network.B", "IPV4.A", "IPV6", "Link"],
    "number": [
        *["Transport", "Transport.A", "Transport.B", "TCP", "TCP.B", "UDP.A", "Link.ID", "ICMP.Code", "ICMP.ID"],
        *["Metric.ABBytes", "Metric.BAPackets", "Metric.RTT", "LastUpdateMetric.ABBytes", "FinishType"],
        *["ABRetransmissions", "TCPMetric.ABPackets", "TCPMetric.ABSynTTL", "Nope", "Transport.ID"],
        *["TunnelID", "IPMetric.Fragments"],
    ],
    "time": ["Start", "Last", "Metric.Last", "TCPMetric.ABSynStart", "LastUpdateMetric.Start"],
    "hex": ["UUID", "TrackingID", "ParentUUID"],
}
NETWORKS = ["10.0.0.0/8", "10.0.0.1/32", "0.0.0.0/0", "fd00::/64", "::/0", "10.1.2.3/15"]
COMPARISONS = ["Lt", "Lte", "Gt", "Gte"]
ENDS = ["", "", ".Sort(DESC, 'Last').Limit(3)", ".Limit(5)", ".Sort(DESC, 'Last').Range(1, 4)", ".Dedup()"]
TEXTS = ["TCP", "UDP", "ICMPv4", "DNS", "", "A", "IPV4", "80", "tid-1", "cap-1", "ECHO"]


def random_flows(pick: random.Random, count: int, *, reports: int = 1) -> list[dict[str, Any]]:
    """Return the rows of some flows; each of up to so many reports is a row, its counters growing."""
    rows: list[dict[str, Any]] = []
    for uuid in pick.sample(range(1, 4096), count):
        first = _first(pick, uuid)
        rows += [_report(pick, first, number) for number in range(1, pick.randint(1, reports) + 1)]
    return rows


def _first(pick: random.Random, uuid: int) -> dict[str, Any]:
    row = {column.name: "" if pa.types.is_string(column.type) else 0 for column in FLOW_SCHEMA}
    row |= flow(uuid, START_MS + pick.randrange(50), START_MS + 50 + pick.randrange(50))
    row |= {
        "node_tid": pick.choice(["tid-1", "tid-2"]),
        "capture_id": pick.choice(["cap-1", "cap-2"]),
        "tracking_id": pick.choice([0xAB, 0x80, 7]),
        "parent_uuid": pick.choice([0, 0, 0x80]),
        "application": pick.choice(["TCP", "UDP", "ICMPv4", "DNS"]),
        "layers_path": "Ethernet/IPv4",
        "client": pick.choice(["", "A", "B"]),
        "ab_retransmissions": pick.choice(COUNTS),
        "network_id": pick.choice([0, 0, 80]),
        "dns": pick.choice(["", json.dumps({"ID": 7, "q_d_count": 1})]),
    }
    if pick.random() < 0.8:
        row |= {
            "link_protocol": "ETHERNET",
            "link_a": "02:00:00:00:00:01",
            "link_b": "A",
            "link_id": pick.choice([0, 5]),
        }
    if pick.random() < 0.8:
        row |= {"network_protocol": pick.choice(["IPV4", "IPV6"])}
        row |= {"network_a": pick.choice(ADDRESSES), "network_b": pick.choice(ADDRESSES)}
    if pick.random() < 0.6:
        row |= {"transport_protocol": pick.choice(["TCP", "UDP"])}
        row |= {"transport_a": pick.choice(PORTS), "transport_b": pick.choice(PORTS)}
    elif pick.random() < 0.5:
        row |= {"icmp_type": "ECHO", "icmp_code": pick.choice([0, 3]), "icmp_id": pick.choice([0, 77])}
    return row


def _report(pick: random.Random, first: dict[str, Any], number: int) -> dict[str, Any]:
    total, last = pick.choice(COUNTS), pick.choice(COUNTS)
    return first | {
        "report_number": number,
        "last_ns": first["last_ns"] + number * 3_000_000 + pick.randrange(1_000_000),
        "ab_bytes": total,
        "ab_packets": total,
        "ba_packets": 1,
        "lu_ab_packets": last,
        "lu_ba_packets": 1,
        "lu_ab_bytes": last,
        "rtt_ns": pick.choice([0, 120_000]),
        "finish_type": pick.choice([0, 2]),
        "ip_fragments": pick.choice([0, 0, 98]),
        "ip_fragment_errors": pick.choice([0, 0, 1]),
        "tcp_metric": pick.choice([0, 1]),
        "tcp_ab_segments": pick.choice([0, 98]),
        "tcp_ab_syn_ttl": pick.choice([0, 64]),
        "tcp_ab_syn_ns": pick.choice([0, START_MS * 1_000_000 + 7]),
    }


def random_query(pick: random.Random) -> str:
    """Return a query of flows: filters, then perhaps an order and a cut."""
    filters = "".join(_filter(pick) for _ in range(pick.choice([0, 1, 1, 2, 3])))
    return f"G.Flows(){filters}{pick.choice(ENDS)}"


def _filter(pick: random.Random) -> str:
    name = pick.choice(["Has", "Has", "Has", "HasEither", "HasKey", "HasNot"])
    if name in ("HasKey", "HasNot"):
        keys = [key for group in KEYS.values() for key in group]
        return f".{name}('{pick.choice([*keys, 'DNS', 'DNS.QDCount', 'TCPMetric'])}')"
    pairs = ", ".join(_pair(pick) for _ in range(pick.choice([1, 1, 2])))
    return f".{name}({pairs})"


def _pair(pick: random.Random) -> str:
    group = pick.choice(list(KEYS))
    return f"'{pick.choice(KEYS[group])}', {_test(pick, group)}"


def _test(pick: random.Random, group: str) -> str:
    if group == "address" and pick.random() < 0.5:
        return (
            f"IpRange('{pick.choice(['10.0.0.0/8', '10.0.0.1/32', '0.0.0.0/0', 'fd00::/64', '::/0', '10.1.2.3/15'])}')"
        )
    name = pick.choice(["", "", "Within", "Within", "Ne", "Nee", "Without", *COMPARISONS, "Inside", "Between"])
    if name in COMPARISONS:
        return f"{name}({_number(pick, group)})"
    if name in ("Inside", "Between"):
        return f"{pick.choice([name, 'Outside'])}({_number(pick, group)}, {_number(pick, group)})"
    values = [_value(pick, group) for _ in range(pick.choice([0, 1, 2, 3]) if name in ("Within", "Without") else 1)]
    return f"{name}({', '.join(values)})" if name else values[0]


def _number(pick: random.Random, group: str) -> str:
    if group == "time":
        return str(START_MS + pick.randrange(110))
    return str(pick.choice([*PORTS, *COUNTS, -1, 0.5, 98.0, 80.5, 1e30]))


def _value(pick: random.Random, group: str) -> str:
    if group in ("number", "time"):
        return pick.choice([_number(pick, group), _number(pick, group), "'80'", "true", "null"])
    texts = ADDRESSES if group == "address" else ["ab", "80", "0ab", "AB", "7", ""] if group == "hex" else TEXTS
    return pick.choice([f"'{pick.choice(texts)}'"] * 4 + ["80", "false"])
