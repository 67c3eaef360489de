# SPDX-License-Identifier: Apache-2.0
"""A step that is judged by injected packets: when it is, and what its verdict is together with that of the traffic."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from netsonde.checks.definitions import PlannedStep
from netsonde.checks.facts import Packet
from netsonde.checks.steps._api import WAITING, Outcome, Scene, Whereabouts
from netsonde.model.checks import Active

REPORT_MS: Final = 1_000
"""How long after an injection its packets may be reported by all interfaces that they came to."""


def is_called_for(active: Active, step: PlannedStep, outcome: Outcome) -> bool:
    """Tell whether packets have to be injected for a step about which the traffic has said what it can."""
    if active == "never" or step.kind.inquiry is None:
        return False
    has_evidence = outcome.verdict == "pass" or bool(outcome.packets)
    return active == "always" or not has_evidence


class Inquiry:
    """What the traffic said of a step, and what became of the packets that are injected for it."""

    def __init__(self, step: PlannedStep, scene: Scene, passive: Outcome) -> None:
        self.step = step
        self.scene = scene
        self.passive = passive
        self.is_taken = False
        """Somebody asks already."""
        self.is_void = False
        """Nobody waits for the answer any more: nothing more must be sent."""
        self._found: Outcome | None = None
        self._found_ms = 0

    def answered(self, outcome: Outcome, now_ms: int) -> None:
        self._found, self._found_ms = outcome, now_ms

    def outcome(
        self, now_ms: int, sent: Callable[[str], Packet | None], trail: Callable[[str], Whereabouts]
    ) -> Outcome:
        """Return what is thought now; `sent` gives a packet of an injection, `trail` where those of a flow went."""
        found = self._found
        if found is None:
            return WAITING
        if found.lost:
            if now_ms < self._found_ms + REPORT_MS:
                return WAITING
            packets = [sent(one.uuid) for one in found.injections[-1:]]
            found = _placed(found, next(filter(None, packets), None), trail)
        return _together(self.passive, found)


def _placed(lost: Outcome, packet: Packet | None, trail: Callable[[str], Whereabouts]) -> Outcome:
    """Return an outcome with where its question was seen last."""
    where = Whereabouts() if packet is None else trail(packet.flow)
    words, cause = where.words(), lost.lost
    if where.missing:
        cause = f"wrong VLAN {where.vlan} or no link" if where.vlan else "wrong VLAN or no link"
    sentence = f"{lost.sentence}, {words}: {cause}" if words else f"{lost.sentence}: {cause}"
    evidence = () if packet is None else (packet,)
    return _changed(lost, sentence=sentence, packets=evidence, nodes=where.nodes)


def _together(passive: Outcome, active: Outcome) -> Outcome:
    """Return the verdict of both: what was seen to fail stays failed, what could not be asked changes nothing."""
    if active.verdict == "unknown" and passive.verdict != "waiting":
        if passive.verdict == "pass":
            return passive
        # Why it could not be asked says more than that nobody did.
        sentence = "; ".join(filter(None, (passive.sentence, active.sentence)))
        return _changed(passive, sentence=sentence)
    if passive.verdict == "fail" and passive.packets:
        return _changed(passive, injections=active.injections)
    if passive.verdict == "pass" and active.verdict == "pass":
        return _changed(passive, sentence=f"{passive.sentence}; {active.sentence}", injections=active.injections)
    return active


def _changed(outcome: Outcome, **fields: Any) -> Outcome:
    return replace(outcome, **fields)
