# SPDX-License-Identifier: Apache-2.0
"""What a check may say: every field and every step's parameters checked when it is created or changed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from netsonde.checks.steps._api import Step
from netsonde.checks.steps._registry import STEPS
from netsonde.errors import Conflict, UserError
from netsonde.model.checks import Check, CheckStep

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_HOUR_MS: Final = 3_600_000
_MOST_STEPS: Final = 30
_MOST_ACTIONS: Final = 10
MOST_PACKETS: Final = 10_000
"""Packets of one interface that are judged at most."""

JUDGED: Final = ("name", "gremlin_query", "steps", "within", "active", "first_packets")
"""Fields whose change makes earlier verdicts meaningless; nodes show them under the name."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of a check with its parameters decoded."""

    kind: Step[Any]
    parameters: Any
    within_ms: int


def checked(check: Check, *, now_ms: int) -> Check:
    """Return the definition; raises UserError for all its problems at once, but for those of its query."""
    problems = [*_field_problems(check, now_ms), *_step_problems(check)]
    if problems:
        raise UserError("; ".join(problems), hint="docs/reference/check.md lists the steps and their parameters")
    return check


def planned(check: Check) -> list[PlannedStep]:
    """Return the steps of a definition; raises UserError for one that another version may have stored."""
    problems = [*_step_problems(check)]
    if problems:
        raise UserError("; ".join(problems), hint="delete the check, or let the version judge it that made it")
    return [PlannedStep(STEPS[step.type], _parameters(step), step.within or check.within) for step in check.steps]


def through(check: Check) -> list[str]:
    """Return the queries of the interfaces that the steps need captured beside those that are judged."""
    queries = (query for step in planned(check) for query in step.kind.through(step.parameters))
    return [*dict.fromkeys(query.strip() for query in queries)]


def refuse_duplicate(check: Check, others: Iterable[Check]) -> None:
    """Raise Conflict when another check has the name, under which nodes show the verdict."""
    if any(other.name == check.name and other.uuid != check.uuid for other in others):
        raise Conflict(f"there is a check {check.name!r} already", hint="choose another name, or change that one")


def is_expired(check: Check, now_ms: int) -> bool:
    return 0 < check.expires_at <= now_ms


def needs_new_runs(before: Check, after: Check) -> bool:
    """Tell whether what was judged by one definition has to be judged anew by the other."""
    return any(getattr(before, name) != getattr(after, name) for name in JUDGED)


def _field_problems(check: Check, now_ms: int) -> Iterator[str]:
    if not _NAME.fullmatch(check.name):
        yield f"Name {check.name[:80]!r} must be 1 to 64 letters, digits, - or _"
    if not check.gremlin_query.strip():
        yield "GremlinQuery is empty: a check must say which interfaces it is for"
    if not 1 <= len(check.steps) <= _MOST_STEPS:
        known = ", ".join(STEPS)
        yield f"Steps must name 1 to {_MOST_STEPS} steps of {known}; got {len(check.steps)}"
    if not 100 <= check.within <= _HOUR_MS:
        yield f"Within must be between 100 and {_HOUR_MS} ms, got {check.within}"
    if not 1 <= check.first_packets <= MOST_PACKETS:
        yield f"FirstPackets must be between 1 and {MOST_PACKETS}, got {check.first_packets}"
    if len(check.actions) > _MOST_ACTIONS:
        yield f"Actions may name {_MOST_ACTIONS} receivers, got {len(check.actions)}"
    if is_expired(check, now_ms):
        yield "ExpiresAt is in the past"


def _step_problems(check: Check) -> Iterator[str]:
    for number, step in enumerate(check.steps[:_MOST_STEPS], start=1):
        place = f"step {number} ({step.type[:40]})"
        if step.within and not 100 <= step.within <= _HOUR_MS:
            yield f"{place}: Within must be 0 or between 100 and {_HOUR_MS} ms, got {step.within}"
        kind = STEPS.get(step.type)
        if kind is None:
            yield f"step {number}: there is no step {step.type[:40]!r}{_meant(step.type, [*STEPS])}"
            continue
        try:
            yield from (f"{place}: {problem}" for problem in kind.problems(_parameters(step)))
        except msgspec.ValidationError as wrong:
            names = [field.encode_name for field in msgspec.structs.fields(kind.parameters)]
            yield f"{place}: {_spoken(wrong)}; its parameters are {', '.join(names)}"


def _parameters(step: CheckStep) -> Any:
    return msgspec.convert(step.parameters, STEPS[step.type].parameters, strict=True)


def _meant(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name.lower(), known, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


def _spoken(wrong: msgspec.ValidationError) -> str:
    reason, _, place = str(wrong).partition(" - at `$")
    reason = reason.replace("Object contains unknown field", "no parameter is called").replace("`", "'")
    return f"{place.rstrip('`').lstrip('.')}: {reason}" if place.rstrip("`") else reason
