# SPDX-License-Identifier: Apache-2.0
"""`Aggregates`: all series added up in slices of time of the same length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from netsonde.model.elements import Metadata
from netsonde.query import arguments
from netsonde.query.context import Context, TimeSlice
from netsonde.query.errors import QueryError
from netsonde.query.predicates import Number, number_of
from netsonde.query.rows import Rows, Series
from netsonde.query.steps._api import Building, Operation
from netsonde.query.syntax import Call

MOST_SLICES: Final = 10_000
_SECONDS: Final = 30
_NAME: Final = "Aggregated"
_TIMES: Final = frozenset({"Start", "Last", "RTT"})


class Span(NamedTuple):
    """What was counted between two times, Unix ms."""

    start: int
    last: int
    counters: dict[str, Number]
    remainder_stays: bool
    """Whether what division leaves over goes to the later part; interfaces lose it, as they always did."""

    @property
    def is_zero(self) -> bool:
        return not any(self.counters.values())

    def split(self, at: int) -> "tuple[Span | None, Span | None]":
        """Return what was counted before and after a time, in proportion to time."""
        if at <= self.start:
            return None, self
        if at >= self.last:
            return self, None
        before = self._part(self.counters, at - self.start)
        first = self._replace(last=at, counters=before)
        if first.is_zero:
            # A slice in which it began shows it whole, rather than none of all slices.
            return self._replace(last=at), self._replace(start=at, counters=dict.fromkeys(self.counters, 0))
        after = (
            {name: count - before[name] for name, count in self.counters.items()}
            if self.remainder_stays
            else self._part(self.counters, self.last - at)
        )
        return first, self._replace(start=at, counters=after)

    def _part(self, counters: dict[str, Number], length: int) -> dict[str, Number]:
        return {name: int(count * length // (self.last - self.start)) for name, count in counters.items()}


@dataclass(frozen=True, slots=True)
class Aggregate(Operation):
    """One series of the sums of all, one point for each slice in which there is something."""

    slice_ms: int
    call: Call

    def apply(self, rows: Rows, context: Context) -> Rows:
        spans = [_span(point) for series in cast("Sequence[Series]", rows) for point in series.points]
        if not spans:
            return (Series(_NAME, ()),)
        begin, end = _bounds(spans, context.slice)
        count = -(-(end - begin) // self.slice_ms)
        if count > MOST_SLICES:
            raise QueryError(
                f"{self.call.name} would give {count:,} slices, more than {MOST_SLICES:,}",
                hint="make the slices longer, or the time of At shorter",
                span=self.call.span,
            )
        totals: dict[int, dict[str, Number]] = {}
        for span in spans:
            for number, part in _parts(span, begin, end, self.slice_ms):
                total = totals.setdefault(number, {})
                for name, value in part.counters.items():
                    total[name] = total.get(name, 0) + value
            context.check()
        return (Series(_NAME, tuple(self._point(number, totals[number], begin, end) for number in sorted(totals))),)

    def _point(self, number: int, counters: dict[str, Number], begin: int, end: int) -> Metadata:
        start = begin + number * self.slice_ms
        return {**counters, "Start": start, "Last": min(start + self.slice_ms, end)}


def _span(point: Metadata) -> Span:
    counters = {
        name: number for name, value in point.items() if name not in _TIMES and (number := number_of(value)) is not None
    }
    start, last = int(number_of(point.get("Start")) or 0), int(number_of(point.get("Last")) or 0)
    return Span(start, max(start, last), counters, "ABPackets" in point)


def _bounds(spans: Sequence[Span], time: TimeSlice | None) -> tuple[int, int]:
    if time is not None and not time.is_point:
        return time.start_ms, time.last_ms
    return min(span.start for span in spans), max(span.last for span in spans)


def _parts(span: Span, begin: int, end: int, length: int) -> Iterator[tuple[int, Span]]:
    """Yield the parts of what was counted by the slice they fall into, those outside of all slices left out."""
    _, inside = span.split(begin)
    if inside is None or (inside.start >= end and inside.last > end):
        return
    rest, _ = inside.split(end) if inside.start < end else (inside, None)
    last_slice = max(0, -(-(end - begin) // length) - 1)
    number = min((inside.start - begin) // length, last_slice)
    while rest is not None:
        part, rest = rest.split(begin + (number + 1) * length) if number < last_slice else (rest, None)
        if part is not None:
            yield number, part
        number += 1


def build_aggregates(call: Call, building: Building) -> Operation:
    """All series added up in slices of some seconds (30): `G.V().Metrics().Aggregates(60)`.

    Slices begin at the start of `At`, else with the first metric; one in which nothing was counted is left out. What
    spans slices is divided in proportion to time.
    """
    given = arguments.at_most(call, 1, "at most one number of seconds")
    seconds = arguments.count_of(given[0]) if given else _SECONDS
    if seconds == 0:
        raise QueryError(f"{call.name} takes a number of seconds greater than 0", span=given[0].span)
    return Aggregate(seconds * 1000, call)
