# SPDX-License-Identifier: Apache-2.0
"""What a probe is, and what it is given.

A probe reads one source (the kernel, a daemon) and writes whole truths about its objects into the agent's graph.
It is registered by one line in `_registry.py`, runs under a supervisor of its own, and never imports another probe:
what they share (namespaces, ids) comes in the context.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.model.elements import Edge, Json, Node
from netsonde.model.topology import InterfaceMetric
from netsonde.observe import Health
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.settings import ProbeSettings


class Probe(Protocol):
    """One source of topology.

    `run` is called by a supervisor and returns only by raising: SourceLost when the source went away, CancelledError
    when the agent stops. It may be called again after a failure and must then leave the graph equal to the source,
    without deleting and re-creating what is still there.
    """

    @property
    def name(self) -> str:
        """Also the owner of its layer in the graph."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Probes that must have run once before this one is started."""

    async def run(self, health: Health) -> None: ...


@runtime_checkable
class Settling(Protocol):
    """A probe that can tell when its first full reading is in the graph, beyond that its source is there."""

    async def settled(self) -> None:
        """Wait for it; returns too when the run ends."""


@runtime_checkable
class AsksDaemon(Protocol):
    """A probe whose source is another program, which may hang: the first publication does not wait long for it."""

    @property
    def daemon(self) -> str:
        """Where it is asked, such as the path of its socket."""


class ProbeGraph(Protocol):
    """The part of the agent's graph that probes use; one event loop thread."""

    def apply(self, batch: Batch) -> Sequence[Event]: ...
    def subscribe(self, listener: Callable[[Sequence[Event]], None]) -> Callable[[], None]: ...
    def node(self, node_id: str) -> Node | None: ...
    def nodes_with(self, path: str, value: Json) -> Collection[Node]: ...
    def nodes_having(self, path: str) -> Collection[Node]: ...
    def in_edges(self, node_id: str) -> Iterable[Edge]: ...


@dataclass(frozen=True, slots=True)
class ProbeContext:
    """What every probe is built from."""

    graph: ProbeGraph
    host: str
    """Host id, the name of the host node."""
    identity: Identity
    namespaces: NamespaceRegistry
    settings: ProbeSettings
    metrics: Callable[[list[InterfaceMetric]], None]
    """Takes the counters of one interval; must not block."""
    now_ms: Callable[[], int]
