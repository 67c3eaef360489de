# SPDX-License-Identifier: Apache-2.0
"""The check resource: a query for interfaces, what must be true of each soon after it appears, and what came of it.

Stored in the buckets `checks` (key: UUID) and `check-results` (key: `<check>.<node>.<started>`).
"""

from typing import Literal

import msgspec

from netsonde.model.elements import Json
from netsonde.model.injections import ProbeResult

Verdict = Literal["waiting", "pass", "fail", "unknown"]
VERDICTS: tuple[Verdict, ...] = ("waiting", "pass", "fail", "unknown")
Active = Literal["never", "unsettled", "always"]
"""When packets are injected for a step: never; when what the interface sent settles nothing in time; in any case."""


class CheckStep(msgspec.Struct, frozen=True, omit_defaults=False, rename="pascal"):
    """One thing that must be true."""

    type: str
    """Name of a step: dhcp, gateway, icmp, …"""
    within: int = 0
    """Milliseconds after the interface's appearance; 0 = as long as the check says."""
    parameters: dict[str, Json] = {}
    """What the step expects; each kind of step has its own, unknown ones are refused."""


class Check(msgspec.Struct, frozen=True, omit_defaults=False):
    """A check as it is stored, and as REST accepts and serves it."""

    uuid: str = msgspec.field(name="UUID", default="")
    name: str = msgspec.field(name="Name", default="")
    """Also the key under which the verdict is shown on nodes."""
    description: str = msgspec.field(name="Description", default="")
    gremlin_query: str = msgspec.field(name="GremlinQuery", default="")
    """Which interfaces, present or future."""
    steps: list[CheckStep] = msgspec.field(name="Steps", default_factory=list)
    """In the order in which they depend on each other: the first that fails gives the reason."""
    within: int = msgspec.field(name="Within", default=10_000)
    """Milliseconds that steps have unless they say otherwise."""
    active: Active = msgspec.field(name="Active", default="never")
    """Whether steps may send packets of their own, as if the guest had."""
    first_packets: int = msgspec.field(name="FirstPackets", default=200)
    """Packets of each interface that are judged; the capture keeps them whole."""
    actions: list[str] = msgspec.field(name="Actions", default_factory=list)
    """Whom to tell a verdict, spelt as those of alerts."""
    act_on: list[Verdict] = msgspec.field(name="ActOn", default_factory=lambda: ["fail"])
    """The verdicts that are told."""
    created_at: int = msgspec.field(name="CreatedAt", default=0)
    """Unix ms, set by the server."""
    created_by: str = msgspec.field(name="CreatedBy", default="")
    """Who created or last changed it, set by the server: it has workflows called that do no more than that user may."""
    run_at: int = msgspec.field(name="RunAt", default=0)
    """Unix ms of the last wish to judge the present interfaces anew; set by the server."""
    expires_at: int = msgspec.field(name="ExpiresAt", default=0)
    """Unix ms at which the check deletes itself (from X-Resource-TTL); 0 = never."""


class Injected(msgspec.Struct, frozen=True, rename="pascal"):
    """An injection that a step was judged by, and which of its packets were answered by whom."""

    uuid: str = msgspec.field(name="UUID")
    type: str
    target: str
    sent: int
    replies: list[ProbeResult] = []
    """The first ones."""


class Evidence(msgspec.Struct, frozen=True, rename="pascal"):
    """What a step was judged by; packet numbers count on the interface, in the capture of the result."""

    flows: list[str] = []
    packets: list[int] = []
    nodes: list[str] = []
    injections: list[Injected] = []


class StepResult(msgspec.Struct, frozen=True, rename="pascal"):
    """What became of one step."""

    type: str
    verdict: Verdict
    sentence: str = ""
    """What was seen, for people."""
    after_ms: int | None = None
    """When it was decided, in ms after the interface's appearance, by the clock of its host."""
    within: int = 0
    """Milliseconds that it had."""
    evidence: Evidence = msgspec.field(default_factory=Evidence)


class CheckResult(msgspec.Struct, frozen=True):
    """One run of a check on one interface. Times are Unix ms."""

    check: str = msgspec.field(name="Check")
    """UUID of the check."""
    check_name: str = msgspec.field(name="CheckName")
    node_id: str = msgspec.field(name="NodeID")
    node_tid: str = msgspec.field(name="NodeTID")
    node_name: str = msgspec.field(name="NodeName")
    host: str = msgspec.field(name="Host")
    capture_id: str = msgspec.field(name="CaptureID")
    """Capture that the evidence belongs to."""
    started_at: int = msgspec.field(name="StartedAt")
    """The interface's appearance, or the beginning of the capture on one that was there before."""
    run_at: int = msgspec.field(name="RunAt", default=0)
    """`RunAt` of the check that this run obeys."""
    ended_at: int = msgspec.field(name="EndedAt", default=0)
    """0 = it goes on."""
    verdict: Verdict = msgspec.field(name="Verdict", default="waiting")
    sentence: str = msgspec.field(name="Sentence", default="")
    """Why, in one sentence: of the first step that failed, else of the first that is unknown."""
    steps: list[StepResult] = msgspec.field(name="Steps", default_factory=list)


class CheckView(Check, frozen=True):
    """A check as the API serves it: the definition, how many interfaces have which verdict, and its captures."""

    verdicts: dict[str, int] = msgspec.field(name="Verdicts", default_factory=dict)
    """Interfaces by the verdict of their latest run."""
    captures: list[str] = msgspec.field(name="Captures", default_factory=list)
    """UUIDs of the captures that belong to it."""
    interfaces: int = msgspec.field(name="Interfaces", default=0)
    """Interfaces that it matches now and that can be captured."""
    state: str = msgspec.field(name="State", default="starting")
    """State of the capture on the interfaces: waiting, starting, active, partial, failed."""
    reason: str = msgspec.field(name="Reason", default="")


class CheckChange(msgspec.Struct, frozen=True):
    """A check was created, changed or deleted, or an interface got a result."""

    kind: Literal["Added", "Updated", "Deleted", "Result"]
    view: CheckView | None = None
    result: CheckResult | None = None


def result_key(result: CheckResult) -> str:
    """Return the key of a result in its bucket; ids have no dots."""
    return f"{result.check}.{result.node_id}.{result.started_at}"
