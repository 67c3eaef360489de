# SPDX-License-Identifier: Apache-2.0
"""Arrow streams as they come from the bus: checked, and joined to one stream for one insert. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, slots=True)
class Joined:
    """The rows of many streams together, None where there are none; streams that could not be read are counted."""

    batch: pa.RecordBatch | None
    refused: int

    @property
    def rows(self) -> int:
        return 0 if self.batch is None else int(self.batch.num_rows)


@dataclass(frozen=True, slots=True)
class Block:
    """One Arrow stream for one insert."""

    columns: list[str]
    data: pa.Buffer


def join(streams: Sequence[bytes], schema: pa.Schema) -> Joined:
    """Join streams of record batches.

    A stream of an older or newer sender is taken as far as its columns are known; the others get their defaults.
    The engine reads one stream an insert only: of two, one behind the other, it would silently store the first.
    """
    batches: list[pa.RecordBatch] = []
    refused = 0
    for stream in streams:
        try:
            with pa.ipc.open_stream(stream) as reader:
                batches += [_fitted(batch, schema) for batch in reader]
        except (pa.ArrowException, ValueError, OSError):
            refused += 1
    complete = [batch for batch in batches if batch.num_rows]
    if not complete:
        return Joined(None, refused)
    names = [name for name in schema.names if all(name in batch.schema.names for batch in complete)]
    table = pa.Table.from_batches([batch.select(names) for batch in complete])
    # One batch: the engine copies the rows of several together before it sorts them.
    (whole,) = table.combine_chunks().to_batches()
    return Joined(whole, refused)


def to_block(batch: pa.RecordBatch) -> Block:
    """Return rows as the engine is to take them."""
    written = _without_zeros(batch)
    return Block(written.schema.names, _encoded(written))


def _without_zeros(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Leave out columns that are 0 or empty in every row, as the engine fills in itself; the first one stays."""
    first, *others = batch.schema.names
    return batch.select([first, *(name for name in others if not _is_zero(batch.column(name)))])


def _is_zero(column: pa.Array) -> bool:
    values = column.dictionary if pa.types.is_dictionary(column.type) else column
    if pa.types.is_string(values.type) or pa.types.is_binary(values.type):
        return bool(pc.max(pc.binary_length(values)).as_py() == 0)
    return not pc.any(pc.not_equal(values, pa.scalar(0).cast(values.type))).as_py()


def _encoded(batch: pa.RecordBatch) -> pa.Buffer:
    """Return the batch as a stream, written once into memory of its size: a buffer that grows is copied as often."""
    counted = pa.MockOutputStream()
    with pa.ipc.new_stream(counted, batch.schema) as writer:
        writer.write_batch(batch)
    buffer = pa.allocate_buffer(counted.size())
    with pa.ipc.new_stream(pa.FixedSizeBufferWriter(buffer), batch.schema) as writer:
        writer.write_batch(batch)
    return buffer


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the batch with the columns that the schema knows, in its types; raises for what cannot be cast."""
    batch.validate(full=True)
    if batch.schema.equals(schema):
        return batch
    names = [name for name in schema.names if name in batch.schema.names]
    if not names:
        raise ValueError("no known column")
    columns = [batch.column(name).cast(schema.field(name).type) for name in names]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema([schema.field(name) for name in names]))


def to_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table read from the database, whose text is binary, in the types of `schema`.

    Text that is no UTF-8 (it came from packets) is mended rather than refused.
    """
    columns = []
    for field in schema:
        column = table.column(field.name)
        if column.type == field.type:
            columns.append(column)
            continue
        column = column.combine_chunks()
        try:
            columns.append(column.cast(field.type))
        except pa.ArrowInvalid:
            mended = [value.decode("utf-8", "replace") for value in column.to_pylist()]
            columns.append(pa.array(mended, field.type))
    return pa.table(columns, schema=schema)


def to_stream(table: pa.Table) -> bytes:
    """Return a table as one Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())
