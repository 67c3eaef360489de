# SPDX-License-Identifier: Apache-2.0
"""The calls about checks, one function each, and what waits for verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import msgspec

from netsonde.client.call import Call, as_json, ask, nothing, segment, tell
from netsonde.client.calls import Captured, capture_text
from netsonde.client.feeds import CLIENT_TYPE, read_envelope, read_obj
from netsonde.client.fields import ttl_header, wire_names
from netsonde.client.naming import named
from netsonde.model.checks import Active, Check, CheckChange, CheckResult, CheckStep, CheckView, Verdict
from netsonde.model.elements import Json


class CheckFields(TypedDict, total=False):
    """`Check` says what each means; what is not given keeps its default, or its value."""

    name: str
    description: str
    within: int
    first_packets: int
    actions: Sequence[str]
    act_on: Sequence[Verdict]
    active: Active


class CheckUpdate(CheckFields, total=False):
    """What can be changed of a check."""

    gremlin_query: str
    steps: Sequence[CheckStep]


def step(kind: str, within: int = 0, **parameters: Json) -> CheckStep:
    """Return a step: its kind, the ms that it has (0 = the check's), and its parameters in snake case."""
    return CheckStep(kind, within, {_wire(name): value for name, value in parameters.items()})


def checks() -> Call[list[CheckView]]:
    return ask("/api/check", object).read_by(lambda answer: list(as_json(dict[str, CheckView])(answer).values()))


def check(uuid: str) -> Call[CheckView]:
    return ask(f"/api/check/{segment(uuid)}", CheckView)


def create_check(
    gremlin: Captured, steps: Sequence[CheckStep], fields: Mapping[str, object], ttl: str
) -> Call[CheckView]:
    body = {"GremlinQuery": capture_text(gremlin), "Steps": [*steps], **wire_fields(fields)}
    return tell("/api/check", body, CheckView, ttl_header(ttl))


def patch_check(uuid: str, fields: Mapping[str, object]) -> Call[CheckView]:
    headers = {"Content-Type": "application/merge-patch+json"}
    body = msgspec.json.encode(wire_fields(fields))
    return Call("PATCH", f"/api/check/{segment(uuid)}", as_json(CheckView), body, headers)


def run_check(uuid: str) -> Call[CheckView]:
    return Call("POST", f"/api/check/{segment(uuid)}/run", as_json(CheckView))


def delete_check(uuid: str) -> Call[None]:
    return Call("DELETE", f"/api/check/{segment(uuid)}", nothing)


def check_results(uuid: str, *, node: str, verdict: Verdict | None, limit: int) -> Call[list[CheckResult]]:
    parameters = {"node": node or None, "verdict": verdict, "limit": limit}
    return ask(f"/api/check/{segment(uuid)}/results", list[CheckResult], parameters)


def named_check(name: str, found: Sequence[CheckView]) -> CheckView:
    """Return the check with this name, UUID, or beginning of a UUID; raises NotFound or UserError."""
    return named(name, found, "check", "check")


def of_present_run(view: CheckView, results: Sequence[CheckResult]) -> list[CheckResult]:
    """Return the latest result of each interface in a check's present run, by name; `results` are the newest first."""
    latest = {result.node_id: result for result in reversed(results) if result.run_at >= view.run_at}
    return sorted(latest.values(), key=lambda result: (result.node_name, result.node_id))


def settled(view: CheckView, results: Sequence[CheckResult], interfaces: int) -> list[CheckResult] | None:
    """Return the latest results of a check's present run when every interface has its verdict, else None.

    `interfaces` = how many there have to be at least.
    """
    latest = of_present_run(view, results)
    if len(latest) < max(interfaces, view.interfaces) or not all(result.ended_at for result in latest):
        return None
    return latest


def may_be_settled(change: CheckChange, uuid: str) -> bool:
    """Tell whether a change is of this check, and leaves nothing waiting."""
    view = change.view
    return view is not None and view.uuid == uuid and (change.kind == "Deleted" or not view.verdicts.get("waiting"))


@dataclass(frozen=True, slots=True)
class CheckFeed:
    """Checks that are created, change or go, and each result as it is found."""

    path: str = "/ws/subscriber"

    def parameters(self) -> Mapping[str, str]:
        return {"x-client-type": CLIENT_TYPE, "x-websocket-namespace": "Check"}

    def greeting(self) -> None:
        return None

    def events(self, message: str | bytes) -> Iterator[CheckChange]:
        envelope = read_envelope(message)
        kinds: Mapping[str, Literal["Added", "Updated", "Deleted"]] = {
            "Added": "Added",
            "Updated": "Updated",
            "Deleted": "Deleted",
        }
        if envelope.namespace != "Check":
            return
        if envelope.type == "Result":
            yield CheckChange("Result", result=read_obj(envelope, CheckResult))
        elif kind := kinds.get(envelope.type):
            yield CheckChange(kind, read_obj(envelope, CheckView))


def wire_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Return fields under the names that they have in JSON; raises TypeError for an unknown one."""
    return wire_names(fields, Check, "check")


def _wire(name: str) -> str:
    special = {"mac": "MAC", "max_rtt": "MaxRTT"}
    return special.get(name) or "".join(part.capitalize() for part in name.split("_"))
