# SPDX-License-Identifier: Apache-2.0
import random

import msgspec
import pytest

from netsonde.model.elements import Node
from netsonde.query.pace import nothing
from netsonde.query.remembered import RememberedNodes


def node(number: int, revision: int = 1) -> Node:
    return Node(f"n{number}", {"Name": f"eth{number}"}, "h", "agent.h", 1, revision, revision=revision)


@pytest.mark.parametrize("count", [0, 1, 128, 1000])
def test_the_json_is_that_of_the_nodes(count: int) -> None:
    nodes = [node(number) for number in range(count)]

    assert RememberedNodes().json(nodes, nothing, end=b"\n") == msgspec.json.encode(nodes) + b"\n"


def test_the_json_follows_nodes_that_come_go_and_change() -> None:
    pick = random.Random(7)
    remembered = RememberedNodes()
    nodes = [node(number) for number in range(2_000)]
    for turn in range(60):
        for at in pick.sample(range(len(nodes)), len(nodes) // 50):
            nodes[at] = node(int(nodes[at].id[1:]), turn + 2)
        nodes += [node(10_000 * (turn + 1) + number) for number in range(pick.randrange(400))]
        gone = pick.randrange(len(nodes))
        del nodes[gone : gone + pick.randrange(200)]

        assert remembered.json(nodes, nothing) == msgspec.json.encode(nodes)


def test_only_runs_with_a_change_are_encoded_again() -> None:
    nodes = [node(number) for number in range(12_800)]
    remembered = RememberedNodes()
    remembered.json(nodes, nothing)
    looks: list[None] = []
    nodes[5_000] = node(5_000, 2)

    remembered.json(nodes, lambda: looks.append(None))

    # One run, and the whole.
    assert len(looks) == 2
