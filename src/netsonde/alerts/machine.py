# SPDX-License-Identifier: Apache-2.0
"""The states of an alert, and when it goes from one to another: pure, over what was seen and the time.

    inactive --holds--> pending --for so long--> firing --absent for so long--> resolved --holds--> pending

The last transition is the state; what else is remembered, since when the condition is absent, begins anew with the
process, which can only make an alert resolve later.
"""

from dataclasses import dataclass

import msgspec

from netsonde.model.alerts import Alert, State, Transition
from netsonde.model.elements import Json


@dataclass(frozen=True, slots=True)
class Seen:
    """What an expression gave at a moment."""

    holds: bool
    value: Json = None
    """Its value, cut; None when it does not hold."""
    fingerprint: str = ""
    """Digest of the whole value."""
    summary: str = ""


@dataclass(slots=True)
class Machine:
    """The state of one alert, from look to look."""

    alert: Alert
    last: Transition | None = None
    absent_since: int = 0
    """Unix ms since when it fires although the condition is absent; 0 = it is not."""
    looked_at: int = 0
    """Unix ms of the last look."""

    @property
    def state(self) -> State:
        return "inactive" if self.last is None else self.last.state

    def look(self, seen: Seen, now_ms: int, *, keep_until: int = 0) -> Transition | None:
        """Return the transition that follows from what was seen, if any; `took` makes it the state.

        Before `keep_until` (Unix ms) nothing is resolved, nothing pending ends, and what still fires is no news: agents
        may be coming back.
        """
        self.looked_at = now_ms
        if self.state == "firing":
            return self._firing(self._held(seen), now_ms, keep_until)
        if not seen.holds:
            ends = self.state == "pending" and now_ms >= keep_until
            return self._to("inactive", seen, now_ms, active_at=0) if ends else None
        active_at = self.last.active_at if self.last is not None and self.state == "pending" else now_ms
        if now_ms - active_at >= self.alert.for_ms:
            return self._fire(seen, now_ms, active_at)
        return self._to("pending", seen, now_ms, active_at=active_at) if self.state != "pending" else None

    def took(self, transition: Transition) -> None:
        """Make a transition the state, after it was stored."""
        self.last = transition
        if transition.state != "firing":
            self.absent_since = 0

    def due_at(self, *, keep_until: int = 0) -> int | None:
        """Return when (Unix ms) time alone may change the state, None when it cannot."""
        if self.last is None:
            return None
        if self.state == "pending":
            fires_at = self.last.active_at + self.alert.for_ms
            return min((at for at in (fires_at, keep_until) if at > self.looked_at), default=fires_at)
        if self.state != "firing":
            return None
        if self.absent_since:
            return max(self.absent_since + self.alert.keep_firing, keep_until)
        if self.looked_at < keep_until:
            return keep_until
        return self._quiet_until() if self.last.owed else None

    def _firing(self, seen: Seen, now_ms: int, keep_until: int) -> Transition | None:
        last = self.last
        assert last is not None
        if not seen.holds:
            self.absent_since = self.absent_since or now_ms
            if now_ms < max(self.absent_since + self.alert.keep_firing, keep_until):
                return None
            # Nobody who was not told that it fires is told that it does not.
            told = last.notified_at >= last.fired_at
            return self._to("resolved", seen, now_ms, active_at=0, notified=told)
        self.absent_since = 0
        is_news = seen.fingerprint != last.fingerprint and now_ms >= keep_until
        if now_ms < self._quiet_until():
            return self._to("firing", seen, now_ms, owed=True) if is_news and not last.owed else None
        return self._tell(seen, now_ms) if is_news or last.owed else None

    def _held(self, seen: Seen) -> Seen:
        """Return what was seen; what only holds an alert is something else than what made it fire, and no news."""
        last = self.last
        if not self.alert.hold or not seen.holds or last is None:
            return seen
        fingerprint = last.fingerprint
        return Seen(holds=True, value=last.reason_data, fingerprint=fingerprint, summary=last.summary)

    def _fire(self, seen: Seen, now_ms: int, active_at: int) -> Transition:
        if now_ms < self._quiet_until():
            return self._to("firing", seen, now_ms, active_at=active_at, fired_at=now_ms, owed=True)
        return self._to(
            "firing",
            seen,
            now_ms,
            active_at=active_at,
            fired_at=now_ms,
            notified=True,
            notified_at=now_ms,
            fingerprint=seen.fingerprint,
        )

    def _tell(self, seen: Seen, now_ms: int) -> Transition:
        return self._to("firing", seen, now_ms, notified=True, notified_at=now_ms, fingerprint=seen.fingerprint)

    def _quiet_until(self) -> int:
        """Return until when (Unix ms) nobody is told that it fires: a cool-down, or it is muted."""
        told_at = 0 if self.last is None else self.last.notified_at
        return max(told_at + self.alert.cooldown if told_at else 0, self.alert.muted_until)

    def _to(self, state: State, seen: Seen, now_ms: int, **changes: int | bool | str) -> Transition:
        before = self.last or Transition(self.alert.uuid, self.alert.name, 0, 0, "inactive", "inactive")
        return msgspec.structs.replace(
            before,
            **{
                "name": self.alert.name,
                "number": before.number + 1,
                "at": now_ms,
                "state": state,
                "previous": before.state,
                "summary": seen.summary,
                "reason_data": seen.value,
                "notified": False,
                "owed": False,
                **changes,
            },
        )
