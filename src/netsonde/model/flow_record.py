# SPDX-License-Identifier: Apache-2.0
"""A flow as clients see it, typed. `docs/reference/flow-record.md` explains every field.

Inside the server a flow stays the dict that the native core spells; here, at the other end, names are checked by type.
Members that were not sent are None or empty. Times are Unix milliseconds, round trips nanoseconds.
"""

from typing import Any

import msgspec


class Layer(msgspec.Struct, frozen=True, gc=False):
    """Both ends of one layer: addresses, or ports as numbers."""

    protocol: str = msgspec.field(name="Protocol", default="")
    a: str | int = msgspec.field(name="A", default="")
    b: str | int = msgspec.field(name="B", default="")
    id: int = msgspec.field(name="ID", default=0)
    """VLAN ids folded 12 bits each, outermost lowest; or the tunnel id."""


class IcmpLayer(msgspec.Struct, frozen=True, gc=False):
    """Kind of ICMP message, request and reply alike."""

    type: str = msgspec.field(name="Type", default="")
    code: int = msgspec.field(name="Code", default=0)
    id: int = msgspec.field(name="ID", default=0)
    unanswered: int = msgspec.field(name="Unanswered", default=0)


class FlowMetric(msgspec.Struct, frozen=True, gc=False):
    """Packets and octets (link header included) of both directions over one period."""

    ab_packets: int = msgspec.field(name="ABPackets", default=0)
    ab_bytes: int = msgspec.field(name="ABBytes", default=0)
    ba_packets: int = msgspec.field(name="BAPackets", default=0)
    ba_bytes: int = msgspec.field(name="BABytes", default=0)
    start: int = msgspec.field(name="Start", default=0)
    last: int = msgspec.field(name="Last", default=0)
    rtt: int = msgspec.field(name="RTT", default=0)
    """Nanoseconds; 0 = unknown."""


class Flow(msgspec.Struct, frozen=True):
    """All packets between two ends that share a key, as seen on one interface by one capture."""

    uuid: str = msgspec.field(name="UUID", default="")
    layers_path: str = msgspec.field(name="LayersPath", default="")
    application: str = msgspec.field(name="Application", default="")
    link: Layer | None = msgspec.field(name="Link", default=None)
    network: Layer | None = msgspec.field(name="Network", default=None)
    transport: Layer | None = msgspec.field(name="Transport", default=None)
    icmp: IcmpLayer | None = msgspec.field(name="ICMP", default=None)
    metric: FlowMetric = msgspec.field(name="Metric", default_factory=FlowMetric)
    """Totals since the flow began."""
    last_update_metric: FlowMetric | None = msgspec.field(name="LastUpdateMetric", default=None)
    """The same for the period since the previous report."""
    tcp_metric: dict[str, Any] | None = msgspec.field(name="TCPMetric", default=None)
    start: int = msgspec.field(name="Start", default=0)
    last: int = msgspec.field(name="Last", default=0)
    node_tid: str = msgspec.field(name="NodeTID", default="")
    capture_id: str = msgspec.field(name="CaptureID", default="")
    host: str = msgspec.field(name="Host", default="")
    tracking_id: str = msgspec.field(name="TrackingID", default="")
    l3_tracking_id: str = msgspec.field(name="L3TrackingID", default="")
    parent_uuid: str = msgspec.field(name="ParentUUID", default="")
    community_id: str = msgspec.field(name="CommunityID", default="")
    client: str = msgspec.field(name="Client", default="")
    """`A`, `B`, or "" when nothing tells which side opened the conversation."""
    client_by: str = msgspec.field(name="ClientBy", default="")
    """`handshake`, `message` or `port`."""
    finish_type: int = msgspec.field(name="FinishType", default=0)
    """0 = it runs."""
    raw_packets_captured: int = msgspec.field(name="RawPacketsCaptured", default=0)
    ab_retransmissions: int = msgspec.field(name="ABRetransmissions", default=0)
    ba_retransmissions: int = msgspec.field(name="BARetransmissions", default=0)
    server_name: str = msgspec.field(name="ServerName", default="")
    dns: dict[str, Any] | None = msgspec.field(name="DNS", default=None)
    dhcpv4: dict[str, Any] | None = msgspec.field(name="DHCPv4", default=None)
    dhcpv6: dict[str, Any] | None = msgspec.field(name="DHCPv6", default=None)
    tls: dict[str, Any] | None = msgspec.field(name="TLS", default=None)
    http: dict[str, Any] | None = msgspec.field(name="HTTP", default=None)
    quic: dict[str, Any] | None = msgspec.field(name="QUIC", default=None)
