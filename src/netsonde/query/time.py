# SPDX-License-Identifier: Apache-2.0
"""The forms of time that `At` and `Diff` take: epoch seconds or milliseconds, ISO 8601 (RFC 3339), RFC 1123,
durations, NOW, FOREVER.

A relative time is bound when the plan runs, so the same plan can run again later.
"""

import email.utils
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from netsonde.query.context import TimeSlice
from netsonde.query.errors import QueryError, shown
from netsonde.query.syntax import Argument, Call, Literal, Word

MILLISECONDS_FROM: Final = 10**11
"""Epoch numbers from here on are milliseconds: as seconds they would be after the year 5138."""
LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""

_UNITS_NS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
_PART = re.compile(r"([0-9]{1,18})(?:\.([0-9]{0,9}))?(ns|us|µs|μs|ms|s|m|h|d)")
# Other zone names mean different zones to different people; guessing UTC would be an hour or more off.
_RFC1123 = re.compile(
    r"[A-Za-z]{3}, [0-9]{1,2} [A-Za-z]{3} [0-9]{4} [0-9]{1,2}:[0-9]{2}(:[0-9]{2})? "
    r"(GMT|UTC?|Z|[ECMP][SD]T|[+-][0-9]{4})"
)
_FORMS = "such as '-5m', NOW, 1700000000, '2026-03-01T10:00:00Z' or 'Sun, 06 Nov 2016 08:49:37 GMT'"


@dataclass(frozen=True, slots=True)
class Moment:
    """One point in time."""

    epoch_ms: int | None
    """Unix ms; None = relative to now."""
    offset_ms: int = 0
    """Added to now; negative = past."""

    def bind(self, now_ms: int) -> int:
        """Return the Unix ms that is meant when it is `now_ms`."""
        at = self.epoch_ms if self.epoch_ms is not None else now_ms + self.offset_ms
        return min(max(at, 0), LAST_MS)


@dataclass(frozen=True, slots=True)
class When:
    """A point in time, or an interval that ends there."""

    moment: Moment
    span_ms: int | None = 0
    """Length of the interval; 0 = a point, None = back to the beginning."""
    other: Moment | None = None
    """The other end, where the interval was given by two times; which of them is earlier does not matter."""

    def bind(self, now_ms: int) -> TimeSlice:
        """Return the slice of time that is meant when it is `now_ms` (Unix ms)."""
        last = self.moment.bind(now_ms)
        if self.other is not None:
            start, last = sorted((last, self.other.bind(now_ms)))
            return TimeSlice(start, last)
        start = 0 if self.span_ms is None else max(last - self.span_ms, 0)
        return TimeSlice(start, last)


def parse_when(call: Call) -> When:
    """Return what the arguments of `At` mean. Raises QueryError."""
    if not 1 <= len(call.arguments) <= 2:
        raise QueryError(
            f"{call.name} takes a time, and perhaps a duration or a second time", hint=_FORMS, span=call.span
        )
    moment = parse_moment(call.arguments[0])
    if len(call.arguments) == 1:
        return When(moment)
    second = call.arguments[1]
    if _is_word(second, "FOREVER"):
        return When(moment, None)
    length = _length_ms(second)
    return When(moment, length) if length is not None else When(moment, other=_end(second))


def parse_moment(argument: Argument) -> Moment:
    """Return the time that an argument means. Raises QueryError."""
    found = _moment(argument)
    if found is None:
        raise QueryError(_not_understood(argument, "a time"), hint=_FORMS, span=argument.span)
    return found


def _moment(argument: Argument) -> Moment | None:
    if _is_word(argument, "NOW"):
        return Moment(None)
    if not isinstance(argument, Literal):
        return None
    value = argument.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Moment(_epoch_ms(value, argument))
    if not isinstance(value, str):
        return None
    offset = duration_ns(value)
    if offset is not None:
        return Moment(None, offset // 10**6)
    moment = _calendar(value)
    return None if moment is None else Moment(_in_range(moment, argument))


def _length_ms(argument: Argument) -> int | None:
    """Return the length that an argument means; None when it is none, but perhaps a time."""
    if not isinstance(argument, Literal) or isinstance(argument.value, bool):
        return None
    value = argument.value
    if isinstance(value, int | float):
        if value < 0:
            raise QueryError(
                "the duration is negative",
                hint="it counts back from the time before it: At(NOW, '5m') is the last five minutes",
                span=argument.span,
            )
        return int(value * 1000)
    length_ns = duration_ns(value) if isinstance(value, str) else None
    # A negative one is a time: At('-10m', '-5m') begins ten minutes ago and ends five minutes ago.
    return length_ns // 10**6 if length_ns is not None and not str(value).startswith("-") else None


def _end(argument: Argument) -> Moment:
    found = _moment(argument)
    if found is None:
        raise QueryError(
            _not_understood(argument, "a duration, nor a time"),
            hint="such as '5m', 300 (seconds), FOREVER, or the time at which the interval ends",
            span=argument.span,
        )
    return found


def duration_ns(text: str) -> int | None:
    """Return the nanoseconds of a duration such as `-1h30m`, `300ms` or `0`, None when it is none."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest or len(rest) > 64:
        return None
    total, at = 0, 0
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None:
            return None
        unit = _UNITS_NS[part[3]]
        fraction = part[2] or ""
        total += int(part[1]) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)
        at = part.end()
    return sign * total


def _calendar(text: str) -> int | None:
    if len(text) > 64:
        return None
    if _RFC1123.fullmatch(text):
        return _ms(email.utils.parsedate_to_datetime, text)
    # Digits alone would be taken for a date of the year that they begin with.
    return _ms(datetime.fromisoformat, text.upper()) if "-" in text[1:] or "T" in text.upper() else None


def _ms(parse: Callable[[str], datetime], text: str) -> int | None:
    try:
        moment = parse(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _epoch_ms(value: float, argument: Argument) -> int:
    return _in_range(int(value if abs(value) >= MILLISECONDS_FROM else value * 1000), argument)


def _in_range(epoch_ms: int, argument: Argument) -> int:
    if not 0 <= epoch_ms <= LAST_MS:
        raise QueryError("the time is before 1970 or after 9999", hint=_FORMS, span=argument.span)
    return epoch_ms


def _is_word(argument: Argument, name: str) -> bool:
    if isinstance(argument, Word):
        return argument.name.upper() == name
    # Some clients send the word as a text.
    return isinstance(argument, Literal) and isinstance(argument.value, str) and argument.value.upper() == name


def _not_understood(argument: Argument, what: str) -> str:
    if isinstance(argument, Literal) and isinstance(argument.value, str):
        return f"{shown(argument.value)} is not {what}"
    return f"{what} should stand here"
