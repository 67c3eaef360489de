# SPDX-License-Identifier: Apache-2.0
"""The Rust core. Each class is explained in its file under native/python/src."""

from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal, Self, TypedDict, final

class FileStats(TypedDict):
    """Counters of a FileMeter."""

    packets: int
    bytes: int
    flows: int
    unreadable: int
    truncated: int
    malformed: int
    evicted: int
    streams_refused: int
    fragments: int
    reassembled: int
    fragment_errors: int
    fragment_timeouts: int
    fragments_evicted: int
    first_ns: int
    last_ns: int

class PacketDescription(TypedDict):
    """One packet as a list shows it. Time in ns, Data in base64, FlowUUID in hex or empty."""

    Number: int
    Time: int
    Source: str
    Destination: str
    Protocol: str
    Info: str
    Length: int
    NodeTID: str
    IfName: str
    Host: str
    CaptureID: str
    FlowUUID: str
    Lookback: bool
    Data: str

class WirePacket(TypedDict):
    """One packet as the query step RawPackets gives it. Timestamp in ms, Index from 1, Data in base64."""

    Timestamp: int
    Index: int
    Data: str
    LinkType: int

@final
class Flow:
    """One report of one flow: the columns of docs/reference/flow-record.md are its attributes."""

    uuid: int
    parent_uuid: int
    tracking_id: int
    l3_tracking_id: int
    community_id: str
    node_tid: str
    host: str
    capture_id: str
    report: int
    report_number: int
    layers_path: str
    application: str
    start_ns: int
    last_ns: int
    link_protocol: str
    link_a: str
    link_b: str
    link_id: int
    network_protocol: str
    network_a: str
    network_b: str
    network_id: int
    transport_protocol: str
    transport_a: int
    transport_b: int
    icmp_type: str
    icmp_code: int
    icmp_id: int
    ab_packets: int
    ab_bytes: int
    ba_packets: int
    ba_bytes: int
    rtt_ns: int
    lu_start_ns: int
    lu_last_ns: int
    lu_ab_packets: int
    lu_ab_bytes: int
    lu_ba_packets: int
    lu_ba_bytes: int
    finish_type: int
    client: str
    client_by: str
    raw_packets_captured: int
    ab_retransmissions: int
    ba_retransmissions: int
    tcp_metric: int
    tcp_ab_syn_ns: int
    tcp_ba_syn_ns: int
    tcp_ab_syn_ttl: int
    tcp_ba_syn_ttl: int
    tcp_ab_fin_ns: int
    tcp_ba_fin_ns: int
    tcp_ab_rst_ns: int
    tcp_ba_rst_ns: int
    tcp_ab_out_of_order: int
    tcp_ba_out_of_order: int
    tcp_ab_skipped: int
    tcp_ba_skipped: int
    tcp_ab_skipped_bytes: int
    tcp_ba_skipped_bytes: int
    tcp_ab_segments: int
    tcp_ba_segments: int
    tcp_ab_payload_bytes: int
    tcp_ba_payload_bytes: int
    tcp_handshake_ns: int
    tcp_ab_rtt_ns: int
    tcp_ba_rtt_ns: int
    tcp_ab_rtt_min_ns: int
    tcp_ba_rtt_min_ns: int
    tcp_ab_zero_windows: int
    tcp_ba_zero_windows: int
    tcp_ab_segment_size: int
    tcp_ba_segment_size: int
    tcp_ab_window_scale: int
    tcp_ba_window_scale: int
    icmp_unanswered: int
    ip_fragments: int
    ip_fragment_errors: int
    server_name: str
    dns: str
    dhcpv4: str
    dhcpv6: str
    details: str
    def as_dict(self) -> dict[str, int | str]:
        """Return all columns."""

@final
class FlowIterator:
    """Flows of a FileMeter, which goes on when they run out."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Flow: ...

@final
class FileMeter:
    """Meters one capture file; iterate over it for the output, piece by piece (some may be empty)."""

    def __new__(
        cls,
        source: str | PathLike[str] | bytes,
        *,
        format: Literal["batches", "arrow", "jsonl", "csv", "columns", "none"] = "batches",
        into: str | PathLike[str] | None = None,
        node_tid: str = "",
        capture_id: str = "",
        host: str = "",
        update_s: float = 0.0,
        expire_s: float = 600.0,
        max_flows: int = 2000000,
        tcp_metrics: bool = True,
        reference_ids: bool = False,
        layer_key_mode: Literal["", "L2", "L3"] = "L2",
        ip_defrag: bool = False,
        bpf_filter: str = "",
        udp_ports: Sequence[str] = ...,
        application_ports: Sequence[str] = ...,
        threads: int = 0,
    ) -> FileMeter:
        """`source` is a path or the bytes of a file. "batches" gives Arrow IPC streams, "arrow" one Arrow IPC file;
        with "columns" nothing is written, and flows are taken from `flows` or `arrow_stream`. `into` names a file that
        the pieces are written to; they are empty then. OSError carries the name of the file that is in the way.
        `update_s` = period of reports in the time of the file; 0 = only at the end of each flow.
        `reference_ids` computes ids with the reference's flaws, for joining with data it wrote.
        `ip_defrag` puts IP fragments together. `bpf_filter` (tcpdump's language) leaves packets out. `udp_ports` are
        more ports of protocols: "51234=MPLS"; `application_ports` name applications by port, whatever they say:
        "tcp/8443=ADMIN". `threads` count, beside one that reads; 0 = one for each further processor that the process
        may use, at most 8; flows and their order do not depend on it. ValueError for a mistake in any of these."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> bytes: ...
    def flows(self) -> FlowIterator:
        """Return an iterator over flows. Whatever takes flows takes them from the same pass over the file."""

    def arrow_stream(self, fail_on_damage: bool = True) -> object:
        """Return a PyCapsule with an ArrowArrayStream that ends with an error where the file is damaged."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the same without that error."""

    @property
    def damage(self) -> str | None:
        """One line saying where and why the file could not be read further."""

    @property
    def damage_place(self) -> tuple[int, int, str] | None:
        """The same in parts: byte offset, packets before it, reason."""

    @property
    def bytes_read(self) -> int: ...
    @property
    def bytes_total(self) -> int | None:
        """Size of the input; None for a pipe."""

    def stats(self) -> FileStats: ...

def empty_flow_batch() -> bytes:
    """Return an Arrow IPC stream without rows: the columns of flow batches."""

def empty_packet_batch() -> bytes:
    """Return an Arrow IPC stream without rows: the columns of packet batches."""

def flows_to_json(stream: bytes) -> bytes:
    """Return the flows of an Arrow IPC stream as a JSON list of the objects that the reference's clients know."""

def flow_messages(stream: bytes, captures: list[str]) -> list[tuple[str, str, bytes]]:
    """Return the flows of these captures, each as (capture, TID of the node, JSON object)."""

def packets_to_pcapng(batches: list[bytes], comment: str = "") -> bytes:
    """Return the packets as a pcapng file: by time, one block per interface, comments with capture and flow."""

def packets_to_pcap(batches: list[bytes]) -> bytes:
    """Return the packets as a classic pcap file of one link type; valid also when there are none."""

def describe_packets(batch: bytes) -> list[PacketDescription]:
    """Return one line of information per packet of an Arrow IPC stream."""

def packet_facts(batch: bytes, captures: list[str]) -> bytes:
    """Return what the packets of some captures say, one JSON object a line: `netsonde.checks.facts.Packet`.

    ValueError for what is no Arrow stream.
    """

def match_bpf(batch: bytes, text: str) -> list[int]:
    """Return the rows of an Arrow stream of packets that a filter in tcpdump's language matches.

    ValueError carries libpcap's words.
    """

def packets_to_wire(batch: bytes) -> dict[str, list[WirePacket]]:
    """Return the packets by flow, as the query step RawPackets gives them."""

def check_bpf(text: str, link_type: int = 1) -> None:
    """Check a filter in tcpdump's language; ValueError carries libpcap's words. `link_type` is a DLT number."""

@final
class CaptureOptions:
    """What a capture asks of the engine. Times in ns; 0 = no limit."""

    def __new__(
        cls,
        *,
        bpf_filter: str = "",
        layer_key_mode: str = "L2",
        extra_tcp_metric: bool = True,
        first_packets: int = 1000,
        header_size: int = 256,
        ring_bytes: int = 4194304,
        ring_ns: int = 0,
        raw_packet_limit: int = -1,
        max_packets: int = 0,
        max_bytes: int = 0,
        max_duration_ns: int = 0,
        update_ns: int = 10000000000,
        expire_ns: int = 600000000000,
        max_flows: int = 500000,
        ip_defrag: bool = False,
        udp_ports: Sequence[str] = ...,
        application_ports: Sequence[str] = ...,
        sinks: Sequence[SinkSpec] = ...,
    ) -> CaptureOptions:
        """`first_packets` are kept whole; then a ring of `ring_bytes` keeps `header_size` bytes of each packet, of the
        first `raw_packet_limit` of each flow (-1 = of all, 0 = of none), for `ring_ns` at most."""

@final
class SinkSpec:
    """Where a capture is sent on to."""

    def __new__(
        cls,
        kind: str,
        *,
        target: str = "",
        number: int = 0,
        directory: str | PathLike[str] = "",
        rotate_bytes: int = 0,
        rotate_ns: int = 0,
        rotate_packets: int = 0,
        total_bytes: int = 1073741824,
        all_bytes: int = 0,
    ) -> SinkSpec:
        """`kind` = netflow5, netflow9, ipfix, vxlan (`target` = ADDRESS:PORT), erspan (an IPv4 address), pcapng
        (`directory`). `number` = observation domain, VNI or session. ValueError for a target that is none."""

@final
class TapEvent:
    """Something that happened to a capture on an interface. Times are Unix ns."""

    kind: Literal["started", "first_packet", "finished", "failed", "link_gone", "stopped"]
    capture_id: str
    netns: int
    ifindex: int
    ifname: str
    node_tid: str
    time_ns: int
    reason: str
    lookback_packets: int
    armed_before_up: bool

@final
class TapStats:
    """Counters of one capture on one interface."""

    capture_id: str
    netns: int
    ifindex: int
    ifname: str
    node_tid: str
    packets: int
    bytes: int
    dropped: int
    """Frames lost by the kernel, or by a full look-back buffer, while this capture listened."""
    lookback_packets: int
    first_packet_ns: int
    not_kept: int
    """Packets for which there was no memory."""
    evicted_flows: int
    """Flows ended because the table was full."""
    streams_refused: int
    """Connections whose first bytes found no room, so that their application stays unknown."""
    fragments_lost: int
    """Packets in pieces that never became whole: the rest did not come, or memory was full."""
    fragment_errors: int
    """Packets whose pieces contradict each other."""
    armed_before_up: bool
    bind_delay_ns: int
    """From link message to bound tap; 0 for a tap without look-back."""
    bound_ns: int
    """Monotonic time at which the tap was bound."""
    ring_bytes: int
    """0 = a plain socket."""
    finished: bool
    link_gone: bool
    source_lost: int
    """What exporters sent and did not arrive, or lost themselves, by their own numbers."""
    source_refused: int
    """What arrived and cannot be read."""
    counter_records: int
    """Records in which exporters told their own counters."""
    sinks: list[tuple[str, int, int, str]]
    """Kind, sent, dropped and last failure of each sink."""

@final
class ToldCounters:
    """Counters that exporters told of themselves, by the reference's names."""

    interfaces: list[tuple[str, int, dict[str, int]]]
    """(exporter, ifIndex, totals) of each interface."""
    sum: dict[str, int]
    """Totals of all data sources: interfaces, VLANs, datapaths, processes."""
    grown: dict[str, int]
    """What they grew by since the capture listens."""
    levels: dict[str, int]
    """Of `sum` what goes up and down."""

@final
class CaptureCore:
    """Captures on live interfaces, and look-back taps on interfaces that have just appeared."""

    def __new__(
        cls,
        *,
        host: str,
        lookback_ns: int = 10000000000,
        pool_size: int = 256,
        realtime: bool = True,
        threads: int = 0,
        lookback_bytes: int = 268435456,
        lookback_bytes_each: int = 16777216,
        kept_bytes: int = 536870912,
    ) -> CaptureCore:
        """`lookback_ns` = how long frames of a new interface are kept, 0 = no look-back. `threads` meter packets, 0 =
        one for each processor that the process may use, at most 8. Limits of memory in bytes."""

    @property
    def event_fd(self) -> int:
        """Descriptor that is readable when `events()` has something."""

    def events(self) -> list[TapEvent]: ...
    def arm(self, armed: bool) -> None:
        """Bind look-back taps to new interfaces from now on, or no more."""

    def add_namespace(self, key: int, fd: int, existing: bool = False) -> None:
        """Watch a network namespace; `key` is its inode, `fd` stays the caller's. `existing` = its present interfaces
        need no look-back. Names in /run/netns are found without."""

    def remove_namespace(self, key: int) -> None: ...
    def start(
        self,
        capture_id: str,
        netns: int,
        ifindex: int,
        ifname: str,
        node_tid: str,
        options: CaptureOptions,
    ) -> None:
        """Start a capture on an interface; `started` or `failed` follows. ValueError for a filter's mistake."""

    def count_in_kernel(
        self,
        capture_id: str,
        netns: int,
        ifindex: int,
        ifname: str,
        node_tid: str,
        options: CaptureOptions,
        hook: str = "best",
    ) -> None:
        """Like `start`, with a program in the kernel that counts instead of packets that are read. `hook` = best, tcx
        or socket. A filter may name only what all packets of a flow have in common."""

    def listen(
        self,
        capture_id: str,
        netns: int,
        ifindex: int,
        ifname: str,
        node_tid: str,
        options: CaptureOptions,
        kind: str,
        address: str,
        default_rate: int = 1,
    ) -> str:
        """Listen on `address` (port 0 = any) for what others see: `kind` = sflow, records (NetFlow and IPFIX; unless
        they tell, one packet in `default_rate` was seen) or pcap (over TCP). Returns the address as bound; `started`
        follows. ValueError when that is impossible."""

    def stop(self, capture_id: str, netns: int, ifindex: int) -> None:
        """Stop a capture on an interface; `stopped` follows. Its packets stay readable for some minutes."""

    def forget(self, capture_id: str) -> None:
        """Give up the kept packets of a capture that was stopped."""

    def stats(self) -> list[TapStats]: ...
    def told(self, capture_id: str, netns: int, ifindex: int) -> ToldCounters | None:
        """Counters that exporters told a capture; None for one that hears of none."""

    def take_flows(self) -> list[bytes]:
        """Flow reports since the last call, as Arrow IPC streams."""

    def snapshot_flows(
        self,
        node_tids: list[str] | None = None,
        capture_ids: list[str] | None = None,
        tests: list[list[tuple[str, str, list[str | int | None]]]] = ...,
        limit: int | None = None,
    ) -> list[bytes]:
        """Present flows of running captures, the latest first; None = no restriction.

        Of each member of `tests` one must hold: (column, "in" | "not_in" | "range" | "network", values). ValueError
        for one that makes no sense.
        """

    def take_packets(self) -> list[bytes]:
        """First packets newly kept since the last call, as Arrow IPC streams."""

    def packets(
        self,
        capture_id: str,
        node_tids: list[str] | None = None,
        flow_uuids: list[int] | None = None,
        after: int = -1,
        limit: int = 10000,
        since_ns: dict[str, int] | None = None,
    ) -> list[bytes]:
        """Kept packets of a capture with a number greater than `after`, at most `limit`; None = no restriction.
        `since_ns` = by TID, the Unix time at which the first of them may have been seen."""

    def watcher_status(self) -> dict[str, bool | int | dict[str, str] | dict[int, int]]:
        """The link watcher and its helpers: `armed`, `scheduling`, `pools`, and counters."""

    def close(self) -> None:
        """End all threads and close every socket. What was not taken is lost."""

@final
class ProbeOptions:
    """What is sent. `kind` is icmp4 … dns6; MACs are 6 bytes; `vlan_tci` is priority, DEI and id of a tag.

    Without `payload` each packet carries `run_id`, its number, and letters up to `size` bytes. Raises ValueError.
    """

    def __init__(
        self,
        *,
        kind: str,
        source: str,
        target: str,
        source_mac: bytes,
        target_mac: bytes,
        run_id: str,
        source_port: int = 0,
        target_port: int = 0,
        icmp_id: int = 0,
        ttl: int = 64,
        dscp: int = 0,
        dont_fragment: bool = False,
        vlan_tci: int | None = None,
        payload: bytes | None = None,
        size: int = 56,
        increment: int = 0,
        random: bool = False,
        seed: int = 0,
        name: str = "",
        record_type: int = 1,
    ) -> None: ...

@final
class RecordedFrames:
    """Whole Ethernet frames of a pcap or pcapng file, or one frame; ValueError says what is wrong with them."""

    def __init__(self, file: bytes) -> None: ...
    @staticmethod
    def single(frame: bytes) -> RecordedFrames: ...
    def __len__(self) -> int: ...

@final
class Injection:
    """A run under way: packets sent through an interface, and their answers. Times in ns.

    `netns_fd` stays the caller's. One of `probe` and `frames` is needed; `scale` 0 = frames at `interval_ns`.
    With `inbound` packets enter through the interface, as if what hangs on it had sent them.
    """

    def __init__(
        self,
        *,
        netns_fd: int,
        netns: int,
        ifindex: int,
        count: int,
        interval_ns: int,
        least_gap_ns: int,
        timeout_ns: int,
        probe: ProbeOptions | None = None,
        next_hop: str | None = None,
        frames: RecordedFrames | None = None,
        scale: float = 0.0,
        inbound: bool = False,
    ) -> None: ...
    @property
    def event_fd(self) -> int:
        """Descriptor that is readable when `progress()` has something new."""

    def progress(self) -> dict[str, Any]:
        """Return `state` (running, finished, stopped, failed), `reason`, totals, and `outcomes` since the last call:
        (number, sent at in Unix ns, RTT in ns or -1, verdict or "lost", from, note)."""

    def stop(self) -> None:
        """Send nothing more; waits until that is so."""
