# SPDX-License-Identifier: Apache-2.0
"""The capture resource: a standing definition, and the status computed from what agents report.

Wire names are those that clients of the reference send and expect; ours are additive.
"""

from typing import Literal

import msgspec

from netsonde.model.elements import Node

CaptureState = Literal["waiting", "starting", "active", "partial", "failed", "paused", "finished"]
NodeCaptureState = Literal["starting", "active", "failed", "finished"]


class Sink(msgspec.Struct, frozen=True):
    """Where a capture is sent on to, from each agent that captures, while it is analysed there too."""

    type: str = msgspec.field(name="Type", default="")
    """`netflow5`, `netflow9`, `ipfix`: reports of flows over UDP. `nats`, `kafka`: the same as JSON, a message each.
    `pcapng`: files on the agent's host. `erspan`, `vxlan`: every packet, in a tunnel."""
    target: str = msgspec.field(name="Target", default="")
    """ADDRESS:PORT; before it nats:// or tls:// of `nats`, kafka:// or kafka+tls:// of `kafka`; of `erspan` an IPv4
    address; of `pcapng` nothing."""
    subject: str = msgspec.field(name="Subject", default="")
    """Where `nats` publishes, and the topic of `kafka`; empty = flows.UUID of the capture."""
    id: int = msgspec.field(name="ID", default=0)
    """Observation domain, VNI, or ERSPAN session."""
    rotate_bytes: int = msgspec.field(name="RotateBytes", default=0)
    """The next file is begun after so many bytes, packets or ms; 0 = no limit, but for a quarter of TotalBytes."""
    rotate_packets: int = msgspec.field(name="RotatePackets", default=0)
    rotate_ms: int = msgspec.field(name="RotateDuration", default=0)
    total_bytes: int = msgspec.field(name="TotalBytes", default=1 << 30)
    """Bytes of all files of one interface; the oldest go first."""


class Capture(msgspec.Struct, frozen=True, omit_defaults=False):
    """A capture as it is stored in the bucket `captures` (key: its UUID), and as REST accepts and serves it."""

    uuid: str = msgspec.field(name="UUID", default="")
    gremlin_query: str = msgspec.field(name="GremlinQuery", default="")
    bpf_filter: str = msgspec.field(name="BPFFilter", default="")
    name: str = msgspec.field(name="Name", default="")
    description: str = msgspec.field(name="Description", default="")
    type: str = msgspec.field(name="Type", default="")
    """Engine asked for; "" = `packet`, which `afpacket` and `pcap` mean too."""
    port: int = msgspec.field(name="Port", default=0)
    sampling_rate: int = msgspec.field(name="SamplingRate", default=1)
    polling_interval: int = msgspec.field(name="PollingInterval", default=10)
    raw_packet_limit: int = msgspec.field(name="RawPacketLimit", default=-1)
    """Packets kept per flow after the capture's first ones, by ring; -1 = all that the ring holds, 0 = none."""
    header_size: int = msgspec.field(name="HeaderSize", default=0)
    """Bytes kept of a packet after the first ones, which are whole; 0 = 256."""
    extra_tcp_metric: bool = msgspec.field(name="ExtraTCPMetric", default=False)
    ip_defrag: bool = msgspec.field(name="IPDefrag", default=False)
    reassemble_tcp: bool = msgspec.field(name="ReassembleTCP", default=False)
    layer_key_mode: str = msgspec.field(name="LayerKeyMode", default="L2")
    extra_layers: int = msgspec.field(name="ExtraLayers", default=0)
    target: str = msgspec.field(name="Target", default="")
    target_type: str = msgspec.field(name="TargetType", default="")
    # From here on: ours.
    paused: bool = msgspec.field(name="Paused", default=False)
    stop_on_unmatch: bool = msgspec.field(name="StopOnUnmatch", default=True)
    unmatch_grace_ms: int = msgspec.field(name="UnmatchGrace", default=2000)
    first_packets: int = msgspec.field(name="FirstPackets", default=1000)
    """Packets kept whole from the start of the capture on each interface, before the ring takes over."""
    max_packets: int = msgspec.field(name="MaxPackets", default=0)
    """The capture is finished on an interface after so many packets; 0 = no limit. Likewise bytes, and ms."""
    max_bytes: int = msgspec.field(name="MaxBytes", default=0)
    max_duration_ms: int = msgspec.field(name="MaxDuration", default=0)
    created_at: int = msgspec.field(name="CreatedAt", default=0)
    """Unix ms, set by the server."""
    expires_at: int = msgspec.field(name="ExpiresAt", default=0)
    """Unix ms at which the capture deletes itself (from X-Resource-TTL); 0 = never."""
    owner: str = msgspec.field(name="Owner", default="")
    """What the capture belongs to and goes with, such as check/<UUID>/<run>; empty = its maker. Set by the server."""
    sinks: list[Sink] = msgspec.field(name="Sinks", default_factory=list)

    @property
    def wants_tcp_metric(self) -> bool:
        """Whether flows get a `TCPMetric`: it holds what either of the reference's two options asks for."""
        return self.extra_tcp_metric or self.reassemble_tcp


class SinkStatus(msgspec.Struct, frozen=True, rename="pascal"):
    """How one sink of a capture fares on one interface."""

    type: str
    sent: int = 0
    """Packets, or records of flows."""
    dropped: int = 0
    """Those that found no room or no way, or that the protocol cannot express."""
    reason: str = ""
    """The last failure."""


class NodeStatus(msgspec.Struct, frozen=True, rename="pascal"):
    """One capture on one interface, as its agent reports it. Times are Unix ms, 0 = not yet."""

    node_id: str = msgspec.field(name="NodeID")
    node_tid: str = msgspec.field(name="NodeTID")
    name: str
    host: str
    state: NodeCaptureState
    reason: str = ""
    since: int = 0
    first_packet_at: int = 0
    lookback_packets: int = 0
    armed_before_up: bool = False
    """Whether the look-back tap was bound before the interface was up: no packet can have been missed."""
    packets_received: int = 0
    packets_dropped: int = 0
    bytes_received: int = 0
    packets_not_kept: int = 0
    """Packets whose bytes were wanted, but found no room in memory or on their way."""
    flows_evicted: int = 0
    """Flows that ended early because there were too many at a time."""
    streams_refused: int = 0
    """Beginnings of connections that found no room, so that their application stays unknown."""
    fragments_lost: int = 0
    """Packets in pieces that were never whole, or given up for others."""
    listens_on: str = ""
    """ADDRESS:PORT where this capture waits for what others send."""
    source_lost: int = 0
    """What exporters sent and did not arrive, or lost themselves: by their own numbers."""
    source_refused: int = 0
    """What arrived and cannot be read: damaged, or described by a template that has not come."""
    sinks: list[SinkStatus] = []


class AgentCaptureStatus(msgspec.Struct, frozen=True):
    """What one agent reports of one capture (bucket `capture-status`, key `<uuid>.<host>`)."""

    uuid: str
    host: str
    matching: int
    """Nodes of this host that the query matches."""
    capturable: int
    nodes: list[NodeStatus]
    at_ms: int
    reason: str = ""
    """Why nothing is captured on this host although nodes match, or what the agent could not do."""


class CaptureTargets(msgspec.Struct, frozen=True):
    """Nodes of one host on which an analyzer wants a capture whose query agents cannot judge alone
    (bucket `capture-targets`, key `<uuid>.<host>`)."""

    uuid: str
    host: str
    node_ids: list[str]


class CaptureStatus(msgspec.Struct, frozen=True, rename="pascal"):
    """Status of a capture over all hosts, computed by the analyzer, pushed on change."""

    state: CaptureState
    since: int
    reason: str = ""
    matching: int = 0
    capturable: int = 0
    active: int = 0
    failed: int = 0
    nodes: list[NodeStatus] = []


class CaptureView(Capture, frozen=True):
    """A capture as the API serves it: the definition, `Count` for old clients, and the status."""

    count: int = msgspec.field(name="Count", default=0)
    """Nodes on which this capture is active."""
    status: CaptureStatus | None = msgspec.field(name="Status", default=None)


class CaptureChange(msgspec.Struct, frozen=True):
    """A capture was created, its definition or status changed, or it is gone (deleted or expired)."""

    kind: Literal["Added", "Updated", "Deleted"]
    view: CaptureView


class CapturePreview(msgspec.Struct, frozen=True):
    """What a capture would find if it were created now."""

    matching: int
    capturable: int
    sample: list[Node]
    """Some of the matching nodes, at most 20."""
    reason: str = ""
    """Why nothing would be captured now, "" otherwise."""
