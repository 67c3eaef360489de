# SPDX-License-Identifier: Apache-2.0
"""Metadata of writers from outside is judged with place and hint; hostile metadata is only refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsonde.schema import problems, unlisted
from netsonde.schema.check import MOST_PROBLEMS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["Name", "Type", "MTU", "ExtID", "RoutingTables", "Routes", "CPU", "KernelCmdLine", "x.y", ""])
METADATA = st.dictionaries(NAMES, JSON | st.sampled_from(["host", "netns", "veth", "ovsport"]), max_size=6)


def test_sound_metadata_with_keys_of_its_own_has_no_problem() -> None:
    own: dict[str, Any] = {"Type": "switch", "Name": "tor-1", "MTU": 9000, "Rack": {"Row": 4}, "ExtID": {"a.b/c": "x"}}
    assert problems(own) == []


def test_a_value_of_another_type_is_told_with_its_path() -> None:
    wrong: dict[str, Any] = {
        "Type": "veth",
        "Name": "v0",
        "MTU": "1500",
        "RoutingTables": [{"ID": 254, "Routes": [{"Prefix": "::/0", "NextHops": [{"Priority": True}]}]}],
    }
    found = {problem.path: problem for problem in problems(wrong)}
    assert set(found) == {"MTU", "RoutingTables.Routes.NextHops.Priority"}
    assert found["MTU"].message == "'1500' stands where an integer should"
    assert "longest packet" in found["MTU"].hint


@pytest.mark.parametrize(
    ("metadata", "missing"),
    [
        ({}, ["Type", "Name"]),
        ({"Type": "netns", "Name": "a"}, ["Path"]),
        ({"Type": "ovsport", "Name": ""}, ["Name", "UUID"]),
    ],
)
def test_what_a_node_needs_is_asked_for(metadata: dict[str, Any], missing: list[str]) -> None:
    assert [problem.path for problem in problems(metadata)] == missing


def test_an_edge_needs_its_relation() -> None:
    assert [problem.path for problem in problems({"Type": "veth"}, "edge")] == ["RelationType"]
    assert problems({"RelationType": "both"}, "edge") == []


def test_a_number_that_json_has_not_is_refused() -> None:
    assert [one.path for one in problems({"Type": "host", "Name": "h", "CPU": [{"Mhz": float("nan")}]})] == ["CPU.Mhz"]


def test_what_is_no_object_or_too_deep_is_refused_at_once() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": [deep]}
    assert problems([1])[0].message == "metadata must be an object"
    assert "nested" in problems({"Type": "x", "Name": "x", "a": deep})[0].message


def test_a_flood_of_mistakes_is_cut() -> None:
    flood: dict[str, Any] = {"Type": "veth", "Name": "v", "ExtID": {str(number): number for number in range(1000)}}
    assert len(problems({**flood, "Type": "ovsbridge"})) == MOST_PROBLEMS


def test_a_key_that_no_writer_listed_is_found_with_the_nearest() -> None:
    (found,) = unlisted({"Type": "veth", "Name": "v0", "IfIndx": 3})
    assert (found.path, found.hint) == ("IfIndx", "did you mean IfIndex?")


def test_a_key_listed_for_other_types_only_is_not_listed() -> None:
    assert [found.path for found in unlisted({"Type": "veth", "Name": "v0", "VRFTable": 10})] == ["VRFTable"]
    assert unlisted({"Type": "vrf", "Name": "red", "VRFTable": 10}) == []


@settings(deadline=None, max_examples=100)
@given(METADATA, st.sampled_from(["node", "edge"]))
def test_any_metadata_is_judged_without_failing(metadata: dict[str, Any], on: Any) -> None:
    for problem in [*problems(metadata, on), *unlisted(metadata, on)]:
        assert problem.message
