# SPDX-License-Identifier: Apache-2.0
"""Which elements users have declared, and by which entry of a bucket. State without I/O.

An id that two entries declare (two analyzers were asked at the same moment) is the first one's by name, on every
analyzer alike; the other takes over when it goes.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from netsonde.graph.batch import OWNERSHIP, relation_type
from netsonde.model.declared import ElementKind, ImportSummary
from netsonde.model.elements import Edge, Element, Node

_MOST_REMEMBERED = 1000


UNDERLAY: Final = "underlay"
"""Stands for a rule: what the analyzer makes of tunnels by itself."""


class Source(NamedTuple):
    """An entry of a bucket, or what a rule made."""

    bucket: Literal["nodes", "edges", "imports", "rules"]
    key: str

    @property
    def import_name(self) -> str:
        """The import that it belongs to, "" when it is an element of its own."""
        return self.key.partition(".")[0] if self.bucket == "imports" else ""

    @property
    def rule(self) -> str:
        """The UUID of the rule that made it, "" for what users declared one by one or imported."""
        return self.key.partition(".")[0] if self.bucket == "rules" else ""

    @property
    def maker(self) -> tuple[str, str]:
        """Who made what nobody declared, and what to do about it, in words."""
        if self.rule == UNDERLAY:
            return "the analyzer, from the addresses of tunnels", "it goes with the tunnel or the address"
        return f"the rule {self.rule}", "change or delete that rule instead"


class Name(NamedTuple):
    """What an element is called: nodes and edges have ids of their own."""

    kind: ElementKind
    id: str


def name_of(element: Element) -> Name:
    return Name("node" if isinstance(element, Node) else "edge", element.id)


@dataclass(slots=True)
class Delta:
    """What a change of an entry means for the graph."""

    put: dict[Name, Element] = field(default_factory=dict)
    gone: dict[Name, Element] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.put or self.gone)

    def then(self, later: "Delta") -> None:
        """Add what changed after it."""
        for name, element in later.gone.items():
            self.put.pop(name, None)
            self.gone[name] = element
        for name, element in later.put.items():
            self.gone.pop(name, None)
            self.put[name] = element


@dataclass(slots=True)
class _Holding:
    revision: int
    elements: dict[Name, Element]


class Catalogue:
    """Declared elements by name."""

    def __init__(self) -> None:
        self.elements: dict[Name, Element] = {}
        self._sources: dict[Name, Source] = {}
        self._holdings: dict[Source, _Holding] = {}
        self._deleted: dict[Source, int] = {}
        self._shadowed = 0
        self._owned: dict[str, str] = {}
        """Ids of declared ownership edges by the id of the child."""
        self._edges_at: dict[str, set[str]] = {}
        """Ids of declared edges by the id of either end."""

    def __len__(self) -> int:
        return len(self.elements)

    def node(self, node_id: str) -> Node | None:
        found = self.elements.get(Name("node", node_id))
        return found if isinstance(found, Node) else None

    def edge(self, edge_id: str) -> Edge | None:
        found = self.elements.get(Name("edge", edge_id))
        return found if isinstance(found, Edge) else None

    def source(self, name: Name) -> Source | None:
        return self._sources.get(name)

    def revision(self, source: Source) -> int:
        """Return the revision of an entry, 0 when it is not known."""
        holding = self._holdings.get(source)
        return 0 if holding is None else holding.revision

    def held(self, source: Source) -> Mapping[Name, Element]:
        holding = self._holdings.get(source)
        return {} if holding is None else holding.elements

    def singles(self) -> int:
        """Count the elements that are entries of their own."""
        return sum(1 for source in self._holdings if source.bucket in ("nodes", "edges"))

    def is_single(self, name: Name) -> bool:
        """Tell whether an element is an entry of its own."""
        source = self._sources.get(name)
        return source is not None and source.bucket in ("nodes", "edges")

    def owner_of(self, child: str) -> str | None:
        """Return the id of the declared edge that owns a node."""
        return self._owned.get(child)

    def edges_at(self, node_id: str) -> Collection[str]:
        """Return the ids of the declared edges that begin or end at a node."""
        return self._edges_at.get(node_id, ())

    def sources_of(self, import_name: str) -> list[Source]:
        return [source for source in self._holdings if source.import_name == import_name]

    def imports(self) -> list[ImportSummary]:
        counts: dict[str, list[int]] = {}
        for source, holding in self._holdings.items():
            if source.bucket == "imports":
                count = counts.setdefault(source.import_name, [0, 0])
                for name in holding.elements:
                    count[name.kind == "edge"] += 1
        return [ImportSummary(name, nodes, edges) for name, (nodes, edges) in sorted(counts.items())]

    def put(self, source: Source, revision: int, elements: Iterable[Element]) -> Delta:
        """Take an entry as it is now; what is older than what is known changes nothing."""
        before = self._holdings.get(source)
        if revision <= max(before.revision if before else 0, self._deleted.get(source, 0)):
            return Delta()
        holding = _Holding(revision, {name_of(element): element for element in elements})
        self._holdings[source] = holding
        delta = Delta()
        for name in (before.elements.keys() if before else set()) - holding.elements.keys():
            self._release(name, source, delta)
        for name, element in holding.elements.items():
            self._hold(name, source, element, delta)
        return delta

    def remove(self, source: Source) -> Delta:
        """Forget an entry."""
        holding = self._holdings.pop(source, None)
        delta = Delta()
        if holding is None:
            return delta
        # An echo of an earlier write may still be on its way; it must not bring the entry back.
        self._deleted[source] = holding.revision
        while len(self._deleted) > _MOST_REMEMBERED:
            del self._deleted[next(iter(self._deleted))]
        for name in holding.elements:
            self._release(name, source, delta)
        return delta

    def _hold(self, name: Name, source: Source, element: Element, delta: Delta) -> None:
        present = self._sources.get(name)
        if present is not None and present != source:
            self._shadowed += 1
            if present < source:
                return
        before = self.elements.get(name)
        if present == source and before is not None and before == element:
            return
        if isinstance(before, Edge):
            self._unindex(before)
        self.elements[name] = element
        self._sources[name] = source
        if isinstance(element, Edge):
            self._index(element)
        delta.gone.pop(name, None)
        delta.put[name] = element

    def _release(self, name: Name, source: Source, delta: Delta) -> None:
        if self._sources.get(name) != source:
            self._shadowed = max(0, self._shadowed - 1)
            return
        del self._sources[name]
        before = self.elements.pop(name)
        if isinstance(before, Edge):
            self._unindex(before)
        delta.put.pop(name, None)
        delta.gone[name] = before
        if self._shadowed:
            for other in sorted(self._others(name)):
                self._shadowed -= 1
                self._hold(name, other, self._holdings[other].elements[name], delta)
                break

    def _others(self, name: Name) -> Iterator[Source]:
        return (source for source, holding in self._holdings.items() if name in holding.elements)

    def _index(self, edge: Edge) -> None:
        for end in {edge.parent, edge.child}:
            self._edges_at.setdefault(end, set()).add(edge.id)
        if relation_type(edge.metadata) == OWNERSHIP:
            self._owned[edge.child] = edge.id

    def _unindex(self, edge: Edge) -> None:
        for end in {edge.parent, edge.child}:
            at = self._edges_at.get(end, set())
            at.discard(edge.id)
            if not at:
                self._edges_at.pop(end, None)
        if self._owned.get(edge.child) == edge.id:
            del self._owned[edge.child]
