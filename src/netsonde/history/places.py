# SPDX-License-Identifier: Apache-2.0
"""Where in the order of `flows` the rows of a TrackingID lie: the hour in which the flow began, and its layers.

The order of `flows` has hours and layers first, by which a row takes less room. So a TrackingID would have to be looked
for in each hour that is asked about; in the table `flow_places` it is found at once, and the flow read at one place.

The places are asked for first, by a statement of their own, and written out in the next one: with a subquery the engine
compares each part of the table, of which there may be hundreds, with a set instead of a value, for three times as much.
"""

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from netsonde.history.database import Database
from netsonde.history.derived import FLOW_PLACES, HOUR_NS, HOUR_SQL

_LOWER_HALF: Final = 32
_FEW: Final = 16
"""Places that are written out; more would make the next statement longer than it is worth."""


def places(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return where the flows of a batch lie; a column that the batch lacks is 0 or empty, as it will be stored."""

    def column(name: str, nothing: pa.Scalar) -> pa.Array:
        return batch.column(name) if name in batch.schema.names else pa.repeat(nothing, batch.num_rows)

    tracking = column("tracking_id", pa.scalar(0, pa.uint64()))
    start = column("start_ns", pa.scalar(0, pa.int64()))
    half = pc.shift_right(tracking, pa.scalar(_LOWER_HALF, pa.uint64())).cast(pa.uint32())
    # As the engine divides, towards 0: a flow of a file may have begun before 1970.
    hour = pc.divide(start, pa.scalar(HOUR_NS, pa.int64()))
    return pa.RecordBatch.from_arrays([half, hour, column("layers_path", pa.scalar(""))], names=FLOW_PLACES.names)


def where_they_lie(database: Database, tracking_ids: Iterable[int], name: str = "at") -> tuple[str, dict[str, Any]]:
    """Return a condition that the rows of flows with these TrackingIDs pass, and few others, with its parameters.

    The names of the parameters begin with `name`. There is at least one TrackingID. Blocking.
    """
    halves = ", ".join(str(each) for each in sorted({number >> _LOWER_HALF for number in tracking_ids}))
    found = f"FROM flow_places WHERE place IN ({halves})"
    rows = database.rows(f"SELECT DISTINCT hour, layers_path {found} LIMIT {_FEW + 1}")
    if len(rows) > _FEW:
        return f"({HOUR_SQL}, layers_path) IN (SELECT hour, layers_path {found})", {}
    each = [f"{HOUR_SQL} = {hour} AND layers_path = {{{name}_{place}:String}}" for place, (hour, _) in enumerate(rows)]
    return f"({' OR '.join(each) or 'false'})", {f"{name}_{place}": layers for place, (_, layers) in enumerate(rows)}
