# SPDX-License-Identifier: Apache-2.0
"""Notices: what is told to somebody outside when an alert changes its state or a check gives a verdict.

Stored in the bucket `notices` (key: id) until they are delivered, and for a while after that.
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec

from netsonde.model.elements import Json


class Message(msgspec.Struct, frozen=True, rename="pascal"):
    """What a receiver gets as JSON; the first three members are those of the reference."""

    uuid: str = msgspec.field(name="UUID")
    """Of the alert or the check."""
    timestamp: str
    """RFC 3339, UTC."""
    reason_data: Json
    """What the expression gave, or the result of the check."""
    kind: Literal["alert", "check"] = "alert"
    name: str = ""
    state: str = ""
    """firing or resolved; of a check: pass, fail, unknown."""
    severity: str = ""
    labels: dict[str, str] = {}
    summary: str = ""
    """One sentence for people."""
    description: str = ""
    starts_at: int = 0
    """Unix ms at which the alert began to fire, or the run of the check began."""
    ends_at: int = 0
    """Unix ms of the end; 0 = it goes on."""


class Notice(msgspec.Struct, frozen=True, rename="pascal"):
    """One message to one receiver."""

    id: str = msgspec.field(name="ID")
    """The same for whoever makes the same notice once more, so that it is delivered once."""
    action: str
    """The receiver, as an alert or a check names it."""
    message: Message
    created_at: int
    """Unix ms."""
    created_by: str = ""
    """Who set up the alert or the check."""
    done: bool = False
    """Delivered or given up; kept for a while, so that nobody makes it again."""
    problem: str = ""
    """Why it was given up, "" when it was not."""

    @property
    def source(self) -> str:
        return self.message.uuid


def rfc3339(ms: int) -> str:
    """Return Unix ms as RFC 3339 in UTC, such as `2026-03-01T10:00:00.123Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
