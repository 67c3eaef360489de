# SPDX-License-Identifier: Apache-2.0
"""What is to become of each element of a batch that is imported: added, changed, left alone or refused. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from netsonde.declared.catalogue import Catalogue, Name, Source, name_of
from netsonde.declared.checks import check
from netsonde.declared.settings import DeclaredSettings
from netsonde.errors import UserError
from netsonde.graph import GraphReader
from netsonde.graph.batch import OWNERSHIP, relation_type
from netsonde.graph.equality import same_json
from netsonde.model.declared import ImportReport, Refusal
from netsonde.model.elements import Edge, Element, Node

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_REFUSALS: Final = 100
MOST_OWNERS: Final = 64
"""Owners above a node; real ones are under ten, and every new one looks through all that are above it."""


def check_import_name(name: str) -> None:
    """Raise UserError for a name that an import cannot have."""
    if not _NAME.fullmatch(name):
        raise UserError(
            f"an import cannot be called {name[:100]!r}", hint="use 1 to 64 letters, digits, underscores and hyphens"
        )


@dataclass(slots=True)
class Plan:
    """What a batch comes to."""

    added: list[Element] = field(default_factory=list)
    updated: dict[Source, list[Element]] = field(default_factory=dict)
    """Changed elements by the chunk that holds them."""
    unchanged: int = 0
    refused: list[tuple[Name, UserError]] = field(default_factory=list)
    kept: list[Name] = field(default_factory=list)
    """Everything that is in the import after this batch."""

    def report(self, *, waiting: int = 0, removed: int = 0) -> ImportReport:
        return ImportReport(
            added=len(self.added),
            updated=sum(map(len, self.updated.values())),
            unchanged=self.unchanged,
            waiting=waiting,
            removed=removed,
            refused=len(self.refused),
            refusals=[
                Refusal(name.kind, name.id[:512], error.message, error.hint)
                for name, error in self.refused[:_MOST_REFUSALS]
            ],
        )


@dataclass(frozen=True, slots=True)
class Planner:
    """Judges elements against what is declared and what probes show; `pending` are being written just now."""

    catalogue: Catalogue
    graph: GraphReader
    settings: DeclaredSettings
    pending: Mapping[Name, None]

    def plan(self, import_name: str, elements: Iterable[Element]) -> Plan:
        """Judge a batch; of an element that is in it twice the last counts."""
        plan = Plan()
        batch = {name_of(element): element for element in elements}
        owned: dict[str, Edge] = {}
        room = self.settings.max_elements - len(self.catalogue) - len(self.pending)
        for name, element in batch.items():
            try:
                source = self._source(import_name, name)
                check(element, self.settings)
                self.check_owner(element, owned)
                if source is None and len(plan.added) >= room:
                    raise full(self.settings)
            except UserError as refused:
                plan.refused.append((name, refused))
                continue
            plan.kept.append(name)
            if source is None:
                plan.added.append(element)
            elif _same(self.catalogue.elements[name], element):
                plan.unchanged += 1
            else:
                plan.updated.setdefault(source, []).append(element)
        return plan

    def check_free(self, name: Name) -> None:
        """Raise UserError when an element of this name cannot be declared anew."""
        source = self.catalogue.source(name)
        if source is not None:
            where = f"in the import {source.import_name}" if source.import_name else "through the API"
            where = f"by {source.maker[0]}" if source.rule else where
            raise UserError(f"it is declared {where}", hint="delete it there first, or change it there")
        if name in self.pending:
            raise UserError("it is being written by another request", hint="try again")
        shown = self.graph.node(name.id) if name.kind == "node" else self.graph.edge(name.id)
        if shown is not None:
            raise UserError(
                f"{shown.origin or 'a probe'} shows it now",
                hint="what probes see need not be imported; PATCH adds to a node",
            )

    def check_owner(self, element: Element, owned: dict[str, Edge] | None = None) -> None:
        """Raise UserError for an edge that would take a node from its owner; `owned` collects those of a batch."""
        if not isinstance(element, Edge) or relation_type(element.metadata) != OWNERSHIP:
            return
        owned = {} if owned is None else owned
        other = next((found.id for found in self._owners(element.child, owned) if found.id != element.id), None)
        if other is not None:
            raise UserError(
                f"{element.child} has an owner already, by the edge {other}",
                hint="a node has one owner; use another RelationType",
            )
        above = ownership_problem(element, lambda child: next(self._owners(child, owned), None))
        if above:
            raise UserError(above, hint="owners are a tree: swap Parent and Child, or use another RelationType")
        owned[element.child] = element

    def _owners(self, child: str, owned: Mapping[str, Edge]) -> Iterator[Edge]:
        """Yield the edges by which a node is owned: in this batch, by what is declared, in the graph."""
        declared = self.catalogue.edge(self.catalogue.owner_of(child) or "")
        yield from (edge for edge in (owned.get(child), declared) if edge is not None)
        yield from owners(self.graph, child)

    def _source(self, import_name: str, name: Name) -> Source | None:
        source = self.catalogue.source(name)
        if source is not None and source.import_name == import_name:
            return source
        self.check_free(name)
        return None


def owners(graph: GraphReader, child: str) -> Iterator[Edge]:
    """Yield the edges by which a node is owned: one, or none."""
    if graph.node(child) is not None:
        yield from (edge for edge in graph.in_edges(child) if relation_type(edge.metadata) == OWNERSHIP)


def ownership_problem(edge: Edge, owner_of: Callable[[str], Edge | None]) -> str:
    """Say why an edge cannot own its child: it would close a ring, or hang too deep; "" when it can."""
    above: str = edge.parent
    for _ in range(MOST_OWNERS):
        if above == edge.child:
            return f"{edge.child} owns {edge.parent}" if edge.child != edge.parent else "a node cannot own itself"
        owner = owner_of(above)
        if owner is None:
            return ""
        above = owner.parent
    return f"more than {MOST_OWNERS} owners lie above {edge.child}"


def full(settings: DeclaredSettings) -> UserError:
    """Return the refusal of what is more than may be declared."""
    return UserError(
        f"{settings.max_elements} elements are declared already",
        hint="delete an import (netsonde topology clear), or raise the setting declared.max_elements",
    )


def _same(one: Element, other: Element) -> bool:
    if isinstance(one, Node) is not isinstance(other, Node) or not same_json(one.metadata, other.metadata):
        return False
    return _plain(one) == _plain(other)


def _plain(element: Element) -> tuple[object, ...]:
    ends = (element.parent, element.child) if isinstance(element, Edge) else ()
    return (element.host, element.origin, element.created_at, element.updated_at, element.revision, *ends)
