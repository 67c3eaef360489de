# SPDX-License-Identifier: Apache-2.0
"""The calls about alerts, one function each."""

from collections.abc import Mapping, Sequence

import msgspec

from netsonde.client.call import Call, as_json, ask, nothing, segment, tell
from netsonde.errors import NotFound, UserError
from netsonde.model.alerts import AlertView, Rehearsal, Transition

_PATH = "/api/alert"


def alerts() -> Call[list[AlertView]]:
    return ask(_PATH, object).read_by(lambda answer: list(as_json(dict[str, AlertView])(answer).values()))


def create_alert(body: Mapping[str, object], ttl: str = "") -> Call[AlertView]:
    return tell(_PATH, body, AlertView, {"X-Resource-TTL": ttl} if ttl else {})


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
    exact = [one for one in found if name and name in (one.uuid, one.name)]
    some = exact or [one for one in found if name and one.uuid.startswith(name)]
    if len(some) > 1:
        uuids = ", ".join(one.uuid for one in some)
        raise UserError(f"{len(some)} alerts are called {name!r}: {uuids}", hint="give the whole UUID")
    if not some:
        raise NotFound(f"no alert is called {name!r}", hint="`netsonde alert list` shows them")
    return some[0]
