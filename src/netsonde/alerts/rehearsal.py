# SPDX-License-Identifier: Apache-2.0
"""A dry run: what an alert would have done over a time that history knows, looked at in steps."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from netsonde.alerts.machine import Machine
from netsonde.alerts.stores import Queries
from netsonde.alerts.values import of_result
from netsonde.errors import SourceLost, Span, UserError
from netsonde.model.alerts import Alert, Rehearsal, Transition
from netsonde.query.parser import read
from netsonde.query.time import LAST_MS, MILLISECONDS_FROM

_MOST_LOOKS: Final = 1000
_LOOKS: Final = 200
"""Unless a step is given."""
_SHORTEST_MS: Final = 1000
_CLIENT: Final = "alerts.dry_run"


@dataclass(frozen=True, slots=True)
class Period:
    """Moments from `start` to `end` (Unix ms), `step` ms apart."""

    start: int
    end: int
    step: int

    def __iter__(self) -> Iterator[int]:
        yield from range(self.start, self.end + 1, self.step)


def period_of(start: int, end: int, step: int) -> Period:
    """Return the moments to look at, `step` 0 = of a reasonable number; raises UserError for too many or none."""
    if not MILLISECONDS_FROM <= start <= LAST_MS or not MILLISECONDS_FROM <= end <= LAST_MS:
        raise UserError(f"{start} to {end} is no time of a dry run", hint="From and To are Unix ms")
    if start >= end:
        raise UserError("the time of a dry run ends before it begins", hint="From and To are Unix ms")
    step = step or max(_SHORTEST_MS, -(-(end - start) // _LOOKS))
    looks = (end - start) // step + 1
    if step < _SHORTEST_MS or looks > _MOST_LOOKS:
        raise UserError(
            f"a dry run of {looks} looks, one each {step} ms, is too much",
            hint=f"at most {_MOST_LOOKS} looks, a second apart: choose a longer step or a shorter time",
        )
    return Period(start, end, step)


async def rehearse(alert: Alert, queries: Queries, period: Period, *, seconds: float) -> Rehearsal:
    """Return what would have happened; raises UserError for an expression that has no past."""
    if alert.language != "gremlin":
        raise UserError("only queries can be run on history", hint="create the alert without actions and watch it")
    at_time(alert.expression, period.start)
    loop = asyncio.get_running_loop()
    give_up = loop.time() + seconds
    # Whether somebody wants to hear of it now says nothing of the past.
    machine = Machine(msgspec.structs.replace(alert, muted_until=0))
    transitions: list[Transition] = []
    looks, last, problem = 0, period.start, ""
    for moment in period:
        if looks and loop.time() > give_up:
            break
        looks, last = looks + 1, moment
        text = alert.hold if alert.hold and machine.state == "firing" else alert.expression
        try:
            seen = await queries.answer(at_time(text, moment), None, of_result, client=_CLIENT, packets=False)
        except (UserError, SourceLost, TimeoutError) as failed:
            problem = problem or str(failed)
            continue
        transition = machine.look(seen, moment)
        if transition is not None:
            machine.took(transition)
            transitions.append(transition)
    return Rehearsal(
        fired=sum(one.state == "firing" != one.previous for one in transitions),
        notices=sum(one.notified for one in transitions),
        looks=looks,
        step=period.step,
        start=period.start,
        end=last,
        complete=last + period.step > period.end,
        transitions=transitions,
        problem=problem,
    )


def at_time(text: str, moment: int) -> str:
    """Return a query as of a moment (Unix ms); raises UserError for one that says a time itself."""
    query = read(text)
    for step in query.steps:
        if step.name.lower() in ("at", "context", "changes", "diff"):
            raise UserError(
                f"the expression says its time itself, by {step.name}",
                hint="leave it out for a dry run",
                span=Span(step.name_span.start, step.name_span.end),
                text=text,
            )
    if not query.steps:
        return f"G.At({moment})"
    begin = query.steps[0].span.start
    return f"{text[:begin]}At({moment}).{text[begin:]}"
