# SPDX-License-Identifier: Apache-2.0
"""The injection resource: packets to be sent, and what became of them.

Wire names are those that clients of the reference send and expect; ours are additive. Durations on the wire are ms.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal, get_args

import msgspec

InjectionState = Literal["starting", "running", "finished", "failed", "stopped", "interrupted"]
"""interrupted = nobody knows what was sent after the last report: an agent or an analyzer went away meanwhile."""
ENDED: frozenset[InjectionState] = frozenset({"finished", "failed", "stopped", "interrupted"})
PacketType = Literal[
    "icmp4", "icmp6", "tcp4", "tcp6", "udp4", "udp6", "arp", "nd", "dhcp4", "dns4", "dns6", "raw", "pcap"
]
PACKET_TYPES: tuple[str, ...] = get_args(PacketType)


class Injection(msgspec.Struct, frozen=True):
    """An injection as it is stored in the bucket `injections` (key: its UUID), and as REST accepts and serves it."""

    uuid: str = msgspec.field(name="UUID", default="")
    src: str = msgspec.field(name="Src", default="")
    """Gremlin: every interface that it finds sends."""
    dst: str = msgspec.field(name="Dst", default="")
    """Gremlin: the first node that it finds gives the target's addresses."""
    src_ip: str = msgspec.field(name="SrcIP", default="")
    dst_ip: str = msgspec.field(name="DstIP", default="")
    src_mac: str = msgspec.field(name="SrcMAC", default="")
    dst_mac: str = msgspec.field(name="DstMAC", default="")
    src_port: int = msgspec.field(name="SrcPort", default=0)
    """0 = a random one."""
    dst_port: int = msgspec.field(name="DstPort", default=0)
    """0 = 53 for DNS, 33434 for UDP, a random one for TCP."""
    type: str = msgspec.field(name="Type", default="")
    payload: str = msgspec.field(name="Payload", default="")
    """Sent as it is; when it is empty each packet carries the UUID, its number, and letters up to `Size`."""
    icmp_id: int = msgspec.field(name="ICMPID", default=0)
    """0 = a random one."""
    count: int = msgspec.field(name="Count", default=0)
    """Packets from each interface; 0 = one, or a whole packet file once."""
    interval_ms: int = msgspec.field(name="Interval", default=0)
    """0 = as fast as the agent's limit allows, or as recorded for a packet file."""
    mode: str = msgspec.field(name="Mode", default="unique")
    """unique: every interface has a source port and ICMP id of its own; random: every packet has."""
    increment_payload: int = msgspec.field(name="IncrementPayload", default=0)
    start_time: str = msgspec.field(name="StartTime", default="0001-01-01T00:00:00Z")
    """Unused, as in the reference."""
    pcap: bytes | None = msgspec.field(name="Pcap", default=None)
    """A pcap or pcapng file to be replayed as it is."""
    ttl: int = msgspec.field(name="TTL", default=64)
    """TTL or hop limit; 0 = 64."""
    # From here on: ours.
    name: str = msgspec.field(name="Name", default="")
    frame: bytes | None = msgspec.field(name="Frame", default=None)
    """A whole Ethernet frame for type `raw`."""
    size: int = msgspec.field(name="Size", default=56)
    """Bytes of a payload that is not given."""
    vlan: int = msgspec.field(name="VLAN", default=0)
    """Id of an 802.1Q tag; 0 = none."""
    vlan_priority: int = msgspec.field(name="VLANPriority", default=0)
    dscp: int = msgspec.field(name="DSCP", default=0)
    dont_fragment: bool = msgspec.field(name="DontFragment", default=False)
    timeout_ms: int = msgspec.field(name="Timeout", default=1000)
    """How long an answer is waited for."""
    time_scale: float = msgspec.field(name="TimeScale", default=0.0)
    """Speed of a replay: 2 = twice as fast as recorded; 0 = by `Interval` when that is given, else as recorded."""
    inbound: bool = msgspec.field(name="Inbound", default=False)
    """The packets enter through the interface, as if the guest behind it had sent them; else they go out through it,
    towards a guest."""
    dns_name: str = msgspec.field(name="DNSName", default="")
    dns_type: str = msgspec.field(name="DNSType", default="A")
    created_at: int = msgspec.field(name="CreatedAt", default=0)
    """Unix ms, set by the server."""
    created_by: str = msgspec.field(name="CreatedBy", default="")
    """Who asked for it, set by the server: the address of the client."""
    expires_at: int = msgspec.field(name="ExpiresAt", default=0)
    """Unix ms at which it deletes itself (from X-Resource-TTL); 0 = some time after its end."""


class ProbeResult(msgspec.Struct, frozen=True, rename="pascal"):
    """What became of one packet."""

    number: int
    """Position in its run, from 0."""
    sent_ns: int
    """Unix time."""
    rtt_ns: int = msgspec.field(name="RTT")
    """ns, -1 = nothing came."""
    verdict: str
    """reply, reset (the port is closed, the host is there), unreachable, time-exceeded, too-big, lost, another (a
    further answer to ARP, ND or DHCP)."""
    source: str = msgspec.field(name="From", default="")
    """Who answered."""
    note: str = ""
    """What the answer says: an offered address, a code of DNS, a MAC address."""


class Totals(msgspec.Struct, frozen=True, rename="pascal"):
    """The account of one interface, or of all. RTTs in ns, 0 = no answer came."""

    sent: int = 0
    octets: int = 0
    received: int = 0
    """Answered by the target itself."""
    refused: int = 0
    """Answered by somebody who says that it cannot be delivered."""
    lost: int = 0
    """Not answered within `Timeout`."""
    repeated: int = 0
    """Answers to what had been answered, or given up, already."""
    failed: int = 0
    """Packets that the kernel would not send."""
    late: int = 0
    """Packets sent more than 10 ms after their time."""
    results_dropped: int = 0
    """Results that came faster than they could be passed on; the other numbers have them."""
    rtt_min: int = msgspec.field(name="RTTMin", default=0)
    rtt_mean: int = msgspec.field(name="RTTMean", default=0)
    rtt_max: int = msgspec.field(name="RTTMax", default=0)
    rtt_deviation: int = msgspec.field(name="RTTDeviation", default=0)


class NodeInjection(msgspec.Struct, frozen=True, rename="pascal"):
    """One interface of an injection."""

    node_id: str = msgspec.field(name="NodeID")
    name: str
    host: str
    source: str
    """Address that it sends from, "" for frames sent as they are."""
    target: str
    state: InjectionState = "starting"
    reason: str = ""
    totals: Totals = Totals()
    results: list[ProbeResult] = []
    """The latest ones."""


class InjectionStatus(msgspec.Struct, frozen=True, rename="pascal"):
    """Where an injection is (bucket `injection-status`, key: its UUID). Times are Unix ms."""

    owner: str
    """Host of the analyzer that runs it."""
    state: InjectionState
    since: int
    at: int
    """When this was written; while it runs, at least every second."""
    reason: str = ""
    totals: Totals = Totals()
    nodes: list[NodeInjection] = []


class InjectionView(Injection, frozen=True):
    """An injection as the API serves it: `Pcap` is null, whether or not there was a packet file."""

    status: InjectionStatus | None = msgspec.field(name="Status", default=None)


class InjectionChange(msgspec.Struct, frozen=True):
    """News of an injection."""

    kind: Literal["Added", "Updated", "Deleted"]
    view: InjectionView


class AuditRecord(msgspec.Struct, frozen=True, rename="pascal"):
    """Who injected what (bucket `injection-audit`); outlives the injection."""

    at: int
    """Unix ms."""
    who: str
    action: Literal["created", "deleted"]
    uuid: str = msgspec.field(name="UUID")
    type: str = ""
    count: int = 0
    sources: list[str] = []
    """`interface@host (address)` of each."""
    target: str = ""
    number: int = 0
    """Where it is in the log, set when it is read: the next page is what is `before` the last one's."""


class InjectRequest(msgspec.Struct, frozen=True):
    """What an analyzer asks of the agent that has the interface: everything resolved."""

    injection: Injection
    node_id: str
    source: str = ""
    target: str = ""
    source_mac: str = ""
    target_mac: str = ""
    """"" = it is asked for at `next_hop`."""
    next_hop: str = ""
    source_port: int = 0
    target_port: int = 0
    icmp_id: int = 0


class InjectProgress(msgspec.Struct, frozen=True):
    """What the agent says while a run goes on; the last one has a state that is an end."""

    state: InjectionState
    reason: str
    totals: Totals
    results: list[ProbeResult]


def seed_of(uuid: str, node_id: str) -> int:
    """Return the 64 bits that ids of an injection's packets are made from: the transaction of its first packet is the
    low half. Who knows the injection knows its packets again."""
    return int.from_bytes(blake2b(f"{uuid} {node_id}".encode(), digest_size=8).digest())


RECORD_TYPES: Mapping[str, int] = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
"""Types of DNS records that can be asked for."""
