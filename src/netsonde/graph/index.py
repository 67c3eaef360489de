# SPDX-License-Identifier: Apache-2.0
"""Hash indexes on paths: which elements have this value, or anything, at a path.

An index is built at the first question about its path and kept up to date from then on. The least recently asked
one goes when there are too many, so that no series of odd queries can fill the memory.
"""

from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeAlias, TypeVar, cast

from netsonde.graph.paths import MISSING, Path, parse_path
from netsonde.model.elements import Edge, Json, Node

E = TypeVar("E", Node, Edge)
K = TypeVar("K", bound=Hashable)
Bucket: TypeAlias = "dict[K, None]"

MOST_INDEXES: Final = 64
_QUICKLY_BUILT: Final = 5_000
"""Elements that are indexed within some milliseconds."""
_NULL: Final = ("null",)


class NotIndexed(Exception):
    """There is no index yet, and no time to build one; see `Indexes.hurried`."""


def hash_key(value: Json) -> Hashable | None:
    """Return what a JSON scalar is indexed under, None for lists and objects, which are not."""
    if value is None:
        return _NULL
    # bool is a kind of int in Python, and True == 1: they must not share a bucket.
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, str | int | float):
        return value
    return None


class PathIndex(Generic[E, K]):
    """The elements at one path; `K` is the key under which the owner of the index keeps an element."""

    __slots__ = ("_buckets", "path", "present")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.present: Bucket[K] = {}
        self._buckets: dict[Hashable, Bucket[K] | K] = {}

    def add(self, key: K, element: E) -> None:
        found = self.path.get(element)
        if found is MISSING:
            return
        self.present[key] = None
        for value in _indexed_values(found):
            bucket = self._buckets.get(value)
            # Most values occur once (names, ids, addresses); a dict for each would double the index's memory.
            if bucket is None:
                self._buckets[value] = key
            elif isinstance(bucket, dict):
                bucket[key] = None
            elif bucket != key:
                self._buckets[value] = {bucket: None, key: None}

    def remove(self, key: K, element: E) -> None:
        """Forget an element; it must be the revision that was added."""
        found = self.path.get(element)
        if found is MISSING:
            return
        self.present.pop(key, None)
        for value in _indexed_values(found):
            bucket = self._buckets.get(value)
            if isinstance(bucket, dict):
                bucket.pop(key, None)
                if not bucket:
                    del self._buckets[value]
            elif bucket == key:
                del self._buckets[value]

    def keys_with(self, value: Hashable) -> Collection[K]:
        bucket = self._buckets.get(value)
        if bucket is None:
            return ()
        return bucket.keys() if isinstance(bucket, dict) else (bucket,)


class Indexes(Generic[E, K]):
    """The indexes over one kind of element of one graph."""

    def __init__(self, elements: Mapping[K, E], most: int = MOST_INDEXES) -> None:
        self._elements: Mapping[K, E] = elements
        self._most = most
        self._by_path: OrderedDict[str, PathIndex[E, K]] = OrderedDict()
        self.hurried = False
        """While True, a lookup whose index would take long to build raises NotIndexed."""

    def with_value(self, path: str, value: Json) -> Collection[E]:
        """Return the elements that have exactly this value at the path, also as a member of a list."""
        key = hash_key(value)
        if key is None:
            parsed = parse_path(path)
            return [e for e in self._elements.values() if parsed.get(e) == value]
        return ElementView(self._index(path).keys_with(key), self._elements)

    def having(self, path: str) -> Collection[E]:
        return ElementView(self._index(path).present.keys(), self._elements)

    def peek(self, path: str) -> PathIndex[E, K] | None:
        """Return the index of a path if there is one; another thread may ask."""
        return self._by_path.get(path)

    def adopt(self, index: PathIndex[E, K]) -> None:
        """Take an index of all elements as they are now, built elsewhere."""
        self._by_path[index.path.text] = index
        self._by_path.move_to_end(index.path.text)
        if len(self._by_path) > self._most:
            self._by_path.popitem(last=False)

    def change(self, key: K, previous: E | None, element: E | None, touched: Collection[str]) -> None:
        """Follow one change of one element."""
        for index in self._by_path.values():
            if previous is not None and element is not None and not index.path.touched_by(touched):
                continue
            if previous is not None:
                index.remove(key, previous)
            if element is not None:
                index.add(key, element)

    def _index(self, path: str) -> PathIndex[E, K]:
        index = self._by_path.get(path)
        if index is not None:
            self._by_path.move_to_end(path)
            return index
        if self.hurried and len(self._elements) > _QUICKLY_BUILT:
            raise NotIndexed(path)
        index = PathIndex(parse_path(path))
        for key, element in self._elements.items():
            index.add(key, element)
        self.adopt(index)
        return index


class ElementView(Collection[E], Generic[E, K]):
    """Elements looked up as they are asked for; follows the index it was made from."""

    __slots__ = ("_elements", "_keys")

    def __init__(self, keys: Collection[K], elements: Mapping[K, E]) -> None:
        self._keys = keys
        self._elements: Mapping[K, E] = elements

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[E]:
        return map(self._elements.__getitem__, self._keys)

    def __contains__(self, element: object) -> bool:
        return any(found is element or found == element for found in self)


def _indexed_values(found: object) -> Iterable[Hashable]:
    if isinstance(found, str):
        return (found,)
    if isinstance(found, list):
        return {key for key in map(hash_key, found) if key is not None}
    key = hash_key(cast("Json", found))
    return () if key is None else (key,)
