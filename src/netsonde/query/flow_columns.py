# SPDX-License-Identifier: Apache-2.0
"""Fields of flows as queries name them, and the columns of flow batches that hold them.

`native/meter/src/wire.rs` makes the fields from the columns; a test compares both directions. Left out on purpose:
`report` and `report_number`, which are about the batch and not the flow.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from netsonde.flows.blocks import BLOCKS

Unit: TypeAlias = Literal["text", "number", "ms", "hex", "json"]


class FlowColumn(NamedTuple):
    """Where a field comes from, and when it is there."""

    column: str
    unit: Unit
    """How the column's value becomes the field's: `ms` = column in ns, `hex` = number written in hexadecimal."""
    needs: str = ""
    """Column that is empty (or 0) when the field is absent."""
    certain: bool = True
    """False when the field may be absent for other reasons too."""


def _layer(name: str, ends: Unit) -> Iterator[tuple[str, FlowColumn]]:
    prefix = name.lower()
    protocol = f"{prefix}_protocol"
    yield f"{name}.Protocol", FlowColumn(protocol, "text", protocol)
    yield f"{name}.A", FlowColumn(f"{prefix}_a", ends, protocol)
    yield f"{name}.B", FlowColumn(f"{prefix}_b", ends, protocol)
    if name != "Transport":
        yield f"{name}.ID", FlowColumn(f"{prefix}_id", "number", protocol)


def _texts() -> Iterator[tuple[str, FlowColumn]]:
    for name, column in (
        ("LayersPath", "layers_path"),
        ("Application", "application"),
        ("NodeTID", "node_tid"),
        ("CaptureID", "capture_id"),
        ("CommunityID", "community_id"),
        ("Client", "client"),
        ("ClientBy", "client_by"),
        ("Host", "host"),
        ("ServerName", "server_name"),
    ):
        yield name, FlowColumn(column, "text", column)


def _metrics() -> Iterator[tuple[str, FlowColumn]]:
    for side in ("AB", "BA"):
        for what in ("Packets", "Bytes"):
            column = f"{side}_{what}".lower()
            yield f"Metric.{side}{what}", FlowColumn(column, "number")
            yield f"LastUpdateMetric.{side}{what}", FlowColumn(f"lu_{column}", "number", certain=False)
    yield "Metric.Start", FlowColumn("start_ns", "ms")
    yield "Metric.Last", FlowColumn("last_ns", "ms")
    yield "Metric.RTT", FlowColumn("rtt_ns", "number", "rtt_ns")
    yield "LastUpdateMetric.Start", FlowColumn("lu_start_ns", "ms", certain=False)
    yield "LastUpdateMetric.Last", FlowColumn("lu_last_ns", "ms", certain=False)
    yield "LastUpdateMetric.RTT", FlowColumn("rtt_ns", "number", "rtt_ns", certain=False)


_TCP: Final[Mapping[str, tuple[str, Unit]]] = {
    "SynStart": ("syn_ns", "ms"),
    "FinStart": ("fin_ns", "ms"),
    "RstStart": ("rst_ns", "ms"),
    "SegmentOutOfOrder": ("out_of_order", "number"),
    "SegmentSkipped": ("skipped", "number"),
    "SegmentSkippedBytes": ("skipped_bytes", "number"),
    "Packets": ("segments", "number"),
    "Bytes": ("payload_bytes", "number"),
}


_TCP_UNLESS_ZERO: Final[Mapping[str, str]] = {
    "SynTTL": "syn_ttl",
    "RTT": "rtt_ns",
    "RTTMin": "rtt_min_ns",
    "ZeroWindows": "zero_windows",
    "MSS": "segment_size",
    "WindowScale": "window_scale",
}


def _tcp_metrics() -> Iterator[tuple[str, FlowColumn]]:
    for side in ("AB", "BA"):
        column = f"tcp_{side.lower()}"
        for name, (part, unit) in _TCP.items():
            yield f"TCPMetric.{side}{name}", FlowColumn(f"{column}_{part}", unit, "tcp_metric")
        for name, part in _TCP_UNLESS_ZERO.items():
            yield f"TCPMetric.{side}{name}", _unless_zero(f"{column}_{part}")
    yield "TCPMetric.Handshake", _unless_zero("tcp_handshake_ns")


def _unless_zero(column: str) -> FlowColumn:
    """Left out of the JSON when it is 0, measured or not."""
    return FlowColumn(column, "number", column, certain=False)


FIELD_COLUMNS: Final[Mapping[str, FlowColumn]] = {
    "UUID": FlowColumn("uuid", "hex"),
    "TrackingID": FlowColumn("tracking_id", "hex"),
    "L3TrackingID": FlowColumn("l3_tracking_id", "hex"),
    "ParentUUID": FlowColumn("parent_uuid", "hex"),
    "Start": FlowColumn("start_ns", "ms"),
    "Last": FlowColumn("last_ns", "ms"),
    "RawPacketsCaptured": FlowColumn("raw_packets_captured", "number"),
    "FinishType": FlowColumn("finish_type", "number"),
    "ABRetransmissions": FlowColumn("ab_retransmissions", "number"),
    "BARetransmissions": FlowColumn("ba_retransmissions", "number"),
    "ICMP.Type": FlowColumn("icmp_type", "text", "icmp_type"),
    "ICMP.Code": FlowColumn("icmp_code", "number", "icmp_type"),
    "ICMP.ID": FlowColumn("icmp_id", "number", "icmp_type"),
    "ICMP.Unanswered": FlowColumn("icmp_unanswered", "number", "icmp_type"),
    "TunnelID": FlowColumn("network_id", "number", "network_id"),
    # The object is there when one of them is not 0.
    "IPMetric.Fragments": FlowColumn("ip_fragments", "number", certain=False),
    "IPMetric.FragmentErrors": FlowColumn("ip_fragment_errors", "number", certain=False),
    "DNS": FlowColumn("dns", "json", "dns"),
    "DHCPv4": FlowColumn("dhcpv4", "json", "dhcpv4"),
    "DHCPv6": FlowColumn("dhcpv6", "json", "dhcpv6"),
    # All blocks are in one column: that it is filled says of none that it is there.
    **{name: FlowColumn("details", "json", "details", certain=False) for name in BLOCKS},
    **dict(_texts()),
    **dict(_layer("Link", "text")),
    **dict(_layer("Network", "text")),
    **dict(_layer("Transport", "number")),
    **dict(_metrics()),
    **dict(_tcp_metrics()),
}
"""By the name of the field; what has no column of its own (`DNS.Latency`, `TCPMetric.ABSawStart`) is not here."""

TEXT_COLUMNS: Final = frozenset(
    {each.column for each in FIELD_COLUMNS.values() if each.unit in ("text", "json")}
    | {each.needs for each in FIELD_COLUMNS.values() if each.needs.endswith(("_protocol", "_type"))}
)
"""Columns that hold text; all others hold whole numbers."""

FLOW_FIELDS: Final = frozenset(
    {
        *FIELD_COLUMNS,
        *("Link", "Network", "Transport", "Transport.ID", "ICMP", "Metric", "LastUpdateMetric"),
        *("TCPMetric", "IPMetric"),
        *(f"TCPMetric.{side}Saw{what}" for side in ("AB", "BA") for what in ("Start", "End")),
    }
)
"""Every name that all flows know, whether they have it or not; messages (`DNS.…`) have names of their own."""
