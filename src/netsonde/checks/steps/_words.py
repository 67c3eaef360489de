# SPDX-License-Identifier: Apache-2.0
"""Phrases that the sentences of several steps share."""

from datetime import UTC, datetime

from netsonde.checks.facts import Packet
from netsonde.checks.steps._api import Answers, Outcome, Scene
from netsonde.errors import UserError
from netsonde.model.injections import ProbeResult


def clock(time_ns: int) -> str:
    """Return a time of day with milliseconds, in UTC; what is no time of this calendar is shown as a number."""
    try:
        return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%H:%M:%S") + (
            f".{time_ns % 1_000_000_000 // 1_000_000:03d} UTC"
        )
    except (ValueError, OverflowError, OSError):
        return str(time_ns)


def packets(number: int, kind: str = "") -> str:
    """Return "1 packet", "2 other packets"."""
    return f"{number} {kind}packet{'' if number == 1 else 's'}"


def span(scene: Scene, time_ns: int) -> str:
    """Return how long after the interface's appearance something was."""
    return f"{(time_ns - scene.start_ns) / 1e9:.3f} s"


def left(scene: Scene, what: str, packet: Packet) -> str:
    """Return "WHAT left INTERFACE at TIME, reached …, was not seen on …"."""
    words = scene.trail(packet.flow).words()
    return f"{what} left {scene.name} at {clock(packet.time_ns)}" + (f", {words}" if words else "")


def lost(scene: Scene, packet: Packet, otherwise: str) -> str:
    """Return why a question may have no answer: it got lost on a known path, or `otherwise`."""
    where = scene.trail(packet.flow)
    if not where.missing:
        return otherwise
    return f"wrong VLAN {where.vlan} or no link" if where.vlan else "wrong VLAN or no link"


def injected(what: str, scene: Scene, answers: Answers) -> str:
    """Return "WHAT, injected at INTERFACE at TIME"."""
    return f"{what}, injected at {scene.name} at {clock(answers.sent_ns)}"


def arrival_ns(reply: ProbeResult) -> int:
    """Return when an answer came, Unix time."""
    return reply.sent_ns + max(0, reply.rtt_ns)


def milliseconds(reply: ProbeResult) -> str:
    """Return how long an answer took."""
    return f"{reply.rtt_ns / 1e6:.1f} ms"


def silence(question: str, answers: Answers, otherwise: str) -> Outcome:
    """Return the failure of an injected question without an answer; `otherwise` = why, if its way is not known."""
    told = next(iter(answers.errors), None)
    if told is not None:
        sentence = f"{question}: {told.source} says that it is {told.verdict} ({told.note})"
        return Outcome("fail", sentence, arrival_ns(told))
    return Outcome("fail", question, answers.sent_ns, lost=otherwise)


def first_router(scene: Scene) -> str:
    """Return the guest's gateway; raises UserError when none is known."""
    found = next(iter(scene.guest.routers()), None)
    if found is None:
        raise UserError("neither a lease nor the graph names a gateway")
    return str(found)
