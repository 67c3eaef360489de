# SPDX-License-Identifier: Apache-2.0
"""Tables whose columns are those of the Arrow batches of flows and packets.

Source of truth: `netsonde.flows.schema`. Batches go into these tables as they come; what is here besides their
columns is when a row was recorded, by which it is partitioned and dropped: a packet file of ten years ago is kept
as long as today's traffic.

What a column says may follow from others: many times of a flow are those of its first or last packet, or near them,
and the counters of its last period those of all. Such a column is stored as what it differs by, under another name,
and served under its own; that is more than half of what a row would take. The table has no ALIAS columns for that: the
engine works through all of them for every query, 25 ms whatever it asks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from netsonde.flows.schema import FLOW_SCHEMA, PACKET_SCHEMA
from netsonde.history.community import COMMUNITY, COMMUNITY_SQL, HAS_PORTS_SQL, WITH_PORTS, community_ids
from netsonde.history.l3_tracking import COLUMNS as L3_COLUMNS
from netsonde.history.l3_tracking import L3_TRACKING, mixed, mixed_sql

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
        "client_by",
    }
)
"""Text columns with few different values."""

_ADDRESSES = frozenset({"network_a", "network_b"})
"""Text columns whose values come again: a dictionary of each block of rows takes half the room of the texts. Where
none comes again the dictionary is as long as the texts."""

_IN_ORDER = frozenset({"tracking_id", "ts_ns", "place"})
"""Columns that rows lie in the order of, within a range at least; of others the differences take more room."""

_OF_A_RANGE = frozenset(
    {
        *("start_ns", "last_ns", "lu_start_ns", "lu_last_ns", "rtt_ns", "hour"),
        *("ab_packets", "ab_bytes", "ba_packets", "ba_bytes", "tcp_ab_segments", "tcp_ba_segments"),
        *("lu_ab_packets", "lu_ab_bytes", "lu_ba_packets", "lu_ba_bytes"),
    }
)
"""Numbers that differ in few of their bits within a block of rows; the bits that all share are left out."""

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
    if field.name in _NAMES | _ADDRESSES:
        return "LowCardinality(String) CODEC(ZSTD(1))"
    if name == "String":
        return "String CODEC(ZSTD(1))"
    if field.name in _IN_ORDER:
        return f"{name} CODEC(Delta, ZSTD(1))"
    if field.name in _OF_A_RANGE:
        return f"{name} CODEC(T64, ZSTD(1))"
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
    near: Mapping[str, str] = field(default_factory=dict)
    """Columns that are stored as what they differ by from another column, or from the sum of some ("a + b")."""
    former: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Columns of earlier builds that say the same otherwise: the column as it is served, and its SQL in terms of it."""
    recorded_at: str = "now()"
    """SQL of the time by which a row is kept, as it is inserted."""
    small: bool = False
    """Whether its merges are short, whatever their size: they may always begin, beside long ones of other tables."""
    ids_computed: bool = False
    """Whether Community ID and L3 tracking id are computed where ports and addresses tell them."""

    def columns(self) -> dict[str, str]:
        """Return the columns by name, with type and codec."""
        found: dict[str, str] = {}
        for each in self.schema:
            if each.name in self.near:
                # Never absent, unlike the others, whose mark for that would be in the range.
                found[self.stored_name(each.name)] = f"Int64 CODEC({'T64, ' * (each.name == 'last_ns')}ZSTD(1))"
            elif each.name == COMMUNITY and self.ids_computed:
                found[f"{COMMUNITY}{_NEAR}"] = "String CODEC(ZSTD(1))"
            elif each.name == L3_TRACKING and self.ids_computed:
                found[f"{L3_TRACKING}{_MIXED}"] = column_kind(each)
            else:
                found[each.name] = column_kind(each)
        return found | {"recorded_at": f"DateTime('UTC') DEFAULT {self.recorded_at} CODEC(Delta, ZSTD(1))"}

    @property
    def names(self) -> list[str]:
        return list(self.schema.names)

    def stored_name(self, name: str) -> str:
        """Return the name of the column that a column is read from."""
        if name in self.near:
            return f"{name}{_NEAR_SUM if len(self._bases(name)) > 1 else _NEAR}"
        return f"{name}{_COMPUTED.get(name, '')}" if self.ids_computed else name

    def _bases(self, name: str) -> list[str]:
        return self.near[name].split(" + ")

    def read(self, name: str) -> str:
        """Return the SQL of a column in terms of what is stored."""
        if name in self.near:
            stored, base = self.stored_name(name), " + ".join(map(self.read, self._bases(name)))
            kind = column_kind(self.schema.field(name)).split(" ")[0]
            return f"if({stored} = {_ABSENT}, 0, CAST({base} + {stored}, '{kind}'))"
        if name == COMMUNITY and self.ids_computed:
            return f"if({HAS_PORTS_SQL}, {COMMUNITY_SQL}, {COMMUNITY}{_NEAR})"
        if name == L3_TRACKING and self.ids_computed:
            return mixed_sql(f"{L3_TRACKING}{_MIXED}")
        return name

    def stored_sql(self) -> dict[str, str]:
        """Return the SQL of every stored column in terms of the columns as they are served."""
        found = {name: name for name in [*self.names, "recorded_at"]}
        for name in self.near:
            del found[name]
            base = " - ".join(f"toInt64({each})" for each in self._bases(name))
            found[self.stored_name(name)] = f"if({name} = 0, {_ABSENT}, toInt64({name}) - {base})"
        if self.ids_computed:
            del found[COMMUNITY], found[L3_TRACKING]
            found[f"{COMMUNITY}{_NEAR}"] = f"if({HAS_PORTS_SQL}, '', {COMMUNITY})"
            found[f"{L3_TRACKING}{_MIXED}"] = mixed_sql(L3_TRACKING)
        return found

    def stored(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """Return a batch with the columns that are stored instead of those that are served."""
        columns = {name: batch.column(name) for name in batch.schema.names}
        for name in self.near:
            bases = self._bases(name)
            if name in columns and set(bases) <= set(batch.schema.names):
                value = columns.pop(name)
                differs = value.cast(pa.int64(), safe=False)
                for base in bases:
                    differs = pc.subtract(differs, batch.column(base).cast(pa.int64(), safe=False))
                columns[self.stored_name(name)] = pc.if_else(
                    pc.equal(value, pa.scalar(0, value.type)), _ABSENT, differs
                )
        if self.ids_computed and {COMMUNITY, "transport_protocol"} <= columns.keys():
            ports = pc.is_in(columns["transport_protocol"], pa.array(WITH_PORTS))
            columns[f"{COMMUNITY}{_NEAR}"] = pc.if_else(ports, "", columns.pop(COMMUNITY))
        columns |= _dictionaries(columns, columns.keys())
        if self.ids_computed and L3_TRACKING in columns:
            nothing = {name: _zeros(self.schema.field(name).type, batch.num_rows) for name in L3_COLUMNS}
            columns[f"{L3_TRACKING}{_MIXED}"] = mixed(nothing | columns)
            del columns[L3_TRACKING]
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    @property
    def stored_names(self) -> list[str]:
        """Return the names of the columns that a row is read from, see `served`."""
        return [self.stored_name(name) for name in self.names]

    def served(self, table: "pa.Table") -> "pa.Table":
        """Return rows of `stored_names` with the columns that are served; the inverse of `stored`.

        Made here rather than by the engine, which takes longer to read the SQL of that than to run it.
        """
        columns = dict(zip(table.column_names, table.columns, strict=True))
        for name in self.near:
            columns[name] = self._from_near(name, columns)
            del columns[self.stored_name(name)]
        if self.ids_computed:
            columns[COMMUNITY] = community_ids(columns, columns.pop(f"{COMMUNITY}{_NEAR}"))
            whole = {name: columns[name].combine_chunks() for name in L3_COLUMNS if name != L3_TRACKING}
            stored = columns.pop(f"{L3_TRACKING}{_MIXED}").combine_chunks()
            columns[L3_TRACKING] = mixed({**whole, L3_TRACKING: stored})
        return pa.table({name: columns[name] for name in self.names})

    def near_column(self, table: "pa.Table", name: str) -> "pa.ChunkedArray":
        """Return one of the columns that are stored as what they differ by from a stored one."""
        return self._from_near(name, {each: table[each] for each in (self.stored_name(name), *self._bases(name))})

    def _from_near(self, name: str, columns: Mapping[str, "pa.ChunkedArray"]) -> "pa.ChunkedArray":
        value = differs = columns[self.stored_name(name)]
        for base in self._bases(name):
            value = pc.add(value, columns[base].cast(pa.int64(), safe=False))
        absent = pc.equal(differs, pa.scalar(_ABSENT, pa.int64()))
        return pc.if_else(absent, pa.scalar(0, pa.int64()), value).cast(self.schema.field(name).type, safe=False)

    def create(self, name: str = "") -> str:
        parts = [f"{column} {kind}" for column, kind in self.columns().items()]
        parts += [f"INDEX {index}" for index in self.indexes]
        return (
            f"CREATE TABLE IF NOT EXISTS {name or self.name} ({', '.join(parts)}) "
            f"ENGINE = ReplacingMergeTree({self.version}) PARTITION BY toDate(recorded_at) ORDER BY ({self.order}) "
            f"SETTINGS {', '.join(f'{name} = {value}' for name, value in self.settings().items())}"
        )

    def settings(self) -> dict[str, int]:
        """Return the settings of the engine that are not its own."""
        # Column by column, a merge takes half as much time again; of many rows it saves memory.
        found = {"vertical_merge_algorithm_min_rows_to_activate": _ROWS_MERGED_WHOLE}
        return found | ({} if self.small else _LAST_ONE_SHORT)


_ROWS_MERGED_WHOLE: Final = 2_000_000
_LAST_ONE_SHORT: Final = {
    "number_of_free_entries_in_pool_to_lower_max_size_of_merge": 3,
    "max_bytes_to_merge_at_min_space_in_pool": 32_768,
}
"""Of three merges at once, the third is one of 5 MB at most: as far from the second number to 150 GB, on a scale of
logarithms, as the share of three that is free."""
_NEAR: Final = "_near"
_NEAR_SUM: Final = "_near_sum"
_MIXED: Final = "_mixed"
_COMPUTED: Final = {COMMUNITY: _NEAR, L3_TRACKING: _MIXED}
"""What follows the names of columns that hold what is computed differs by."""
_ABSENT: Final = -(1 << 62)
"""Stored for 0, which means that there is no such time or count."""


def with_dictionaries(batch: "pa.RecordBatch", names: Iterable[str]) -> "pa.RecordBatch":
    """Return a batch in which some of the names and addresses are dictionaries already, for more than one table."""
    columns = {name: batch.column(name) for name in batch.schema.names}
    columns |= _dictionaries(columns, names)
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _dictionaries(columns: Mapping[str, "pa.Array"], names: Iterable[str]) -> dict[str, "pa.Array"]:
    """Return text as its column holds it: the engine would look up the text of every row."""
    chosen = (_NAMES | _ADDRESSES) & columns.keys() & set(names)
    return {name: pc.dictionary_encode(columns[name]) for name in chosen}


def _zeros(kind: pa.DataType, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar("" if kind == pa.utf8() else 0, kind), rows)


def _subset(schema: "pa.Schema", names: Iterable[str]) -> "pa.Schema":
    return pa.schema([schema.field(name) for name in names])


HOUR_NS: Final = 3_600_000_000_000
HOUR_SQL: Final = f"intDiv(start_ns, {HOUR_NS})"
FLOWS = DerivedTable(
    "flows",
    FLOW_SCHEMA,
    # A flow's start and layers are in all its reports. By hours and layers, of which there are few, a connection's rows
    # of all capture points lie side by side, and most columns have nothing or one thing to say of a long run of rows.
    f"{HOUR_SQL}, layers_path, tracking_id, node_tid, uuid, capture_id",
    "report_number",
    (
        "uuid_of uuid TYPE bloom_filter(0.05) GRANULARITY 1",
        "start_of start_ns TYPE minmax GRANULARITY 1",
        # As `read` spells it, without the cast that the engine leaves out of conditions. A flow that began long ago may
        # still go on; most blocks of rows have none that does.
        f"last_of if(last_ns_near = {_ABSENT}, 0, start_ns + last_ns_near) TYPE minmax GRANULARITY 1",
    ),
    near={
        "last_ns": "start_ns",
        "lu_start_ns": "start_ns",
        "lu_last_ns": "last_ns",
        "lu_ab_packets": "ab_packets",
        "lu_ab_bytes": "ab_bytes",
        "lu_ba_packets": "ba_packets",
        "lu_ba_bytes": "ba_bytes",
        "tcp_ab_syn_ns": "start_ns",
        # The round trip is that of the handshake, where one was seen.
        "tcp_ba_syn_ns": "start_ns + rtt_ns",
        "tcp_ab_fin_ns": "last_ns",
        "tcp_ba_fin_ns": "last_ns",
        "tcp_ab_rst_ns": "last_ns",
        "tcp_ba_rst_ns": "last_ns",
        # Of short connections the one round trip of each direction is all that was measured.
        "tcp_ab_rtt_min_ns": "rtt_ns",
        "tcp_ab_rtt_ns": "tcp_ab_rtt_min_ns",
        "tcp_ba_rtt_ns": "tcp_ba_rtt_min_ns",
        "tcp_handshake_ns": "rtt_ns + tcp_ba_rtt_min_ns",
    },
    former={
        "tcp_ba_syn_ns_near": (
            "tcp_ba_syn_ns",
            f"if(tcp_ba_syn_ns_near = {_ABSENT}, 0, start_ns + tcp_ba_syn_ns_near)",
        )
    },
    ids_computed=True,
)
FLOW_PLACES = DerivedTable(
    "flow_places",
    pa.schema({"place": pa.uint32(), "hour": pa.int64(), "layers_path": pa.utf8()}),
    "place, hour, layers_path",
    # The end of the day: in this order, times of their own would take half as much again as all the rest.
    recorded_at="toStartOfDay(now('UTC')) + 86399",
    small=True,
)
"""Where in the order of `flows` the rows of a TrackingID lie: found here it is read at one place instead of looked for
in each hour, and that takes two octets a row. Half of the TrackingID tells enough of them apart."""
MINUTE_NS: Final = 60_000_000_000
MINUTE_SQL: Final = f"intDiv({{}}, {MINUTE_NS})".format
FLOW_METRICS = DerivedTable(
    "flow_metrics",
    _subset(
        FLOW_SCHEMA,
        (
            "uuid",
            "node_tid",
            "capture_id",
            "network_a",
            "network_b",
            "l3_tracking_id",
            "lu_start_ns",
            "lu_last_ns",
            "lu_ab_packets",
            "lu_ab_bytes",
            "lu_ba_packets",
            "lu_ba_bytes",
            "rtt_ns",
        ),
    ),
    # By the minute of the report, so that what went on lately is one short range.
    f"{MINUTE_SQL('lu_last_ns')}, uuid, node_tid, capture_id, lu_start_ns, lu_last_ns",
    indexes=("uuid_of uuid TYPE bloom_filter(0.01) GRANULARITY 1",),
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
