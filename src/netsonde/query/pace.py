# SPDX-License-Identifier: Apache-2.0
"""How much to do between two looks at the clock."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import Any, Final, TypeAlias, TypeVar

T = TypeVar("T")

Look: TypeAlias = Callable[[], None]
"""Called between two portions of a long work: lets others run, and may raise to end it."""

_MOST: Final = 4096
"""Items, when they are fast: most take 0.1 to 1 µs, a hostile one takes milliseconds."""
_BRIEF: Final = 0.0005
"""Seconds within which a look at the clock is not missed."""
_SORTED_AT_ONCE: Final = 16_384
"""Items of one call to Python's sort, which nothing can interrupt; some 10 ms."""


def nothing() -> None:
    """Look at nothing: nobody else wants to run."""


def portions(clock: Callable[[], float], look: Look) -> Iterator[int]:
    """Yield how many items to handle next: one first, then more if they are fast. Calls `look` in between."""
    many = 1
    while True:
        began = clock()
        yield many
        took = clock() - began
        look()
        if took > _BRIEF:
            many = max(1, int(many * _BRIEF / took))
        elif many < _MOST:
            many *= 2


def in_order(items: Iterable[T], key: Callable[[T], Any], look: Look, *, descending: bool = False) -> Iterator[T]:
    """Yield the items by a key, equal ones in the order they had."""
    remaining = iter(items)
    runs: list[Sequence[T]] = []
    while run := list(islice(remaining, _SORTED_AT_ONCE)):
        run.sort(key=key, reverse=descending)
        runs.append(run)
        look()
    if _follow_each_other(runs, key, descending=descending):
        return chain.from_iterable(runs)
    return heapq.merge(*runs, key=key, reverse=descending)


def _follow_each_other(runs: Sequence[Sequence[T]], key: Callable[[T], Any], *, descending: bool) -> bool:
    """Tell whether nothing is left to merge, as with elements that come in the order of their creation."""
    ends = ((key(before[-1]), key(after[0])) for before, after in pairwise(runs))
    return all(last >= first if descending else last <= first for last, first in ends)
