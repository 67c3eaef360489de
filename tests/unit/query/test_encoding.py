# SPDX-License-Identifier: Apache-2.0
"""Large answers are encoded in pieces, to the same bytes; sorted in pieces, to the same order."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.model.elements import Node
from netsonde.query.encoding import encode_json
from netsonde.query.pace import in_order, nothing

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=3))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=2), inner)),
    max_leaves=12,
)
A_NODE = Node("n", {"Name": "a"}, "h1", "agent.h1", 1, 2)
LARGE = [
    [A_NODE] * 3000,
    [(A_NODE, A_NODE)] * 1500,
    [(A_NODE,) * 1500, (A_NODE,)],
    [{"Nodes": [A_NODE] * 2500, "Edges": None}],
    [{f"k{number}": [number] for number in range(5000)}],
    {"a": 1, "b": list(range(2000)), "c": {str(number): number for number in range(2000)}, "d": 2},
    [[], {}, [[]], [{"x": list(range(1001))}, 1]],
]


@given(JSON)
def test_pieces_make_the_same_json(value: Any) -> None:
    assert encode_json(value, nothing) == msgspec.json.encode(value)


@pytest.mark.parametrize("value", LARGE, ids=range(len(LARGE)))
def test_large_values_make_the_same_json_and_look_at_the_clock_meanwhile(value: Any) -> None:
    looks: list[None] = []

    assert encode_json(value, lambda: looks.append(None), end=b"\n") == msgspec.json.encode(value) + b"\n"
    assert looks


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("modulus", [7, 1_000_003])
def test_pieces_are_sorted_as_one(descending: bool, modulus: int) -> None:
    items = [(number * 7919 % modulus, number) for number in range(40_000)]
    looks: list[None] = []

    found = list(in_order(items, lambda item: item[0], lambda: looks.append(None), descending=descending))

    assert found == sorted(items, key=lambda item: item[0], reverse=descending)
    assert len(looks) > 1


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("rare", [10, 40_000])
def test_a_key_that_many_have_does_not_keep_the_sort_from_looking(descending: bool, rare: int) -> None:
    items = [(number % 2 if number % rare else number, number) for number in range(160_000)]
    asked = 0
    between: list[int] = [0]

    def key(item: tuple[int, int]) -> int:
        nonlocal asked
        asked += 1
        return item[0]

    found = list(in_order(items, key, lambda: between.append(asked), descending=descending))

    assert found == sorted(items, key=lambda item: item[0], reverse=descending)
    assert max(now - before for before, now in pairwise([*between, asked])) < 40_000
