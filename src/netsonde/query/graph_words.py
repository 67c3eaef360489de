# SPDX-License-Identifier: Apache-2.0
"""Keys and values that occur in the live graph, for completion: a bounded look, kept for a moment.

Big graphs are looked at here and there, evenly spread, so a key or value that few elements have may be missed; a value
whose beginning is typed is looked for among all of them, as long as the time allows.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, Protocol, TypeAlias

from netsonde.errors import UserError
from netsonde.graph.paths import Missing, Path, parse_path, quote_key
from netsonde.model.elements import Edge, Json, Metadata, Node
from netsonde.query.kinds import Kind

Scalar: TypeAlias = "str | int | float"

MOST_ELEMENTS: Final = 600
"""Elements whose keys are counted."""
MOST_VISITS: Final = 25_000
"""Members that are visited in them, however they are nested."""
MOST_PATHS: Final = 2_000
DEEPEST: Final = 4
_LIST_MEMBERS: Final = 2
_OBJECT_MEMBERS: Final = 64

MOST_READ: Final = 4_000
"""Elements whose value is read when nothing of it is typed yet."""
FEW: Final = 200
"""So many different values are a choice; more are not, until the beginning of one is typed."""
MOST_FOUND: Final = 50
LONGEST: Final = 200
"""Characters of a key or value worth offering."""
SEARCH_SECONDS: Final = 0.008
KEPT_SECONDS: Final = 3.0
MOST_KEPT: Final = 64
"""Keys whose values are remembered that long."""
_CHUNK: Final = 512


class Elements(Protocol):
    """The part of a graph that is looked at."""

    def nodes(self) -> Iterable[Node]: ...
    def edges(self) -> Iterable[Edge]: ...
    def node_count(self) -> int: ...
    def edge_count(self) -> int: ...


class GraphWords:
    """What is said in one live graph."""

    def __init__(self, graph: Elements, clock: Callable[[], float] = time.monotonic) -> None:
        self._graph = graph
        self._clock = clock
        self._keys: dict[Kind, Counter[str]] = {}
        self._values: dict[tuple[Kind, str], Counter[Scalar]] = {}
        self._since = 0.0

    def keys(self, kind: Kind) -> Counter[str]:
        """Return how many elements have each key, as it is spelt in a query; empty for what is no kind of element."""
        self._forget()
        known = self._keys.get(kind)
        if known is None:
            known = self._keys[kind] = _tally(self._spread(kind, MOST_ELEMENTS))
        return known

    def values(self, kind: Kind, key: str, typed: str) -> Sequence[tuple[Scalar, int]]:
        """Return values at a key, the most frequent first; none when there are many and nothing is typed."""
        try:
            path = parse_path(key) if len(key) <= LONGEST else None
        except UserError:
            return ()
        if path is None:
            return ()
        self._forget()
        found = self._search(kind, path, typed.lower()) if typed else self._few(kind, path)
        return sorted(found.items(), key=lambda entry: (-entry[1], str(entry[0])))[:MOST_FOUND]

    def _forget(self) -> None:
        now = self._clock()
        if now - self._since > KEPT_SECONDS or len(self._values) > MOST_KEPT:
            self._keys, self._values, self._since = {}, {}, now

    def _few(self, kind: Kind, path: Path) -> Counter[Scalar]:
        known = self._values.get((kind, path.text))
        if known is not None:
            return known
        found: Counter[Scalar] = Counter()
        for element in self._spread(kind, MOST_READ):
            for value in _scalars(path.get(element)):
                found[value] += 1
            if len(found) > FEW:
                found = Counter()
                break
        self._values[(kind, path.text)] = found
        return found

    def _search(self, kind: Kind, path: Path, typed: str) -> Counter[Scalar]:
        found: Counter[Scalar] = Counter()
        elements = iter(self._all(kind))
        deadline = self._clock() + SEARCH_SECONDS
        while chunk := list(islice(elements, _CHUNK)):
            for element in chunk:
                for value in _scalars(path.get(element)):
                    if typed in str(value).lower():
                        found[value] += 1
            if len(found) >= MOST_FOUND or self._clock() > deadline:
                break
        return found

    def _all(self, kind: Kind) -> Iterable[Node | Edge]:
        if kind is Kind.NODES:
            return self._graph.nodes()
        return self._graph.edges() if kind is Kind.EDGES else ()

    def _spread(self, kind: Kind, most: int) -> Iterator[Node | Edge]:
        """Return at most so many elements, from everywhere in the graph."""
        total = self._graph.node_count() if kind is Kind.NODES else self._graph.edge_count()
        return islice(self._all(kind), 0, None, max(1, -(-total // most)))


def _tally(elements: Iterable[Node | Edge]) -> Counter[str]:
    """Return how many of the elements have each key."""
    found: Counter[str] = Counter()
    left = MOST_VISITS
    for element in elements:
        # Once for an element, however many members of its lists have it.
        paths: dict[str, None] = {}
        left = _collect(element.metadata, "", paths, left, DEEPEST)
        found.update(path for path in paths if path in found or len(found) < MOST_PATHS)
        if left <= 0:
            break
    return found


def _collect(data: Metadata, prefix: str, paths: dict[str, None], left: int, deeper: int) -> int:
    """Add the keys of an object and of what is in it; return how many visits are left."""
    for name, value in islice(data.items(), _OBJECT_MEMBERS):
        left -= 1
        path = _joined(prefix, name)
        if left <= 0 or len(path) > LONGEST:
            continue
        paths[path] = None
        if deeper > 1 and isinstance(value, dict | list):
            for member in [value] if isinstance(value, dict) else value[:_LIST_MEMBERS]:
                if isinstance(member, dict):
                    left = _collect(member, path, paths, left, deeper - 1)
    return left


def _joined(prefix: str, name: str) -> str:
    quoted = quote_key(name) if name else "['']"
    if not prefix:
        return quoted
    return f"{prefix}{quoted}" if quoted[:1] == "[" else f"{prefix}.{quoted}"


def _scalars(value: Json | Missing) -> Iterator[Scalar]:
    for member in value if isinstance(value, list) else (value,):
        if isinstance(member, str):
            if 0 < len(member) <= LONGEST:
                yield member
        elif isinstance(member, int | float) and not isinstance(member, bool):
            yield member
