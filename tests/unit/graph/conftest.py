# SPDX-License-Identifier: Apache-2.0
"""A small graph of one host, and a clock that ticks once a batch."""

from collections.abc import Callable
from itertools import count

import pytest

from netsonde.graph.graph import Graph
from netsonde.graph.tid import TidLayer
from unit.graph.lab import Lab


@pytest.fixture
def now_ms() -> Callable[[], int]:
    ticks = count(1000)
    return lambda: next(ticks)


@pytest.fixture
def graph(now_ms: Callable[[], int]) -> Graph:
    made = Graph("h1", "agent.h1", now_ms)
    made.add_computed(TidLayer())
    return made


@pytest.fixture
def lab(graph: Graph) -> Lab:
    return Lab(graph)
