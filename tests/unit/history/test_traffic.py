# SPDX-License-Identifier: Apache-2.0
"""What is chosen of rows that the database gave."""

import pyarrow as pa

from netsonde.history.traffic import last_reports


def test_of_each_flow_at_each_node_the_last_report_stays_the_most_recent_first() -> None:
    rows = [(1, b"a", 1, 10), (1, b"a", 3, 30), (1, b"a", 2, 30), (1, b"b", 1, 20), (2, b"a", 1, 30), (3, b"a", 9, 5)]
    names = ["uuid", "node_tid", "report_number", "last_ns"]
    table = pa.table([list(column) for column in zip(*rows, strict=True)], names=names)

    found = last_reports(table)

    assert found.column_names == names[:3]
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (1, b"a", 3),
        (2, b"a", 1),
        (1, b"b", 1),
        (3, b"a", 9),
    ]
    assert last_reports(table.slice(0, 0)).num_rows == 0
