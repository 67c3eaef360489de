# SPDX-License-Identifier: Apache-2.0
"""Packet batches as a classic pcap file, for clients of the reference: microseconds, true lengths, in time order."""

import io
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

_HEADER = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")
_SNAPLEN = 262_144
_ETHERNET = 1


class Packet(NamedTuple):
    """One kept packet; `ts_ns` is Unix time."""

    ts_ns: int
    wire_length: int
    link_type: int
    data: bytes


def read_batch(batch: bytes) -> Iterator[Packet]:
    """Yield the packets of an Arrow IPC stream as the capture core writes it."""
    with pa.ipc.open_stream(io.BytesIO(batch)) as stream:
        for part in stream:
            columns = (part.column(name).cast(kind).to_pylist() for name, kind in _COLUMNS)
            yield from map(Packet._make, zip(*columns, strict=True))


_COLUMNS = (("ts_ns", pa.int64()), ("wire_len", pa.int64()), ("link_type", pa.int64()), ("data", pa.binary()))


def to_pcap(batches: Sequence[bytes]) -> bytes:
    """Return a whole file; a classic pcap has one link type, so packets of others than the first's are left out."""
    packets = sorted(packet for batch in batches for packet in read_batch(batch))
    link_type = packets[0].link_type if packets else _ETHERNET
    out = io.BytesIO()
    out.write(_HEADER.pack(0xA1B2C3D4, 2, 4, 0, 0, _SNAPLEN, link_type))
    for packet in packets:
        if packet.link_type == link_type:
            seconds, nanoseconds = divmod(packet.ts_ns, 1_000_000_000)
            out.write(_RECORD.pack(seconds, nanoseconds // 1000, len(packet.data), packet.wire_length))
            out.write(packet.data)
    return out.getvalue()
