# SPDX-License-Identifier: Apache-2.0
"""Key by key, what differs between two metadata; a feed of rows as changes."""

import pytest
from msgspec import UNSET

from netsonde.history.changes import RecordedRow, differences, feed, key_changes
from netsonde.model.changes import KeyChange
from netsonde.model.elements import Metadata


def row(at: int, metadata: Metadata | None = None, parent: str = "", kind: str = "node") -> RecordedRow:
    return RecordedRow(
        kind,  # type: ignore[arg-type]
        "x",
        at,
        int(metadata is None),
        "h",
        "agent.h",
        "p",
        metadata or {},
        parent,
        "",
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [KeyChange("a", 1, True)]),
        ({"a": None}, {}, [KeyChange("a", None, UNSET)]),
        ({}, {"a": None}, [KeyChange("a", UNSET, None)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [KeyChange("a.c", 2, 3)]),
        ({"a": {"b.c/d": 1}}, {"a": {"b.c/d": 2}}, [KeyChange("a['b.c/d']", 1, 2)]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [KeyChange("a", [1, 2], [2, 1])]),
        ({"a": {"b": 1}}, {"a": "x"}, [KeyChange("a", {"b": 1}, "x")]),
    ],
)
def test_keys_that_differ_are_told_with_both_values(old: Metadata, new: Metadata, expected: list[KeyChange]) -> None:
    assert list(key_changes(old, new)) == expected


def test_metadata_of_any_depth_is_compared() -> None:
    def nested(depth: int, leaf: int) -> Metadata:
        return {"a": nested(depth - 1, leaf)} if depth else {"a": leaf}

    (change,) = key_changes(nested(400, 1), nested(400, 2))

    assert change.key.startswith("a.a.a")


def test_element_that_comes_back_is_added_again() -> None:
    told = [
        change.change for change in feed([], [row(1, {"a": 1}), row(2), row(3, {"a": 1}), row(4, {"a": 2}), row(5)])
    ]

    assert told == ["added", "removed", "added", "updated", "removed"]


def test_row_that_repeats_what_was_held_is_no_change() -> None:
    assert list(feed([row(1, {"a": 1})], [row(2, {"a": 1})])) == []


def test_edge_that_is_led_elsewhere_tells_its_ends() -> None:
    (change,) = feed([row(1, {}, "A", "edge")], [row(2, {}, "B", "edge")])

    assert (change.change, change.keys) == ("updated", [KeyChange("@Parent", "A", "B")])


def test_what_came_and_went_between_two_times_makes_no_difference() -> None:
    assert differences([], [row(5)]) == []
    assert differences([row(1, {"a": 1})], [row(9, {"a": 1})]) == []
    assert [change.change for change in differences([row(1, {"a": 1})], [row(9)])] == ["removed"]
