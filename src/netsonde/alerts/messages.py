# SPDX-License-Identifier: Apache-2.0
"""A transition as what receivers get."""

from collections.abc import Iterator

from netsonde.alerts.definitions import actions_of
from netsonde.model.alerts import Alert, Transition, transition_key
from netsonde.model.notices import Message, Notice, rfc3339


def message_of(alert: Alert, transition: Transition) -> Message:
    """Return what is told of a transition."""
    is_over = transition.state != "firing"
    return Message(
        alert.uuid,
        rfc3339(transition.at),
        transition.reason_data,
        name=alert.name,
        state=transition.state,
        severity=alert.severity,
        labels=alert.labels,
        summary=transition.summary,
        description=alert.description,
        starts_at=transition.fired_at,
        ends_at=transition.at if is_over else 0,
    )


def notices_of(alert: Alert, transition: Transition) -> Iterator[Notice]:
    """Yield the notices of a transition; the receiver of the reference's kind hears of no end."""
    if not transition.notified:
        return
    message = message_of(alert, transition)
    told = actions_of(alert) if transition.state == "firing" else [*dict.fromkeys(filter(None, alert.actions))]
    for number, action in enumerate(told):
        yield Notice(f"{transition_key(transition)}.{number}", action, message, transition.at, alert.created_by)
