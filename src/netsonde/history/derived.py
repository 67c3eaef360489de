# SPDX-License-Identifier: Apache-2.0
"""Tables whose columns are those of the Arrow batches of flows and packets.

Source of truth: `netsonde.flows.schema`. Batches go into these tables as they come; what is here besides their
columns is when a row was recorded, by which it is partitioned and dropped: a packet file of ten years ago is kept
as long as today's traffic.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from netsonde.flows.schema import FLOW_SCHEMA, PACKET_SCHEMA

_NAMES = frozenset(
    {
        "node_tid",
        "host",
        "capture_id",
        "ifname",
        "layers_path",
        "application",
        "link_protocol",
        "link_a",
        "link_b",
        "network_protocol",
        "transport_protocol",
        "icmp_type",
        "client",
    }
)
"""Text columns with few different values."""

_KINDS: dict[pa.DataType, str] = {
    pa.uint8(): "UInt8",
    pa.uint16(): "UInt16",
    pa.uint32(): "UInt32",
    pa.uint64(): "UInt64",
    pa.int8(): "Int8",
    pa.int16(): "Int16",
    pa.int32(): "Int32",
    pa.int64(): "Int64",
    pa.bool_(): "Bool",
    pa.float64(): "Float64",
    pa.utf8(): "String",
    pa.binary(): "String",
}


def column_kind(field: "pa.Field") -> str:
    """Return the type and codec of the column that holds an Arrow field."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    name = _KINDS.get(kind)
    if name is None:
        raise TypeError(f"no column type for {field.name}: {field.type}")
    if field.name in _NAMES:
        return "LowCardinality(String)"
    if name == "String":
        return "String CODEC(ZSTD(1))"
    if field.name.endswith("_ns"):
        return f"{name} CODEC(Delta, ZSTD(1))"
    return f"{name} CODEC(ZSTD(1))"


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """A table made of (some) fields of a schema."""

    name: str
    schema: "pa.Schema"
    order: str
    version: str = ""
    """Of rows with the same `order`, merges keep the one with the greatest value of this column."""
    indexes: tuple[str, ...] = ()

    def columns(self) -> dict[str, str]:
        kinds = {field.name: column_kind(field) for field in self.schema}
        return kinds | {"recorded_at": "DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD(1))"}

    @property
    def names(self) -> list[str]:
        return list(self.schema.names)

    def create(self) -> str:
        parts = [f"{name} {kind}" for name, kind in self.columns().items()]
        parts += [f"INDEX {index}" for index in self.indexes]
        return (
            f"CREATE TABLE IF NOT EXISTS {self.name} ({', '.join(parts)}) ENGINE = ReplacingMergeTree({self.version}) "
            f"PARTITION BY toDate(recorded_at) ORDER BY ({self.order})"
        )


def _subset(schema: "pa.Schema", names: Iterable[str]) -> "pa.Schema":
    return pa.schema([schema.field(name) for name in names])


FLOWS = DerivedTable(
    "flows",
    FLOW_SCHEMA,
    "node_tid, uuid, capture_id",
    "report_number",
    (
        "uuid_of uuid TYPE bloom_filter(0.01) GRANULARITY 1",
        "start_of start_ns TYPE minmax GRANULARITY 1",
        "last_of last_ns TYPE minmax GRANULARITY 1",
    ),
)
FLOW_METRICS = DerivedTable(
    "flow_metrics",
    _subset(
        FLOW_SCHEMA,
        (
            "uuid",
            "node_tid",
            "capture_id",
            "lu_start_ns",
            "lu_last_ns",
            "lu_ab_packets",
            "lu_ab_bytes",
            "lu_ba_packets",
            "lu_ba_bytes",
            "rtt_ns",
        ),
    ),
    "uuid, node_tid, capture_id, lu_start_ns, lu_last_ns",
)
PACKETS = DerivedTable(
    "packets",
    PACKET_SCHEMA,
    # The number alone would not do: it begins anew with each tap, and a TID outlives its interface.
    "capture_id, node_tid, ts_ns, number",
    indexes=(
        "flow_of flow_uuid TYPE bloom_filter(0.01) GRANULARITY 1",
        "ts_of ts_ns TYPE minmax GRANULARITY 1",
    ),
)

FLOW_METRICS_VIEW = (
    "CREATE MATERIALIZED VIEW IF NOT EXISTS flow_metrics_of_flows TO flow_metrics AS "
    f"SELECT {', '.join(FLOW_METRICS.names)} FROM flows WHERE lu_last_ns > 0"
)
"""Each report's last period goes into `flow_metrics` with the same insert, although `flows` keeps the last report."""
