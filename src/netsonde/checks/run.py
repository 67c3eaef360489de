# SPDX-License-Identifier: Apache-2.0
"""One check on one interface, from its appearance to the verdict."""

from collections.abc import Callable, Sequence
from typing import Final

from netsonde.checks.definitions import PlannedStep
from netsonde.checks.facts import Packet
from netsonde.checks.inquiry import Inquiry, is_called_for
from netsonde.checks.marks import Marks
from netsonde.checks.mishaps import Guarded, Mishaps
from netsonde.checks.steps._api import WAITING, Outcome
from netsonde.checks.surroundings import Surroundings
from netsonde.model.checks import Check, CheckResult, Evidence, StepResult, Verdict

LAG_MS: Final = 1_000
"""How long after a step's time is over what its host has kept is read again: it has handed over everything by then."""
CONFIRM_MS: Final = 3_000
"""How long that may take; then the verdict says that it is missing."""
_BEFORE_MS: Final = 1_000
"""How long before the graph knew of an interface its first packet can have been."""
_NS: Final = 1_000_000
_MOST_EVIDENCE: Final = 20
_NEVER_MS: Final = 10**12


class Run:
    """Feeds the judges of all steps, and sums up what they say."""

    def __init__(
        self,
        check: Check,
        steps: Sequence[PlannedStep],
        *,
        around: Surroundings,
        marks: Marks,
        mishaps: Mishaps,
        host: str,
        capture_id: str,
        started_ms: int,
        behind_ms: Callable[[], int],
    ) -> None:
        """`behind_ms` tells by how much the clock of the interface's host is behind ours."""
        self.check = check
        self.around = around
        self.subject = around.subject
        self.host, self.capture_id, self.started_ms = host, capture_id, started_ms
        self.trouble = ""
        """Why packets may be missing: then an absence proves nothing."""
        self.refused = 0
        """Packets beyond the check's limit."""
        self.looked_ms = 0
        self._asked_ms = 0
        """When it was wished, for the step that is due now, that kept packets are read again; 0 = not yet."""
        self._confirmed_ms = 0
        """Up to which time everything is known that the host has kept."""
        self._marks = marks
        self._behind_ms = behind_ms
        self._known: set[tuple[int, int]] = set()
        """Packets that were taken, by time and number: numbers begin anew with each tap."""
        start_ns = started_ms * _NS
        self._scenes = [around.scene(start_ns, start_ns + step.within_ms * _NS) for step in steps]
        self._steps = [(step, Guarded(step, scene, mishaps)) for step, scene in zip(steps, self._scenes, strict=True)]
        self._inquiries: dict[int, Inquiry] = {}
        """Steps about which the traffic has said what it can, while packets are injected for them."""
        self._asked_early: set[int] = set()
        """Steps for which packets were injected before their time was over, in vain."""
        self._injected: dict[str, Packet] = {}
        """By injection, a packet of it that the capture saw."""
        self._settled: dict[int, Outcome] = {}
        self._settled_ms = 0
        self._gone = ""

    @property
    def due_ms(self) -> int:
        """When the next step's time is over for sure, by our clock."""
        decided = self._settled.keys() | self._inquiries.keys()
        left = [step.within_ms for at, (step, _) in enumerate(self._steps) if at not in decided]
        return self.started_ms + self._behind_ms() + min(left, default=_NEVER_MS) + LAG_MS

    @property
    def is_over(self) -> bool:
        return len(self._settled) == len(self._steps)

    def packet(self, packet: Packet) -> bool:
        """Take a packet of the interface; False when it is known, a predecessor's, or beyond what is judged."""
        identity = (packet.time_ns, packet.number)
        if identity in self._known or packet.time_ns < (self.started_ms - _BEFORE_MS) * _NS:
            return False
        own = self.around.speaker.is_own(packet.mac_source)
        injection = self._marks.injection(self.subject.node_id, packet)
        if injection:
            if own:
                self._injected.setdefault(injection, packet)
            if packet.neighbour is None:
                return False
        if len(self._known) >= self.check.first_packets:
            self.refused += 1
            return False
        self._known.add(identity)
        self.around.guest.learn(packet, own=own)
        for at, (_, judge) in enumerate(self._steps):
            if at not in self._settled:
                judge.packet(packet, own=own)
        return True

    def wants_packets(self, now_ms: int) -> bool:
        """Tell, once for each step whose time is over, that kept packets have to be read before it is judged."""
        if self._gone or now_ms < self.due_ms or self._asked_ms:
            return False
        self._asked_ms = now_ms
        return True

    def confirm(self, read_ms: int) -> None:
        """Everything was read that the host had kept then; what was read before it was wished confirms nothing."""
        if 0 < self._asked_ms <= read_ms:
            self._confirmed_ms, self._asked_ms = self._asked_ms, 0

    def leave(self, reason: str) -> None:
        """No more packets come: judge by what is there."""
        self._gone = reason

    def take_inquiries(self) -> list[Inquiry]:
        """Return the steps for which packets have to be injected, each once; tell each `answered`."""
        taken = [inquiry for inquiry in self._inquiries.values() if not inquiry.is_taken]
        for inquiry in taken:
            inquiry.is_taken = True
        return taken

    def close(self) -> None:
        """Nobody wants to know any more."""
        for inquiry in self._inquiries.values():
            inquiry.is_void = True

    def result(self, now_ms: int) -> CheckResult:
        """Return what is thought now; steps that are decided stay so."""
        outcomes = [self._outcome(at, now_ms) for at in range(len(self._steps))]
        if self.is_over and not self._settled_ms:
            self._settled_ms = now_ms
        steps = [self._step(at, outcome) for at, outcome in enumerate(outcomes)]
        verdict = summed_up(steps)
        told = next((step for step in steps if step.verdict == verdict), None)
        return CheckResult(
            check=self.check.uuid,
            check_name=self.check.name,
            node_id=self.subject.node_id,
            node_tid=self.subject.tid,
            node_name=self.subject.name,
            host=self.host,
            capture_id=self.capture_id,
            started_at=self.started_ms,
            run_at=self.check.run_at,
            ended_at=self._settled_ms,
            verdict=verdict,
            sentence=told.sentence if told is not None and verdict in ("fail", "unknown") else "",
            steps=steps,
        )

    def _outcome(self, at: int, now_ms: int) -> Outcome:
        settled = self._settled.get(at)
        if settled is not None:
            return settled
        if at in self._inquiries:
            outcome = self._inquired(at, now_ms)
        else:
            outcome = self._passive(at, now_ms)
            if not self._gone and self._asks(at, outcome):
                return WAITING
        if outcome.verdict != "waiting":
            self._settled[at] = outcome
        return outcome

    def _asks(self, at: int, outcome: Outcome) -> bool:
        """Have packets injected for a step about which the traffic has said what it can, if that is allowed."""
        (step, judge), scene = self._steps[at], self._scenes[at]
        is_early = outcome.verdict == "waiting"
        if not is_called_for(self.check.active, step, outcome):
            return False
        if is_early and (at in self._asked_early or not judge.is_ready()):
            return False
        self._inquiries[at] = Inquiry(step, scene, outcome)
        return True

    def _inquired(self, at: int, now_ms: int) -> Outcome:
        inquiry = self._inquiries[at]
        if self._gone:
            inquiry.is_void = True
            return self._doubted(inquiry.passive)
        outcome = inquiry.outcome(now_ms, self._injected.get, self.around.trail)
        if inquiry.passive.verdict == "waiting" and (outcome.verdict == "unknown" or outcome.lost):
            # It was too early; there is another chance when its time is over.
            self._asked_early.add(at)
            del self._inquiries[at]
            return WAITING
        return outcome

    def _passive(self, at: int, now_ms: int) -> Outcome:
        """Return what the interface's own traffic says of a step."""
        step, judge = self._steps[at]
        theirs_ms = now_ms - self._behind_ms()
        over = bool(self._gone) or self._is_over(step, now_ms)
        outcome = judge.outcome(theirs_ms * _NS, over=over)
        if over:
            outcome = self._doubted(outcome)
        return outcome

    def _is_over(self, step: PlannedStep, now_ms: int) -> bool:
        due = self.started_ms + self._behind_ms() + step.within_ms + LAG_MS
        if now_ms < due or self._confirmed_ms >= due:
            return now_ms >= due
        if not self._asked_ms or now_ms < self._asked_ms + CONFIRM_MS:
            return False
        self.trouble = self.trouble or f"the agent of {self.host} did not confirm it"
        return True

    def _doubted(self, outcome: Outcome) -> Outcome:
        """Return an outcome of what was not seen, as `unknown` when it may have been missed."""
        why = self._gone or self.trouble
        if self.refused:
            why = why or f"{self.refused} packets after the first {self.check.first_packets} were not judged"
        if outcome.verdict == "waiting":
            return Outcome("unknown", why or "nothing decided it in time")
        if why and outcome.verdict != "unknown" and not outcome.time_ns:
            return Outcome("unknown", f"{outcome.sentence} ({why})", 0, outcome.packets, outcome.nodes)
        return outcome

    def _step(self, at: int, outcome: Outcome) -> StepResult:
        step = self._steps[at][0]
        flows = dict.fromkeys(packet.flow for packet in outcome.packets if packet.flow != "0")
        after = None if not outcome.time_ns else max(0, outcome.time_ns // _NS - self.started_ms)
        evidence = Evidence(
            flows=[*flows][:_MOST_EVIDENCE],
            packets=[packet.number for packet in outcome.packets][:_MOST_EVIDENCE],
            nodes=[self.subject.node_id, *outcome.nodes][:_MOST_EVIDENCE] if outcome is not WAITING else [],
            injections=[*outcome.injections],
        )
        return StepResult(step.kind.name, outcome.verdict, outcome.sentence, after, step.within_ms, evidence)


def summed_up(steps: Sequence[StepResult]) -> Verdict:
    """Return the verdict of all steps together."""
    verdicts = {step.verdict for step in steps}
    order: tuple[Verdict, ...] = ("fail", "waiting", "unknown")
    return next((verdict for verdict in order if verdict in verdicts), "pass")
