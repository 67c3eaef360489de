# SPDX-License-Identifier: Apache-2.0
"""What users state about the topology: created, changed, imported, annotated, and shown in the merged graph.

Source: the buckets `nodes`, `edges`, `annotations`, `imports`; the merged graph.
Writes: these buckets, compare-and-set; the graph, under owners of its own.
"""

import asyncio
import itertools
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import msgspec

from netsonde.aio import backoff, spawn
from netsonde.aio.tasks import HealthSink
from netsonde.declared.annotating import Annotations
from netsonde.declared.applying import Applier
from netsonde.declared.catalogue import Catalogue, Delta, Name, Source, name_of
from netsonde.declared.checks import check
from netsonde.declared.importing import Plan, Planner, check_import_name, full
from netsonde.declared.settings import DeclaredSettings
from netsonde.declared.stores import Stores, cut, pack, patiently, unpack
from netsonde.errors import Conflict, NotFound, SourceLost, UserError, WireError
from netsonde.graph import Graph
from netsonde.graph.layers import merge
from netsonde.model.declared import ImportChunk, ImportReport, ImportSummary
from netsonde.model.elements import Edge, Element, Metadata, Node
from netsonde.model.stores import Store
from netsonde.observe import logger

log = logger("declared")

T = TypeVar("T")
E = TypeVar("E", Node, Edge)

_TRIES = 4
_MOST_RUNS = 8
_READ_WITHIN = 5.0
"""Seconds that a publisher waits for what it left behind to be read, just after the analyzer was started."""


class DeclaredElements:
    """Implements what the API asks of declared elements; `run` follows the buckets until cancelled."""

    def __init__(self, graph: Graph, stores: Stores, settings: DeclaredSettings, now_ms: Callable[[], int]) -> None:
        self._graph = graph
        self._stores = stores
        self._settings = settings
        self.catalogue = Catalogue()
        self._applier = Applier(graph, self.catalogue)
        self._annotations = Annotations(stores.annotations, self._applier, settings, now_ms)
        self._pending: dict[Name, None] = {}
        self._runs: dict[tuple[str, str], set[Name]] = {}
        self._planner = Planner(self.catalogue, graph, settings, self._pending)
        self._unread = {"nodes", "edges", "annotations", "imports"}
        self._is_current = asyncio.Event()
        self._rule_numbers = itertools.count(1)
        self.after: Sequence[Callable[[], Awaitable[None]]] = ()
        """What else is waited for by who waits for what users declared."""

    def node(self, node_id: str) -> Node | None:
        """Return a node as users declared it."""
        return self.catalogue.node(node_id)

    def edge(self, edge_id: str) -> Edge | None:
        return self.catalogue.edge(edge_id)

    def published(self, origin: str) -> list[Element]:
        """Return what was declared one by one under an origin."""
        return [
            element
            for name, element in self.catalogue.elements.items()
            if element.origin == origin and self.catalogue.is_single(name)
        ]

    async def withdraw(self, origin: str) -> None:
        """Delete what was declared one by one under an origin, and the declared edges at its nodes.

        Raises TimeoutError when what is stored cannot be read, as while the bus is away.
        """
        async with asyncio.timeout(_READ_WITHIN):
            await self._is_current.wait()
        names = [name_of(element) for element in self.published(origin)]
        if names:
            await self.delete(names)

    def waiting_edges(self) -> list[Edge]:
        """Return the declared edges that are not in the graph."""
        declared = (element for element in self.catalogue.elements.values() if isinstance(element, Edge))
        return [edge for edge in declared if self._applier.is_waiting(edge)]

    def annotation(self, node_id: str) -> Metadata:
        """Return what users say of a node that a probe shows, {} when nothing."""
        return self._annotations.of(node_id)

    def base(self, node_id: str) -> Metadata:
        """Return what a node shows without its annotation: what probes and rules say."""
        return merge([self._graph.base_metadata(node_id), *self.ruled(node_id)])

    def ruled(self, node_id: str) -> list[Metadata]:
        """Return what rules lay upon a node, the one that wins last."""
        return self._applier.ruled(node_id)

    def ruled_nodes(self) -> list[str]:
        """Return the ids of the nodes upon which rules lay something."""
        return self._applier.ruled_nodes()

    def note(self, owner: str, notes: Mapping[str, Metadata | None]) -> None:
        """Lay the metadata of a rule upon nodes by id, None = not any more."""
        self._applier.note(owner, notes)

    def state(self, elements: Mapping[str, Element | None]) -> None:
        """Take elements that a rule makes by a key that begins with its UUID and a dot, None = not any more."""
        delta = Delta()
        for key, element in elements.items():
            source = Source("rules", key)
            if element is None:
                delta.then(self.catalogue.remove(source))
            else:
                delta.then(self.catalogue.put(source, next(self._rule_numbers), [element]))
        self._applier.apply(delta)

    def annotations(self) -> dict[str, Metadata]:
        """Return all annotations by node, those of nodes that are away among them."""
        return self._annotations.all()

    @property
    def is_known(self) -> bool:
        """Whether everything that is stored has been read once."""
        return self._is_current.is_set()

    async def ready(self) -> None:
        """Wait until everything that is stored has been read once, and the rules are at work."""
        await self._is_current.wait()
        for rules_ready in self.after:
            await rules_ready()

    async def create(self, element: Element) -> None:
        """Store a new element; raises UserError, or Conflict when its id is taken."""
        check(element, self._settings)
        name = name_of(element)
        try:
            self._planner.check_free(name)
            self._planner.check_owner(element)
        except UserError as taken:
            raise Conflict(f"{name.kind.title()} ID conflict: {name.id}: {taken.message}", hint=taken.hint) from taken
        self._check_room()
        if len(self.catalogue) >= self._settings.max_elements:
            raise full(self._settings)
        with self._writing([name]):
            if isinstance(element, Node):
                revision = await self._stores.nodes.create(element.id, element)
            else:
                revision = await self._stores.edges.create(element.id, element)
        self._accept(_single(element), revision, [element])

    async def replace(self, previous: Element, element: Element) -> None:
        """Store a changed element; raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        check(element, self._settings)
        name = name_of(previous)
        if self.catalogue.elements.get(name) != previous:
            raise Conflict(f"the {name.kind} {name.id} was changed meanwhile", hint="read it again and repeat")
        self._planner.check_owner(element)
        await self._rewrite(self._source(name), {name: element})

    async def delete_node(self, node_id: str) -> None:
        """Delete a declared node and the declared edges at it."""
        await self.delete([Name("node", node_id)])

    async def delete_edge(self, edge_id: str) -> None:
        await self.delete([Name("edge", edge_id)])

    async def delete(self, names: Iterable[Name]) -> int:
        """Delete declared elements, and with nodes the declared edges at them; returns how many."""
        wanted = dict.fromkeys(names)
        for name in tuple(wanted):
            _refuse_made(name, self.catalogue.source(name))
            if name.kind == "node":
                wanted.update((Name("edge", edge_id), None) for edge_id in self.catalogue.edges_at(name.id))
        return await _insist(lambda: self._delete(wanted))

    async def annotate(self, node_id: str, metadata: Metadata, previous: Metadata) -> None:
        """Say this of a node that a probe shows; Conflict when users do not say `previous` of it any more."""
        await self._annotations.write(node_id, metadata, previous, self._check_room)

    def imports(self) -> Sequence[ImportSummary]:
        return self.catalogue.imports()

    async def import_elements(
        self, name: str, elements: Sequence[Element], *, dry_run: bool = False, run: str = ""
    ) -> ImportReport:
        """Add a batch to an import, each element as a whole or not at all; the same batch again changes nothing.

        Batches of one `run` are remembered for `finish_import`.
        """
        check_import_name(name)

        async def store() -> ImportReport:
            plan = self._planner.plan(name, elements)
            if dry_run:
                return plan.report()
            await self._store(name, plan)
            self._remember(name, run, plan.kept)
            return plan.report(waiting=sum(map(self._is_waiting, plan.kept)))

        return await _insist(store)

    async def finish_import(self, name: str, run: str) -> int:
        """Delete what is in an import and was in no batch of the run; returns how many elements."""
        kept = self._runs.pop((name, run), None)
        if kept is None:
            raise Conflict(
                f"this analyzer knows of no run {run[:100]!r} of the import {name[:100]!r}",
                hint="it was started anew meanwhile: import the whole file again",
            )
        stored = [known for source in self.catalogue.sources_of(name) for known in self.catalogue.held(source)]
        left_over = [known for known in stored if known not in kept]
        return await _insist(lambda: self._delete(left_over))

    async def drop_import(self, name: str) -> int:
        """Take an import back; returns how many elements it had. Raises NotFound."""
        sources = self.catalogue.sources_of(name)
        if not sources:
            raise NotFound(f"there is no import {name[:100]!r}", hint="GET /api/import lists them")
        count = 0
        for source in sources:
            count += len(self.catalogue.held(source))
            await self._stores.imports.delete(source.key)
            self._forget(source)
        return count

    async def run(self, health: HealthSink) -> None:
        unsubscribe = self._graph.subscribe(self._applier.follow)
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._follow_singles("nodes", self._stores.nodes, health), "declared.nodes")
                spawn(group, self._follow_singles("edges", self._stores.edges, health), "declared.edges")
                read = partial(self._mark_read, "annotations", health)
                spawn(group, self._annotations.follow(read), "declared.annotations")
                spawn(group, self._follow_imports(health), "declared.imports")
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost
        finally:
            unsubscribe()

    async def _follow_singles(self, bucket: str, store: Store[E], health: HealthSink) -> None:
        async for entry in patiently(store.watch()):
            source = Source("nodes" if bucket == "nodes" else "edges", entry.key)
            if entry.kind == "current":
                self._mark_read(bucket, health)
            elif entry.value is None:
                self._forget(source)
            else:
                self._accept(source, entry.revision, [msgspec.structs.replace(entry.value, id=entry.key)])

    async def _follow_imports(self, health: HealthSink) -> None:
        async for entry in patiently(self._stores.imports.watch()):
            source = Source("imports", entry.key)
            if entry.kind == "current":
                self._mark_read("imports", health)
            elif entry.value is None:
                self._forget(source)
            elif entry.revision > self.catalogue.revision(source):
                try:
                    content = await asyncio.to_thread(unpack, entry.value)
                except WireError as bad:
                    log.warning("a chunk of an import is left out", key=entry.key, reason=str(bad))
                    continue
                self._accept(source, entry.revision, [*content.nodes, *content.edges])

    def _mark_read(self, bucket: str, health: HealthSink) -> None:
        self._unread.discard(bucket)
        if not self._unread:
            self._is_current.set()
            health.running()

    async def _store(self, import_name: str, plan: Plan) -> None:
        with self._writing(map(name_of, plan.added)):
            nodes = [element for element in plan.added if isinstance(element, Node)]
            edges = [element for element in plan.added if isinstance(element, Edge)]
            for some_nodes, some_edges in cut(nodes, edges):
                key = f"{import_name}.{secrets.token_hex(8)}"
                chunk = await asyncio.to_thread(pack, some_nodes, some_edges)
                revision = await self._stores.imports.create(key, chunk)
                self._accept(Source("imports", key), revision, [*some_nodes, *some_edges])
        for source, changed in plan.updated.items():
            await self._rewrite(source, {name_of(element): element for element in changed})

    async def _delete(self, names: Iterable[Name]) -> int:
        by_source: dict[Source, dict[Name, None]] = {}
        for name in names:
            source = self.catalogue.source(name)
            # What a rule makes at a node goes when its queries do not match any more.
            if source is not None and not source.rule:
                by_source.setdefault(source, {})[name] = None
        for source, gone in by_source.items():
            await self._rewrite(source, dict.fromkeys(gone))
        return sum(map(len, by_source.values()))

    async def _rewrite(self, source: Source, changes: dict[Name, Element] | dict[Name, None]) -> None:
        """Store an entry with some of its elements changed, None = deleted; Conflict when it was changed meanwhile."""
        elements = {**self.catalogue.held(source), **changes}
        kept = [element for element in elements.values() if element is not None]
        revision = self.catalogue.revision(source)
        if not kept:
            store: Store[ImportChunk] | Store[Node] | Store[Edge] = getattr(self._stores, source.bucket)
            await store.delete(source.key, revision=revision)
            self._forget(source)
            return
        if source.bucket == "imports":
            nodes = [element for element in kept if isinstance(element, Node)]
            edges = [element for element in kept if isinstance(element, Edge)]
            chunk = await asyncio.to_thread(pack, nodes, edges)
            written = await self._stores.imports.update(source.key, chunk, revision)
        elif isinstance(kept[0], Node):
            written = await self._stores.nodes.update(source.key, kept[0], revision)
        else:
            written = await self._stores.edges.update(source.key, kept[0], revision)
        self._accept(source, written, kept)

    def _source(self, name: Name) -> Source:
        source = self.catalogue.source(name)
        if source is None:
            raise NotFound(f"the {name.kind} {name.id} was deleted meanwhile")
        _refuse_made(name, source)
        return source

    def _accept(self, source: Source, revision: int, elements: Sequence[Element]) -> None:
        self._applier.apply(self.catalogue.put(source, revision, elements))

    def _forget(self, source: Source) -> None:
        delta: Delta = self.catalogue.remove(source)
        self._applier.apply(delta)

    def _is_waiting(self, name: Name) -> bool:
        edge = self.catalogue.edge(name.id) if name.kind == "edge" else None
        return edge is not None and self._applier.is_waiting(edge)

    def _remember(self, import_name: str, run: str, names: Iterable[Name]) -> None:
        if not run:
            return
        while len(self._runs) >= _MOST_RUNS and (import_name, run) not in self._runs:
            del self._runs[next(iter(self._runs))]
        self._runs.setdefault((import_name, run), set()).update(names)

    def _check_room(self) -> None:
        if self.catalogue.singles() + len(self._annotations) >= self._settings.max_single:
            raise UserError(
                f"{self._settings.max_single} elements and annotations are stored one by one already",
                hint="import elements instead (netsonde topology import), or raise the setting declared.max_single",
            )

    @contextmanager
    def _writing(self, names: Iterable[Name]) -> Iterator[None]:
        """Keep other requests of this analyzer from declaring the same elements meanwhile."""
        claimed = list(names)
        self._pending.update(dict.fromkeys(claimed))
        try:
            yield
        finally:
            for name in claimed:
                self._pending.pop(name, None)


async def _insist(work: Callable[[], Awaitable[T]]) -> T:
    """Do work that looks and then writes; again when another analyzer wrote between the two."""
    delays = backoff(0.05, 1.0)
    for _ in range(_TRIES - 1):
        try:
            return await work()
        except Conflict:
            # What it wrote is on its way to us.
            await asyncio.sleep(next(delays))
    return await work()


def _refuse_made(name: Name, source: Source | None) -> None:
    if source is not None and source.rule:
        maker, remedy = source.maker
        raise Conflict(f"the {name.kind} {name.id} is made by {maker}", hint=remedy)


def _single(element: Element) -> Source:
    return Source("nodes" if isinstance(element, Node) else "edges", element.id)
