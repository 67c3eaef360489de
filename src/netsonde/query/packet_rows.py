# SPDX-License-Identifier: Apache-2.0
"""Packet batches as rows, one a packet, and back into batches."""

import io
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence

from netsonde.model.elements import Json, Metadata
from netsonde.query.rows import Packet, PacketBatch

WIRE: tuple[str, ...] = ("Timestamp", "Index", "Data", "LinkType")
"""Members of a packet's JSON, as the reference serves them; the others can only be asked for by key."""


def packet_rows(streams: Iterable[bytes], flow_uuids: frozenset[str]) -> Iterator[Packet]:
    """Yield the packets of some flows, by flow and then in the order in which they were captured."""
    found = [packet for stream in streams for packet in _decode(PacketBatch(stream)) if packet.key in flow_uuids]
    # Flows in the order in which they appear, so that the same packets always come in the same order.
    order = {key: at for at, key in reversed(list(enumerate(packet.key for packet in found)))}
    yield from sorted(found, key=lambda packet: (order[packet.key], _index(packet)))


def _index(packet: Packet) -> int:
    index = packet.data["Index"]
    return index if isinstance(index, int) else 0


def _decode(batch: PacketBatch) -> Iterator[Packet]:
    # Only packets need Arrow, and importing it costs each command of the CLI a fifth of a second.
    import pyarrow as pa

    table = pa.ipc.open_stream(batch.stream).read_all()
    names = set(table.column_names)

    def column(name: str, missing: Json) -> list[Json]:
        return table[name].to_pylist() if name in names else [missing] * table.num_rows

    uuids, numbers, times = column("flow_uuid", 0), column("number", 0), column("ts_ns", 0)
    data, links, lengths = column("data", None), column("link_type", 1), column("wire_len", 0)
    texts = {key: column(name, "") for key, name in _TEXTS}
    for row in range(table.num_rows):
        more: Metadata = {key: _text(values[row]) for key, values in texts.items()}
        # Flows name themselves in hexadecimal without leading zeros.
        uuid = f"{uuids[row]:x}"
        yield Packet(
            uuid,
            {
                "Timestamp": int(times[row] or 0) // 1_000_000,  # type: ignore[arg-type]
                "Index": numbers[row],
                "Data": b64encode(data[row] or b"").decode(),  # type: ignore[arg-type]
                "LinkType": links[row],
                "Length": lengths[row],
                "FlowUUID": uuid,
                **more,
            },
            batch,
            row,
        )


_TEXTS = (("NodeTID", "node_tid"), ("CaptureID", "capture_id"), ("Interface", "ifname"), ("Host", "host"))


def _text(value: object) -> str:
    # History gives text as bytes, so that nothing in it is refused.
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def packets_by_flow(packets: Sequence[Packet]) -> dict[str, list[Metadata]]:
    """Return the JSON of packets, by the UUID of their flow."""
    found: dict[str, list[Metadata]] = {}
    for packet in packets:
        found.setdefault(packet.key, []).append({name: packet.data[name] for name in WIRE})
    return found


def packet_streams(packets: Sequence[Packet]) -> list[bytes]:
    """Return Arrow IPC streams of just these packets; one that is needed whole as it came."""
    chosen: dict[int, tuple[PacketBatch, list[int]]] = {}
    for packet in packets:
        chosen.setdefault(id(packet.batch), (packet.batch, []))[1].append(packet.row)
    return [_taken(batch, rows) for batch, rows in chosen.values()]


def _taken(batch: PacketBatch, rows: list[int]) -> bytes:
    import pyarrow as pa

    table = pa.ipc.open_stream(batch.stream).read_all()
    if rows == list(range(table.num_rows)):
        return batch.stream
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.take(rows).combine_chunks())
    return sink.getvalue()
