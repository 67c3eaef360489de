# SPDX-License-Identifier: Apache-2.0
"""How much to do between two looks at the clock."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, pairwise
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
    found = list(items)
    if not descending:
        return chain.from_iterable(_sorted_runs(found, key, look))
    # Backwards twice, so that equal ones stay in their order.
    found.reverse()
    return chain.from_iterable(map(reversed, reversed(list(_sorted_runs(found, key, look)))))


def _sorted_runs(items: list[T], key: Callable[[T], Any], look: Look) -> Iterator[list[T]]:
    """Yield the items in order, in runs of bounded length."""
    runs: list[list[T]] = []
    for at in range(0, len(items), _SORTED_AT_ONCE):
        run = items[at : at + _SORTED_AT_ONCE]
        run.sort(key=key)
        runs.append(run)
        look()
    return iter(runs) if _follow_each_other(runs, key) else _merged(runs, key, look)


def _merged(runs: list[list[T]], key: Callable[[T], Any], look: Look) -> Iterator[list[T]]:
    """Cut all runs at the same keys, and sort what lies between two of them.

    Regular sampling (Shi, Schaeffer 1992) bounds what lies there to twice a run, if what has the key of a cut is left
    out: that may be nearly all, and is in order already. Sort finds its runs, and merges.
    """
    many = len(runs)
    samples = sorted(key(run[len(run) * number // many]) for run in runs for number in range(many))
    begins = [0] * many
    for cut in samples[many::many]:
        ends = [bisect_left(run, cut, lo=begin, key=key) for run, begin in zip(runs, begins, strict=True)]
        yield _between(runs, begins, ends, key)
        begins = [bisect_right(run, cut, lo=end, key=key) for run, end in zip(runs, ends, strict=True)]
        look()
        for run, end, begin in zip(runs, ends, begins, strict=True):
            if end < begin:
                yield run[end:begin]
                look()
    yield _between(runs, begins, [len(run) for run in runs], key)


def _between(runs: list[list[T]], begins: list[int], ends: list[int], key: Callable[[T], Any]) -> list[T]:
    some = list(chain.from_iterable(run[begin:end] for run, begin, end in zip(runs, begins, ends, strict=True)))
    some.sort(key=key)
    return some


def _follow_each_other(runs: Sequence[Sequence[T]], key: Callable[[T], Any]) -> bool:
    """Tell whether nothing is left to merge, as with elements that come in the order of their creation."""
    return all(key(before[-1]) <= key(after[0]) for before, after in pairwise(runs))
