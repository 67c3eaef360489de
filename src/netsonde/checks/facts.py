# SPDX-License-Identifier: Apache-2.0
"""What packets and flow reports say, as far as steps judge by it.

Source: `native/meter/src/facts.rs` reads the packets; what it could not read is absent here.
"""

import io
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from netsonde._native import packet_facts
from netsonde.errors import WireError

SYN, RST, ACK = 0x02, 0x04, 0x10


class Neighbour(msgspec.Struct, frozen=True, gc=False):
    """A question for an address on the link, or a claim to it; ARP and neighbour discovery alike."""

    asks: bool
    address: str
    speaker: str
    mac: str


class Dhcp(msgspec.Struct, frozen=True):
    """One message. `client` is a MAC address, or the DUID in hex; `server` an address, or a DUID."""

    version: int
    kind: str
    xid: int
    client: str
    from_client: bool
    address: str
    server: str
    routers: list[str]
    dns_servers: list[str]
    message: str
    prefix_length: int = 0
    """Of the network that the address is in; 0 = the message does not say."""


class Dns(msgspec.Struct, frozen=True, gc=False):
    """One message; `name` is the first that is asked for."""

    id: int
    answers: bool
    name: str
    code: str
    records: int


class Echo(msgspec.Struct, frozen=True, gc=False):
    """An ICMP echo request or reply."""

    asks: bool
    id: int
    sequence: int


class Error(msgspec.Struct, frozen=True, gc=False):
    """An ICMP error about a packet to `target`."""

    target: str
    port_source: int | None = None
    port_destination: int | None = None
    mtu: int | None = None
    """What would have fitted, 0 = it does not say; None = the packet was not too big."""


class Packet(msgspec.Struct, frozen=True):
    """One packet of a captured interface; texts are empty and ports None where it has none."""

    capture_id: str
    node_tid: str
    number: int
    """Position among the packets of this capture on this interface."""
    time_ns: int
    flow: str
    """UUID of its flow; "0" = none."""
    protocol: str
    """The last layer that was read."""
    mac_source: str = ""
    mac_destination: str = ""
    vlan_ids: int = 0
    source: str = ""
    destination: str = ""
    port_source: int | None = None
    port_destination: int | None = None
    length: int = 0
    """Bytes of the IP packet."""
    tcp_flags: int = 0
    tcp_sequence: int = 0
    tcp_payload: int = 0
    """Bytes."""
    tcp_segment_size: int = 0
    """What a SYN offers; 0 = nothing."""
    prefixes: list[str] = []
    """Of a router advertisement: where hosts form addresses of their own."""
    error: Error | None = None
    echo: Echo | None = None
    neighbour: Neighbour | None = None
    dhcp: Dhcp | None = None
    dns: Dns | None = None


class FlowSeen(msgspec.Struct, frozen=True, gc=False):
    """A flow on one interface: what tells it again elsewhere."""

    uuid: str
    tracking_id: str
    node_tid: str
    start_ns: int
    vlan_ids: int


_packets = msgspec.json.Decoder(Packet)
_FLOW_COLUMNS = pa.schema(
    {
        "uuid": pa.uint64(),
        "tracking_id": pa.uint64(),
        "node_tid": pa.string(),
        "start_ns": pa.int64(),
        "link_id": pa.int64(),
    }
)


def packets_of(batch: bytes, captures: Iterable[str]) -> list[Packet]:
    """Return the packets of some captures in an Arrow IPC stream; raises WireError when it is none."""
    try:
        return _packets.decode_lines(packet_facts(batch, list(captures)))
    except (ValueError, msgspec.MsgspecError) as broken:
        raise WireError(f"no batch of packets: {broken}") from broken


def flows_of(batch: bytes, captures: Collection[str]) -> list[FlowSeen]:
    """Return the flows of some captures in an Arrow IPC stream; raises WireError when it is none."""
    try:
        table = pa.ipc.open_stream(io.BytesIO(batch)).read_all()
        wanted = table.filter(pc.is_in(table.column("capture_id"), pa.array(sorted(captures), pa.string())))
        known = wanted.select(_FLOW_COLUMNS.names).cast(_FLOW_COLUMNS)
    except (pa.ArrowException, KeyError, ValueError) as broken:
        raise WireError(f"no batch of flows: {broken}") from broken
    empty = [name for name in known.column_names if known.column(name).null_count]
    if empty:
        raise WireError(f"no batch of flows: {', '.join(empty)} without a value")
    columns = zip(*known.to_pydict().values(), strict=True)
    return [FlowSeen(f"{uuid:x}", f"{tracking:x}", tid, start, vlan) for uuid, tracking, tid, start, vlan in columns]


def flow_of(flow: Mapping[str, Any]) -> FlowSeen | None:
    """Return a flow as an agent's table gives it, None when it lacks what is needed."""
    link = flow.get("Link")
    vlan = link.get("ID", 0) if isinstance(link, Mapping) else 0
    try:
        return FlowSeen(flow["UUID"], flow["TrackingID"], flow["NodeTID"], int(flow["Start"]) * 1_000_000, int(vlan))
    except (KeyError, TypeError, ValueError):
        return None
