# SPDX-License-Identifier: Apache-2.0
"""Partial updates carry exactly what changed."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.api.websocket.delta import DeleteKey, Messages, operations, partial_message
from netsonde.api.websocket.handshake import Policy
from netsonde.model.elements import Metadata
from netsonde.query import Delta
from unit.api.fakes import a_node, an_edge

POLICIES: tuple[Policy, ...] = ("full", "partial")


def test_an_update_names_set_and_deleted_keys() -> None:
    before = a_node(State="DOWN", ExtID={"vm": "1", "old": 2}, Gone=1)
    after = a_node(revision=2, State="UP", ExtID={"vm": "1", "new": [3]})
    message = json.loads(partial_message("updated", after, before))
    assert message["Type"] == "NodePartiallyUpdated"
    assert message["Obj"] == {
        "ID": "n1",
        "UpdatedAt": after.updated_at,
        "Revision": 2,
        "Ops": [
            {"Key": "Gone", "Value": None, "Type": 2},
            {"Key": "State", "Value": "UP", "Type": 1},
            {"Key": "ExtID.old", "Value": None, "Type": 2},
            {"Key": "ExtID.new", "Value": [3], "Type": 1},
        ],
    }


def test_a_nested_key_with_a_dot_is_covered_by_the_object_around_it() -> None:
    before: Metadata = {"K8s": {"Labels": {"app.io/name": "a"}}}
    after: Metadata = {"K8s": {"Labels": {"app.io/name": "b"}}}
    assert applied(before, after) == after
    ops = operations(before, after)
    assert ops is not None
    assert [op.key for op in ops] == ["K8s.Labels"]


def test_a_change_of_a_top_level_key_with_a_dot_is_sent_whole() -> None:
    assert operations({"a.b": 1}, {"a.b": 2}) is None
    assert operations({"a.b": 1, "c": 1}, {"a.b": 1, "c": 2}) is not None
    dotted = msgspec.structs.replace(a_node(), metadata={"a.b": 1})
    message = json.loads(partial_message("updated", dotted, a_node()))
    assert message["Type"] == "NodeUpdated"


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (1, 1.0), (None, 0)])
def test_values_that_python_takes_for_equal_are_still_changes(old: Any, new: Any) -> None:
    assert operations({"x": old}, {"x": new})


def test_an_element_seen_for_the_first_time_is_sent_whole() -> None:
    assert json.loads(partial_message("updated", a_node(), None))["Type"] == "NodeUpdated"
    assert json.loads(partial_message("added", a_node(), None))["Type"] == "NodeAdded"


def test_an_edge_that_got_other_ends_is_sent_whole() -> None:
    message = json.loads(partial_message("updated", an_edge("e", "a", "c"), an_edge("e", "a", "b")))
    assert (message["Type"], message["Obj"]["Child"]) == ("EdgeUpdated", "c")


def test_changes_are_encoded_once_for_each_policy() -> None:
    messages = Messages([Delta("updated", a_node(revision=2, State="UP"), a_node())])
    assert messages.of("full") is messages.of("full")
    assert [json.loads(messages.of(policy)[0])["Type"] for policy in POLICIES] == [
        "NodeUpdated",
        "NodePartiallyUpdated",
    ]


keys = st.sampled_from(["a", "b", "c", "d.e"])
values = st.recursive(st.integers() | st.text(max_size=2), lambda inner: st.dictionaries(keys, inner, max_size=3))
top = st.dictionaries(st.sampled_from(["a", "b", "c"]), values, max_size=3)


@given(top, top)
def test_the_operations_turn_the_old_metadata_into_the_new(before: Metadata, after: Metadata) -> None:
    assert applied(before, after) == after


def applied(before: Metadata, after: Metadata) -> Any:
    """Apply the operations as clients do: keys are split at dots."""
    result: Any = json.loads(json.dumps(before))
    for op in operations(before, after) or []:
        *path, last = op.key.split(".")
        target = result
        for name in path:
            target = target[name]
        if isinstance(op, DeleteKey):
            del target[last]
        else:
            target[last] = op.value
    return result
