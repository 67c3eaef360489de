# SPDX-License-Identifier: Apache-2.0
"""The alert resource: an expression, when it is looked at, whom to tell, and the states that it went through.

Stored in the buckets `alerts` (key: UUID) and `alert-history` (key: `<alert>.<number>`).
"""

from typing import Final, Literal

import msgspec

from netsonde.model.elements import Json

State = Literal["inactive", "pending", "firing", "resolved"]
Language = Literal["", "gremlin", "javascript"]
Severity = Literal["info", "warning", "critical"]


FOREVER_MS: Final = 253_402_300_799_999
"""The end of the year 9999: muted until somebody unmutes it."""


class Alert(msgspec.Struct, frozen=True, omit_defaults=False):
    """An alert as it is stored, and as REST accepts and serves it. Times are ms."""

    uuid: str = msgspec.field(name="UUID", default="")
    name: str = msgspec.field(name="Name", default="")
    description: str = msgspec.field(name="Description", default="")
    expression: str = msgspec.field(name="Expression", default="")
    """The condition holds while this gives something: at least one result, a true value."""
    language: Language = msgspec.field(name="Language", default="")
    """"" at creation = Gremlin if it reads as such, JavaScript if it does not begin like it."""
    trigger: str = msgspec.field(name="Trigger", default="graph")
    """`graph`: at changes of the graph; `duration:30s`: so often."""
    action: str = msgspec.field(name="Action", default="")
    """Whom to tell that it fires, as the reference spells it; "" = WebSocket subscribers only."""
    actions: list[str] = msgspec.field(name="Actions", default_factory=list)
    """Whom to tell that it fires, and that it is resolved."""
    severity: Severity = msgspec.field(name="Severity", default="warning")
    labels: dict[str, str] = msgspec.field(name="Labels", default_factory=dict)
    for_ms: int = msgspec.field(name="For", default=0)
    """The condition must hold for so long before it fires."""
    hold: str = msgspec.field(name="Hold", default="")
    """While it fires this expression is looked at instead: a lower threshold, say; "" = the same one."""
    keep_firing: int = msgspec.field(name="KeepFiring", default=0)
    """The condition must be absent for so long before it is resolved."""
    cooldown: int = msgspec.field(name="Cooldown", default=0)
    """After a notice nothing is told for so long, but that it is resolved."""
    muted_until: int = msgspec.field(name="MutedUntil", default=0)
    """Unix ms until which nobody is told that it fires; 0 = it is not muted."""
    create_time: str = msgspec.field(name="CreateTime", default="")
    """RFC 3339, set by the server unless given."""
    created_by: str = msgspec.field(name="CreatedBy", default="")
    """Who created or last changed it (muting is no change), set by the server: it has workflows called that do no more
    than that user may."""
    expires_at: int = msgspec.field(name="ExpiresAt", default=0)
    """Unix ms at which the alert deletes itself (from X-Resource-TTL); 0 = never."""


class Transition(msgspec.Struct, frozen=True, rename="pascal"):
    """One step in the life of an alert; the last one is its state. Times are Unix ms."""

    alert: str
    """UUID of the alert."""
    name: str
    number: int
    """Counts the alert's transitions from 1."""
    at: int
    state: State
    previous: State
    summary: str = ""
    """What was seen, for people."""
    active_at: int = 0
    """Since when the condition holds; 0 = it does not."""
    fired_at: int = 0
    """When it began to fire last."""
    notified: bool = False
    """Whether this step was told."""
    notified_at: int = 0
    """When it was told last that it fires."""
    owed: bool = False
    """It fires, or something else than was told, and a cool-down or a mute keeps that from being told yet."""
    fingerprint: str = ""
    """Digest of what was told last."""
    reason_data: Json = None
    """What the expression gave, cut to some 60 KiB."""


class AlertView(Alert, frozen=True):
    """An alert as the API serves it: the definition and its state."""

    state: State = msgspec.field(name="State", default="inactive")
    since: int = msgspec.field(name="Since", default=0)
    """Unix ms of the last change of state; 0 = there was none."""
    summary: str = msgspec.field(name="Summary", default="")
    fired: int = msgspec.field(name="Fired", default=0)
    """How many times it began to fire, as far as history is kept."""
    problem: str = msgspec.field(name="Problem", default="")
    """Why the expression cannot be judged now, "" when it can; its state stays meanwhile."""
    undelivered: list[str] = msgspec.field(name="Undelivered", default_factory=list)
    """Notices that wait, or were given up within the last hour, each with its receiver and the reason."""


class AlertChange(msgspec.Struct, frozen=True):
    """An alert was created, changed or deleted, or went on to another state."""

    kind: Literal["Added", "Updated", "Deleted", "Transition"]
    view: AlertView | None = None
    transition: Transition | None = None


class Rehearsal(msgspec.Struct, frozen=True, rename="pascal"):
    """What an alert would have done over a time that history knows. Times are Unix ms."""

    fired: int
    """How many times it would have begun to fire."""
    notices: int
    """How many notices a receiver would have got."""
    looks: int
    """How many times the expression was evaluated."""
    step: int
    """Milliseconds between two looks; what came and went in between was not seen."""
    start: int
    end: int
    """The last moment that was looked at; before the one asked for when the time for it was up."""
    complete: bool
    transitions: list[Transition]
    problem: str = ""
    """Why the expression could not be judged at some moments."""


def transition_key(transition: Transition) -> str:
    """Return the key of a transition in its bucket."""
    return f"{transition.alert}.{transition.number:09}"
