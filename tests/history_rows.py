# SPDX-License-Identifier: Apache-2.0
"""Batches of flows and packets with any values, for tests of history."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from netsonde.flows.schema import FLOW_SCHEMA, PACKET_SCHEMA


def stream(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as one Arrow stream; columns that are not given are zero or empty."""
    arrays = [pa.array([row.get(field.name, _nothing(field.type)) for row in rows], field.type) for field in schema]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    return bytes(sink.getvalue().to_pybytes())


def _nothing(kind: pa.DataType) -> object:
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_binary(kind):
        return b""
    return False if pa.types.is_boolean(kind) else 0


def flows(*rows: Mapping[str, Any]) -> bytes:
    return stream(FLOW_SCHEMA, rows)


def flow(uuid: int, start_ms: int, last_ms: int, **values: Any) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "node_tid": "tid",
        "start_ns": start_ms * 1_000_000,
        "last_ns": last_ms * 1_000_000,
        "lu_start_ns": start_ms * 1_000_000,
        "lu_last_ns": last_ms * 1_000_000,
        **values,
    }


def packets(*rows: Mapping[str, Any]) -> bytes:
    return stream(PACKET_SCHEMA, rows)


def packet(number: int, ts_ms: int, **values: Any) -> dict[str, Any]:
    return {
        "number": number,
        "ts_ns": ts_ms * 1_000_000,
        "data": b"\xff\x00" * 7,
        "node_tid": "tid",
        "capture_id": "c",
        **values,
    }


def now_ms() -> int:
    return time.time_ns() // 1_000_000
