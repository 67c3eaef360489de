# SPDX-License-Identifier: Apache-2.0
"""A host's graph with an engine, a reconciler, and short hands to make interfaces appear."""

from collections.abc import Callable, Iterator

import pytest

from netsonde.captures.reconciler import Reconciler
from netsonde.captures.settings import CaptureSettings
from netsonde.graph import Graph
from netsonde.graph.tid import TidLayer
from unit.captures.fakes import FakeEngine, ManualTime
from unit.captures.host import Host


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def graph(time: ManualTime) -> Graph:
    made = Graph("h1", "agent.h1", time.clock().now_ms)
    made.add_computed(TidLayer())
    return made


@pytest.fixture
def host(graph: Graph) -> Host:
    return Host(graph)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
def make_reconciler(
    graph: Graph, engine: FakeEngine, time: ManualTime, changes: list[str], host: Host
) -> Callable[[], Reconciler]:
    return lambda: Reconciler(graph, {"packet": engine}, CaptureSettings(), time.clock(), changes.append)


@pytest.fixture
def reconciler(make_reconciler: Callable[[], Reconciler]) -> Iterator[Reconciler]:
    made = make_reconciler()
    yield made
    made.close()
