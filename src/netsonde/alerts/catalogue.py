# SPDX-License-Identifier: Apache-2.0
"""The alerts that are known, and the transitions of each."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from netsonde.model.alerts import Alert, AlertView, Transition, transition_key

_MOST_REMEMBERED: Final = 1000
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of all transitions together, as JSON: each may have 60 kB of what its expression gave; their bucket has an end."""


class Catalogue:
    """What the buckets hold, by alert; `problem` is what the analyzer that judges says of each."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}
        self._revisions: dict[str, int] = {}
        self._history: dict[str, dict[int, Transition]] = {}
        self._sizes: dict[str, int] = {}
        self.problems: dict[str, str] = {}

    def alerts(self) -> list[Alert]:
        """Return every alert, the oldest first."""
        return sorted(self._alerts.values(), key=lambda one: (one.create_time, one.uuid))

    def alert(self, uuid: str) -> Alert | None:
        return self._alerts.get(uuid)

    def revision(self, uuid: str) -> int:
        """Return the revision of a definition in the store, 0 when there is none."""
        return self._revisions.get(uuid, 0)

    def put(self, alert: Alert, revision: int) -> bool:
        """Take a definition unless a later one is known; returns whether it is news."""
        if revision <= self.revision(alert.uuid):
            return False
        self._revisions[alert.uuid] = revision
        self._alerts[alert.uuid] = alert
        return True

    def remove(self, uuid: str) -> None:
        # An echo of an earlier write may still be on its way; it must not bring the alert back.
        gone = [known for known in self._revisions if known not in self._alerts]
        for known in gone[:-_MOST_REMEMBERED]:
            del self._revisions[known]
        self._alerts.pop(uuid, None)
        self.problems.pop(uuid, None)

    def last(self, uuid: str) -> Transition | None:
        history = self._history.get(uuid)
        return history[max(history)] if history else None

    def history(self, uuid: str) -> Sequence[Transition]:
        """Return the transitions of an alert, the newest first."""
        return sorted(self._history.get(uuid, {}).values(), key=lambda one: -one.number)

    def put_transition(self, transition: Transition) -> bool:
        """Return whether it is news."""
        history = self._history.setdefault(transition.alert, {})
        is_news = transition.number not in history
        history[transition.number] = transition
        self._sizes[transition_key(transition)] = len(msgspec.json.encode(transition))
        return is_news

    def remove_transition(self, key: str) -> None:
        self._sizes.pop(key, None)
        uuid, _, number = key.rpartition(".")
        history = self._history.get(uuid, {})
        if number.isdecimal():
            history.pop(int(number), None)
        if not history:
            self._history.pop(uuid, None)

    def surplus(self, most: int, oldest_ms: int) -> Iterator[str]:
        """Yield the keys of transitions that need not be kept: of no alert, too old, too many; never the last ones."""
        kept: list[Transition] = []
        for uuid, history in self._history.items():
            last = max(history)
            for number, transition in history.items():
                if uuid not in self._alerts or (number != last and transition.at < oldest_ms):
                    yield transition_key(transition)
                elif number != last:
                    kept.append(transition)
        kept.sort(key=lambda one: -one.at)
        room = MOST_BYTES
        for position, transition in enumerate(kept):
            key = transition_key(transition)
            room -= self._sizes[key]
            if position >= most or room < 0:
                yield key

    def view(self, alert: Alert, undelivered: Callable[[str], Sequence[str]]) -> AlertView:
        history, last = self._history.get(alert.uuid, {}), self.last(alert.uuid)
        fields = {field.name: getattr(alert, field.name) for field in msgspec.structs.fields(Alert)}
        return AlertView(
            **fields,
            state="inactive" if last is None else last.state,
            since=0 if last is None else self._since(alert.uuid, last),
            summary="" if last is None else last.summary,
            fired=sum(one.state == "firing" != one.previous for one in history.values()),
            problem=self.problems.get(alert.uuid, ""),
            undelivered=[*undelivered(alert.uuid)],
        )

    def _since(self, uuid: str, last: Transition) -> int:
        if last.state == last.previous == "firing":
            return last.fired_at
        return last.at
