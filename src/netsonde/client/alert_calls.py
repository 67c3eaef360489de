# SPDX-License-Identifier: Apache-2.0
"""The calls about alerts, one function each, and the feed of what becomes of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import msgspec

from netsonde.client.call import Call, as_json, ask, nothing, segment, tell
from netsonde.client.feeds import CLIENT_TYPE, read_envelope, read_obj
from netsonde.client.fields import ttl_header, wire_names
from netsonde.client.naming import named
from netsonde.errors import NotFound
from netsonde.model.alerts import Alert, AlertChange, AlertView, Language, Rehearsal, Severity, State, Transition

_PATH = "/api/alert"


class AlertFields(TypedDict, total=False):
    """`Alert` says what each means; what is not given keeps its default, or its value."""

    name: str
    description: str
    language: Language
    trigger: str
    action: str
    actions: list[str]
    severity: Severity
    labels: dict[str, str]
    for_ms: int
    hold: str
    keep_firing: int
    cooldown: int
    muted_until: int


class AlertUpdate(AlertFields, total=False):
    """What can be changed of an alert."""

    expression: str


def alerts() -> Call[list[AlertView]]:
    return ask(_PATH, object).read_by(lambda answer: list(as_json(dict[str, AlertView])(answer).values()))


def alert(uuid: str) -> Call[AlertView]:
    return ask(f"{_PATH}/{segment(uuid)}", AlertView)


def create_alert(body: Mapping[str, object], ttl: str = "") -> Call[AlertView]:
    return tell(_PATH, body, AlertView, ttl_header(ttl))


def patch_alert(uuid: str, body: Mapping[str, object]) -> Call[AlertView]:
    headers = {"Content-Type": "application/merge-patch+json"}
    return Call("PATCH", f"{_PATH}/{segment(uuid)}", as_json(AlertView), msgspec.json.encode(body), headers)


def delete_alert(uuid: str) -> Call[None]:
    return Call("DELETE", f"{_PATH}/{segment(uuid)}", nothing)


def alert_history(uuid: str, limit: int) -> Call[list[Transition]]:
    return ask(f"{_PATH}/{segment(uuid)}/history", list[Transition], {"limit": limit})


def rehearse_alert(body: Mapping[str, object], start: int, end: int, step: int) -> Call[Rehearsal]:
    """Ask what an alert would have done; times are Unix ms, 0 = the server's choice."""
    return tell(f"{_PATH}/test", {"Alert": body, "From": start, "To": end, "Step": step}, Rehearsal)


def named_alert(name: str, found: Sequence[AlertView]) -> AlertView:
    """Return the alert with this name, UUID, or beginning of a UUID; raises NotFound or UserError."""
    return named(name, found, "alert", "alert")


def wire_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Return fields under the names that they have in JSON; raises TypeError for an unknown one."""
    return wire_names(fields, Alert, "alert")


def waiter(uuid: str, states: tuple[State, ...]) -> Callable[[AlertView | AlertChange], AlertView | None]:
    """Return what looks at news of alerts until one is in one of the states; the view then, else None.

    Raises NotFound when the alert is deleted.
    """

    def look(news: AlertView | AlertChange) -> AlertView | None:
        view = news.view if isinstance(news, AlertChange) else news
        if view is None or view.uuid != uuid:
            return None
        if isinstance(news, AlertChange) and news.kind == "Deleted":
            raise NotFound(f"the alert {view.name or uuid} was deleted")
        return view if view.state in states else None

    return look


@dataclass(frozen=True, slots=True)
class AlertFeed:
    """Alerts that are created, changed or go, and each transition as it happens."""

    path: str = "/ws/subscriber"

    def parameters(self) -> Mapping[str, str]:
        return {"x-client-type": CLIENT_TYPE, "x-websocket-namespace": "AlertStatus"}

    def greeting(self) -> None:
        return None

    def events(self, message: str | bytes) -> Iterator[AlertChange]:
        envelope = read_envelope(message)
        kinds: Mapping[str, Literal["Added", "Updated", "Deleted"]] = {
            "Added": "Added",
            "Updated": "Updated",
            "Deleted": "Deleted",
        }
        if envelope.namespace != "AlertStatus":
            return
        if envelope.type == "Transition":
            yield AlertChange("Transition", transition=read_obj(envelope, Transition))
        elif kind := kinds.get(envelope.type):
            yield AlertChange(kind, read_obj(envelope, AlertView))
