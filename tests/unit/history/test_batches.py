# SPDX-License-Identifier: Apache-2.0
"""Joining Arrow streams."""

import pyarrow as pa

from netsonde.history.batches import Joined, join, to_block, to_schema

SCHEMA = pa.schema([pa.field("a", pa.uint64()), pa.field("b", pa.utf8())])


def stream(columns: dict[str, pa.Array]) -> bytes:
    batch = pa.record_batch(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def good(*numbers: int) -> bytes:
    return stream({"a": pa.array(numbers, pa.uint64()), "b": pa.array(["x"] * len(numbers))})


def rows(joined: Joined) -> list[dict[str, object]]:
    assert joined.batch is not None
    return list(pa.ipc.open_stream(to_block(joined.batch).data).read_all().to_pylist())


def test_streams_become_one() -> None:
    joined = join([good(1, 2), good(3)], SCHEMA)

    assert (joined.rows, joined.refused) == (3, 0)
    assert [(list(row), row["a"]) for row in rows(joined)] == [(["a", "b"], number) for number in (1, 2, 3)]


def test_rubbish_is_counted_and_left_out() -> None:
    joined = join([b"", b"rubbish", good(1)[:-40], good(1)], SCHEMA)

    assert joined.refused == 3
    assert [row["a"] for row in rows(joined)] == [1]


def test_column_of_another_version_is_left_out() -> None:
    newer = stream({"a": pa.array([1], pa.uint64()), "b": pa.array(["x"]), "c": pa.array([5])})
    older = stream({"a": pa.array([2], pa.uint32())})

    assert rows(join([newer], SCHEMA)) == [{"a": 1, "b": "x"}]
    assert rows(join([newer, older], SCHEMA)) == [{"a": 1}, {"a": 2}]


def test_column_of_a_type_that_does_not_fit_is_refused() -> None:
    assert join([stream({"a": pa.array(["no number"]), "b": pa.array(["x"])})], SCHEMA).refused == 1


def test_nothing_gives_nothing() -> None:
    assert join([], SCHEMA).rows == 0


def test_text_that_is_no_utf8_is_mended() -> None:
    table = pa.table({"a": pa.array([1], pa.uint64()), "b": pa.array([b"\xff!"])})

    assert to_schema(table, SCHEMA).to_pylist() == [{"a": 1, "b": "\ufffd!"}]
