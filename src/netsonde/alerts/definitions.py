# SPDX-License-Identifier: Apache-2.0
"""What an alert may say: every field checked when it is created or changed."""

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from netsonde.errors import UserError
from netsonde.model.alerts import FOREVER_MS, Alert, Language
from netsonde.query import parse
from netsonde.query.steps.packets import FetchPackets

_DAY_MS: Final = 86_400_000
_LONGEST: Final = 16_384
"""Characters of an expression."""
_MOST_ACTIONS: Final = 10
_MOST_LABELS: Final = 20
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
"""As Alertmanager takes them."""
_LIKE_GREMLIN: Final = re.compile(r"\s*[Gg]\s*(\.|$)")
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|us|µs|ns|s)", re.ASCII)
_UNITS_MS: Final = {"h": 3_600_000.0, "m": 60_000.0, "s": 1000.0, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "ns": 1e-6}
_TRIGGERS: Final = "use graph, or duration:30s for every 30 seconds"


def checked(alert: Alert, check_action: Callable[[str], None], *, now_ms: int) -> Alert:
    """Return the definition with its language; raises UserError for what is wrong, expressions first."""
    alert = msgspec.structs.replace(alert, trigger=alert.trigger.strip() or "graph")
    if not alert.expression.strip():
        raise UserError(
            "Expression is empty: an alert must say what it watches", hint="such as G.V().Has('State', 'DOWN')"
        )
    alert = msgspec.structs.replace(alert, language=language_of(alert.expression, alert.language))
    if alert.language == "gremlin":
        for text in filter(None, (alert.expression, alert.hold)):
            _refuse_packets(text)
    interval_ms(alert.trigger)
    for action in actions_of(alert):
        check_action(action)
    problems = [*_problems(alert, now_ms)]
    if problems:
        raise UserError("; ".join(problems), hint="docs/reference/alert.md lists the fields")
    return alert


def language_of(expression: str, language: Language) -> Language:
    """Return in which language an expression is; raises UserError with the place of a mistake in a query."""
    if language == "javascript":
        return language
    try:
        parse(expression)
    except UserError as wrong:
        if language == "gremlin" or _LIKE_GREMLIN.match(expression):
            raise
        if len(expression) > _LONGEST:
            raise UserError(f"Expression has more than {_LONGEST} characters") from wrong
        return "javascript"
    return "gremlin"


def interval_ms(trigger: str) -> int:
    """Return the ms between two looks, 0 for a trigger by changes of the graph. Raises UserError."""
    if trigger in ("", "graph"):
        return 0
    kind, _, text = trigger.partition(":")
    parts = _PART.findall(text)
    total = round(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))
    if kind != "duration" or not parts or "".join(number + unit for number, unit in parts) != text:
        raise UserError(f"Trigger {trigger[:80]!r} is not understood", hint=_TRIGGERS)
    if not 1000 <= total <= _DAY_MS:
        raise UserError(f"Trigger {trigger[:80]!r} must be between 1 second and a day", hint=_TRIGGERS)
    return total


def actions_of(alert: Alert) -> list[str]:
    """Return all whom the alert tells that it fires, each once."""
    return [*dict.fromkeys(filter(None, (alert.action, *alert.actions)))]


def _refuse_packets(text: str) -> None:
    """Raise UserError for a query that asks for packets, or is none."""
    if any(isinstance(step.operation, FetchPackets) for step in parse(text).steps):
        raise UserError(
            "an alert may not see what is in packets: all who read alerts would",
            hint="leave out RawPackets(), and watch the flows",
            text=text,
        )


def is_expired(alert: Alert, now_ms: int) -> bool:
    return 0 < alert.expires_at <= now_ms


def _problems(alert: Alert, now_ms: int) -> Iterator[str]:
    for name, text in (("Expression", alert.expression), ("Hold", alert.hold)):
        if len(text) > _LONGEST:
            yield f"{name} has more than {_LONGEST} characters"
    if len(alert.name) > 200:
        yield "Name has more than 200 characters"
    for name, value in (("For", alert.for_ms), ("KeepFiring", alert.keep_firing), ("Cooldown", alert.cooldown)):
        if not 0 <= value <= _DAY_MS:
            yield f"{name} must be between 0 and {_DAY_MS} ms, got {value}"
    if len(alert.actions) > _MOST_ACTIONS:
        yield f"Actions may name {_MOST_ACTIONS} receivers, got {len(alert.actions)}"
    if len(alert.labels) > _MOST_LABELS:
        yield f"Labels may be {_MOST_LABELS}, got {len(alert.labels)}"
    for label, text in alert.labels.items():
        if not _LABEL.fullmatch(label) or len(text) > 1000:
            yield f"label {label[:80]!r} must be letters, digits and _, its value at most 1000 characters"
    if not 0 <= alert.muted_until <= FOREVER_MS:
        yield f"MutedUntil must be Unix ms, 0 for not muted, got {alert.muted_until}"
    if is_expired(alert, now_ms):
        yield "ExpiresAt is in the past"
