# SPDX-License-Identifier: Apache-2.0
"""Prometheus Alertmanager, API v2: `POST /api/v2/alerts`, a list of one alert.

What fires is sent again before its `endsAt`, so that it ends by itself when nobody says anything any more.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from netsonde.model.elements import Json
from netsonde.model.notices import Message, Notice, rfc3339
from netsonde.notify.senders.http import Poster

_PATH: Final = "/api/v2/alerts"
_VALID: Final = 4
"""Intervals of repetition after which an alert that is not repeated ends."""


class Alertmanagers:
    """Sends messages to Alertmanagers by their base URLs."""

    def __init__(self, poster: Poster, resend: float, now_ms: Callable[[], int]) -> None:
        self._poster = poster
        self._valid_ms = round(resend * 1000) * _VALID
        self._now_ms = now_ms

    def check(self, target: str) -> None:
        self._poster.check(target)

    async def send(self, target: str, notice: Notice) -> None:
        url = target.rstrip("/")
        url = url if url.endswith(_PATH) else url + _PATH
        body = msgspec.json.encode([alert_of(notice.message, self._now_ms() + self._valid_ms)])
        await self._poster.post(url, body, {})


def alert_of(message: Message, valid_until_ms: int) -> dict[str, Json]:
    """Return a message in Alertmanager's form; labels say which alert it is, so nothing that changes is among them."""
    labels: dict[str, Json] = {**message.labels, "alertname": message.name or message.uuid, "uuid": message.uuid}
    if message.severity:
        labels["severity"] = message.severity
    annotations: dict[str, Json] = {"summary": message.summary, "description": message.description}
    ends_at = message.ends_at or (valid_until_ms if message.kind == "alert" else 0)
    alert: dict[str, Json] = {
        "labels": labels,
        "annotations": {name: text for name, text in annotations.items() if text},
        "startsAt": rfc3339(message.starts_at),
    }
    # A verdict is not repeated: how long it counts is what Alertmanager's resolve_timeout says.
    return {**alert, "endsAt": rfc3339(max(ends_at, message.starts_at + 1))} if ends_at else alert
