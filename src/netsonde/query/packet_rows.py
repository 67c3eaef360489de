# SPDX-License-Identifier: Apache-2.0
"""Packet batches as JSON: by flow, in the shape of the reference's raw packets."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from netsonde.model.elements import Json
from netsonde.query.rows import Packets

PacketJson: TypeAlias = dict[str, Json]


def packets_by_flow(parts: Sequence[Packets]) -> dict[str, list[PacketJson]]:
    """Return the packets of each flow, in the order in which they were captured."""
    found: dict[str, list[tuple[int, PacketJson]]] = {}
    for part in parts:
        for batch in part.batches:
            for uuid, number, packet in _decode(batch):
                if uuid in part.flow_uuids:
                    found.setdefault(uuid, []).append((number, packet))
    return {
        uuid: [packet for _, packet in sorted(packets, key=lambda pair: pair[0])] for uuid, packets in found.items()
    }


def _decode(batch: bytes) -> Iterable[tuple[str, int, PacketJson]]:
    # Only packets need Arrow, and importing it costs each command of the CLI a fifth of a second.
    import pyarrow as pa

    table = pa.ipc.open_stream(batch).read_all()
    columns = (table[name].to_pylist() for name in ("flow_uuid", "number", "ts_ns", "data", "link_type"))
    for flow_uuid, number, ts_ns, data, link_type in zip(*columns, strict=True):
        # Flows name themselves in hexadecimal without leading zeros.
        yield (
            f"{flow_uuid:x}",
            number,
            {
                "Timestamp": ts_ns // 1_000_000,
                "Index": number,
                "Data": b64encode(data).decode(),
                "LinkType": link_type,
            },
        )
