# SPDX-License-Identifier: Apache-2.0
"""JSON Patch and JSON Merge Patch."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.api.patch import json_patch, merge_patch
from netsonde.errors import UserError
from netsonde.model.elements import Json

# RFC 7396, appendix A.
MERGES: list[tuple[Json, Json, Json]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
# RFC 6902, appendix A, and RFC 6901 §5.
PATCHES: list[tuple[Json, list[dict[str, Any]], Json]] = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"foo": "bar", "baz": "qux"}),
    ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
    ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
    ({"a": {"x": 1}, "b": {}}, [{"op": "move", "from": "/a/x", "path": "/b/y"}], {"a": {}, "b": {"y": 1}}),
    ({"foo": ["a", "b", "c"]}, [{"op": "move", "from": "/foo/0", "path": "/foo/2"}], {"foo": ["b", "c", "a"]}),
    ({"foo": 1}, [{"op": "copy", "from": "/foo", "path": "/bar"}], {"foo": 1, "bar": 1}),
    ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["x"]}], {"foo": ["bar", ["x"]]}),
    (
        {"a/b": 1, "m~n": 2},
        [{"op": "test", "path": "/a~1b", "value": 1}, {"op": "remove", "path": "/m~0n"}],
        {"a/b": 1},
    ),
    ({"foo": 1}, [{"op": "add", "path": "/x", "value": 1, "extra": True}], {"foo": 1, "x": 1}),
    ({"foo": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
    ({"~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"~1": 10}),
    ({"x": None}, [{"op": "add", "path": "/y", "value": None}], {"x": None, "y": None}),
]
REFUSALS: list[tuple[Json, Any, str]] = [
    ({"a": 1}, [{"op": "remove", "path": "/b"}], "operation 0 of the patch (remove /b): there is no 'b'"),
    ({"a": 1}, [{"op": "replace", "path": "/b", "value": 1}], "there is no 'b'"),
    ({"a": 1}, [{"op": "test", "path": "/a", "value": True}], "the value there is another one"),
    ({"a": 1}, [{"op": "test", "path": "/a", "value": "1"}], "another one"),
    ({"a": [1]}, [{"op": "add", "path": "/a/2", "value": 1}], "the list has no position 2"),
    ({"a": [1]}, [{"op": "remove", "path": "/a/-"}], "'-' is not a position in a list"),
    ({"a": [1]}, [{"op": "remove", "path": "/a/01"}], "'01' is not a position"),
    ({"a": 1}, [{"op": "add", "path": "b", "value": 1}], "does not start with /"),
    ({"a": 1}, [{"op": "add", "path": "/a/b", "value": 1}], "no object or list to add to"),
    ({"a": 1}, [{"op": "add", "path": "/b"}], "the member value is missing"),
    ({"a": 1}, [{"op": "move", "path": "/b"}], "the member from is missing"),
    ({"a": {}}, [{"op": "move", "from": "/a", "path": "/a/b"}], "cannot be moved into itself"),
    ({"a": 1}, [{"op": "spam", "path": "/b"}], "not a JSON Patch"),
    ({"a": 1}, 3, "not a JSON Patch"),
]


@pytest.mark.parametrize(("document", "patch", "result"), MERGES)
def test_merge_patch_follows_the_examples_of_its_rfc(document: Json, patch: Json, result: Json) -> None:
    assert merge_patch(document, patch) == result


@pytest.mark.parametrize(("document", "patch", "result"), PATCHES)
def test_json_patch_follows_the_examples_of_its_rfc(document: Json, patch: Any, result: Json) -> None:
    assert json_patch(document, patch) == result


@pytest.mark.parametrize(("document", "patch", "reason"), REFUSALS)
def test_an_impossible_operation_is_refused_with_its_reason(document: Json, patch: Any, reason: str) -> None:
    with pytest.raises(UserError) as refused:
        json_patch(document, patch)
    assert reason in refused.value.message


def test_copies_of_copies_do_not_fill_the_memory() -> None:
    patch: Json = [{"op": "copy", "from": "", "path": f"/{number}"} for number in range(60)]
    with pytest.raises(UserError, match="would grow beyond"):
        json_patch({"a": "x" * 1000}, patch)


def test_too_many_operations_are_refused() -> None:
    with pytest.raises(UserError, match="may have 1000 operations"):
        json_patch({}, [{"op": "add", "path": "/a", "value": 1}] * 1001)


paths = st.sampled_from(["", "/a", "/a/0", "/b/-", "/a/x", "/~0", "a", "/99999999999"])
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": paths},
    optional={"from": paths, "value": st.recursive(st.none() | st.integers(), st.lists, max_leaves=3)},
)


@given(st.lists(operations, max_size=8))
def test_any_patch_is_applied_or_refused_and_never_changes_its_input(patch: Any) -> None:
    document: Json = {"a": [1, {"x": 2}], "b": []}
    with suppress(UserError):
        json_patch(document, patch)
    assert document == {"a": [1, {"x": 2}], "b": []}


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: Json = 1
    for _ in range(900):
        value = {"a": value}
    with pytest.raises(UserError, match=r"operation 0 of the patch .* is nested too deeply"):
        json_patch({}, [{"op": "add", "path": "/x", "value": value}])
