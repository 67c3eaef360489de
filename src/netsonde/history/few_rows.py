# SPDX-License-Identifier: Apache-2.0
"""A few whole rows of `flows`: 83 columns, each of which costs the engine a seventh of a millisecond, read or empty.

So two threads read half of the columns each, where that many processors are. Parts are never changed: what lies at the
same place of the same part is the same row. Where a merge came between both statements, one for all columns follows.
"""

from collections.abc import Sequence
from concurrent.futures import wait
from typing import Any, Final

import pyarrow as pa

from netsonde.history.database import Database
from netsonde.history.derived import FLOWS
from netsonde.history.workers import Beside

FEW_ROWS: Final = 10_000
_PLACE: Final = ["_part", "_part_offset"]
"""Columns of every table that tell a row from all others."""


def few_rows(
    database: Database,
    columns: Sequence[str],
    where: str,
    parameters: dict[str, Any],
    *,
    more: str = "",
    threads: int | None = None,
) -> pa.Table | None:
    """Return the columns of rows, as they are stored; None when there are more than `FEW_ROWS`. Blocking.

    `where` is conditions that each begin with AND, `more` a WHERE for what is to be tested after them.
    """
    # The engine would read the times first, whose columns are smaller: of every row of a block, for one id.
    first = where.removeprefix(" AND ")
    found = database.arrow(
        f"SELECT {', '.join(columns)} FROM flows PREWHERE {first} {more}LIMIT {{limit:UInt64}}",
        threads=threads,
        limit=FEW_ROWS + 1,
        **parameters,
    )
    return found if found.num_rows <= FEW_ROWS else None


def rows_at_few_places(
    database: Database, beside: Beside | None, where: str, parameters: dict[str, Any]
) -> pa.Table | None:
    """Return whole rows as `few_rows` does. Of a few places there are a few blocks to read: one thread a statement."""
    names = FLOWS.stored_names
    half = len(names) // 2

    def read(connection: Database, columns: Sequence[str]) -> pa.Table | None:
        return few_rows(connection, columns, where, parameters, threads=1)

    other = beside.begin(lambda connection: read(connection, [*names[half:], *_PLACE])) if beside else None
    if other is None:
        return read(database, names)
    try:
        one = read(database, [*names[:half], *_PLACE])
    finally:
        # Whatever became of this half: the other one's connection is free when this returns.
        wait([other])
    rest = other.result()
    if one is None or rest is None:
        return None
    if not one.select(_PLACE).equals(rest.select(_PLACE)):
        return read(database, names)
    return pa.table([*one.columns[:half], *rest.columns[: len(names) - half]], names=names)
