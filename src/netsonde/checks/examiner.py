# SPDX-License-Identifier: Apache-2.0
"""Judges interfaces as they appear: opens runs, feeds them, tells their results. Without I/O, on one event loop.

Source: states of the checks' captures, packets and flows that agents report, events of the merged graph.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

from netsonde.checks.definitions import PlannedStep, planned
from netsonde.checks.facts import FlowSeen, Packet
from netsonde.checks.inquiry import Inquiry
from netsonde.checks.marks import Marks
from netsonde.checks.mishaps import Counters, Mishaps
from netsonde.checks.run import Run
from netsonde.checks.steps._api import Outcome
from netsonde.checks.surroundings import Surroundings
from netsonde.checks.whereabouts import Place, Sightings, Ways
from netsonde.errors import UserError
from netsonde.graph import Event, Graph
from netsonde.model.captures import CaptureView, NodeStatus
from netsonde.model.checks import Check, CheckResult
from netsonde.model.elements import Edge
from netsonde.observe import logger

log = logger("checks")

_MOST_EARLY: Final = 20_000
_EARLY_NS: Final = 60_000_000_000
"""How long packets wait for the report of their capture."""
_MOST_REMEMBERED: Final = 50_000
_LOOK_MS: Final = 500
"""How often a run is looked at that has no news: some steps wait for silence."""
_SEARCHES: Final = 4
"""Searches for paths in one tick; each may look at some thousand nodes, and everybody waits for it."""
_CLOCK_MS: Final = 600_000
"""How long what is known of a host's clock is good for."""
_SKEWED_MS: Final = 1_000
"""Clocks that differ by less are taken for equal: the report of a tap takes its time too."""

K = TypeVar("K", bound=tuple[str, str])
Point = tuple[str, str]
"""Capture and TID."""


class Examiner:
    """All runs of one analyzer. `tell` gets each result that differs from the one told before."""

    def __init__(
        self,
        graph: Graph,
        *,
        now_ms: Callable[[], int],
        latest: Callable[[str, str], CheckResult | None],
        tell: Callable[[CheckResult], None],
        counters: Counters,
        max_runs: int,
    ) -> None:
        """`latest` gives the last known result of a check (UUID) on a node (id)."""
        self._graph = graph
        self._now_ms = now_ms
        self._latest = latest
        self._tell = tell
        self._counters = counters
        self._max_runs = max_runs
        self._checks: dict[str, tuple[Check, Sequence[PlannedStep]]] = {}
        self._paths: dict[str, dict[str, Sequence[Place]]] = {}
        self._runs: dict[tuple[str, str], Run] = {}
        self._by_point: dict[Point, Run] = {}
        self._told: dict[tuple[str, str], CheckResult] = {}
        self._gone: dict[tuple[str, str], None] = {}
        """Checks and nodes that went after their last run: should they come back, they are new."""
        self._closed: dict[Point, None] = {}
        """Where nothing is judged any more."""
        self._behind: dict[str, tuple[int, int]] = {}
        self.recalls: dict[tuple[str, str], set[str]] = {}
        """By capture and host, of which interfaces (TIDs) packets have to be read again; see `take_recalls`."""
        self.marks = Marks()
        """Which packets were injected for checks."""
        self.mishaps = Mishaps(counters)
        self._early: deque[Packet] = deque()
        """Packets of interfaces whose capture has not been reported yet."""
        self._dirty: dict[tuple[str, str], None] = {}
        self._wiring = 0
        """Changes of layer 2 so far: they change which interfaces have a way to which."""
        self._ways = Ways(graph)
        self.sightings = Sightings()

    def define(self, check: Check) -> None:
        """Follow a definition that is new or changed; runs of an earlier wish end here."""
        try:
            steps = planned(check)
        except UserError as bad:
            log.warning("a stored check is left out", check=check.uuid, reason=str(bad))
            return
        before = self._checks.get(check.uuid)
        if before is not None and before[0].run_at != check.run_at:
            for key in [key for key in self._runs if key[0] == check.uuid]:
                self._runs[key].leave("the check was changed or started anew meanwhile")
                self._judge(key, self._now_ms())
        self._checks[check.uuid] = (check, steps)

    def undefine(self, uuid: str) -> None:
        self._checks.pop(uuid, None)
        self._paths.pop(uuid, None)
        for key in [key for key in self._runs if key[0] == uuid]:
            self._close(key)
        self._gone = {key: None for key in self._gone if key[0] != uuid}

    def is_judging(self, uuid: str, node_id: str) -> bool:
        """Tell whether a check is being judged on a node."""
        return (uuid, node_id) in self._runs

    def runs(self) -> int:
        return len(self._runs)

    def captured(self, uuid: str, view: CaptureView, *, fresh: bool) -> None:
        """Take the state of the capture on the interfaces of a check; `fresh` = it was told just now, as it changed."""
        known = self._checks.get(uuid)
        if known is None or view.status is None:
            return
        for status in view.status.nodes:
            run = self._runs.get((uuid, status.node_id))
            if run is not None and run.capture_id == view.uuid:
                self._note_trouble(run, status)
            elif status.state == "active" and self._is_wanted(known[0], status):
                self._open(*known, view.uuid, status, fresh=fresh)

    def captured_path(self, uuid: str, view: CaptureView) -> None:
        """Take the state of a capture on the interfaces that packets of a check have to pass."""
        if uuid not in self._checks or view.status is None:
            return
        places = [Place(one.node_id, one.node_tid, one.name) for one in view.status.nodes if one.state == "active"]
        paths = self._paths.setdefault(uuid, {})
        if paths.get(view.uuid) != places:
            paths[view.uuid] = places
            for key, run in self._runs.items():
                if key[0] == uuid:
                    self._set_places(run)

    def forget_capture(self, uuid: str, capture_id: str) -> None:
        """A capture of a check is gone."""
        self._paths.get(uuid, {}).pop(capture_id, None)

    def packets(self, packets: Iterable[Packet]) -> None:
        """Take packets of the checks' captures, in any order and repeatedly."""
        for packet in packets:
            run = self._by_point.get((packet.capture_id, packet.node_tid))
            if run is not None:
                self._feed(run, packet)
            elif (packet.capture_id, packet.node_tid) not in self._closed:
                self._keep_early(packet)

    def flows(self, flows: Iterable[FlowSeen]) -> None:
        before = self.sightings.forgotten
        for flow in flows:
            self.sightings.add(flow)
        if self.sightings.forgotten > before:
            self._counters.count("flows_forgotten", self.sightings.forgotten - before)
        # A trail may be complete now.
        self._dirty.update((key, None) for key, run in self._runs.items() if run.around.has_path)

    def recall_all(self) -> None:
        """Packets may have gone by unnoticed: those of all runs have to be read again."""
        for run in self._runs.values():
            self._recall(run)

    def take_recalls(self) -> dict[tuple[str, str], set[str]]:
        """Return, by capture and host, whose packets have to be read again; tell `confirmed` when that is done."""
        taken, self.recalls = self.recalls, {}
        return taken

    def take_inquiries(self) -> list[tuple[Run, Inquiry]]:
        """Return the steps for which packets have to be injected, each once; tell `answered` what came of it."""
        return [(run, inquiry) for run in self._runs.values() for inquiry in run.take_inquiries()]

    def answered(self, run: Run, inquiry: Inquiry, outcome: Outcome) -> None:
        """Take what injected packets say of a step."""
        inquiry.answered(outcome, self._now_ms())
        key = (run.check.uuid, run.subject.node_id)
        if self._runs.get(key) is run:
            self._dirty[key] = None

    def confirmed(self, capture: str, tids: Iterable[str], read_ms: int) -> None:
        """Everything was read that agents kept of these interfaces at a time (Unix ms)."""
        for tid in tids:
            run = self._by_point.get((capture, tid))
            if run is not None:
                run.confirm(read_ms)
                self._dirty[run.check.uuid, run.subject.node_id] = None

    def follow(self, events: Sequence[Event]) -> None:
        """Follow one batch of the graph: what is gone cannot be judged any further, and is new when it comes back."""
        rewired = {end for event in events if _is_layer2(event) for end in _ends(event)}
        if rewired:
            self._wiring += 1
            self._ways.changed(rewired)
        for event in events:
            if isinstance(event.element, Edge) or event.kind != "deleted":
                continue
            for uuid in self._checks:
                key = (uuid, event.element.id)
                run = self._runs.get(key)
                if run is not None:
                    run.leave("the interface went away meanwhile")
                    self._dirty[key] = None
                last = self._latest(*key)
                if last is not None:
                    self._closed.pop((last.capture_id, last.node_tid), None)
                if run is not None or last is not None:
                    _remember(self._gone, key)

    def tick(self) -> int:
        """Look at every run that has news or whose time is over; return how many were looked at.

        One whose path has to be searched has its turn in a later tick when there are many: the longest waiting first.
        """
        now_ms = self._now_ms()
        due = [
            key
            for key, run in self._runs.items()
            if key in self._dirty or run.due_ms <= now_ms or run.looked_ms + _LOOK_MS <= now_ms
        ]
        due.sort(key=lambda key: self._runs[key].looked_ms)
        self._ways.searches = _SEARCHES
        ready = [key for key in due if self._runs[key].around.find_path(self._ways, self._wiring)]
        self._dirty = dict.fromkeys(due) if len(ready) < len(due) else {}
        for key in ready:
            self._dirty.pop(key, None)
            self._judge(key, now_ms)
        return len(ready)

    def _judge(self, key: tuple[str, str], now_ms: int) -> None:
        run = self._runs[key]
        run.looked_ms = now_ms
        if run.wants_packets(now_ms):
            self._recall(run)
        result = run.result(now_ms)
        if result != self._told.get(key):
            self._told[key] = result
            self._tell(result)
        if run.is_over:
            if run.refused:
                self._counters.count("packets_not_judged", run.refused)
            self._close(key)

    def _is_wanted(self, check: Check, status: NodeStatus) -> bool:
        """Tell whether an interface has to be judged: for the first time, anew on request, or since it is back."""
        node = self._graph.node(status.node_id)
        if node is None or status.since + _SKEWED_MS < node.created_at:
            # The report is older than the interface: that of its predecessor.
            return False
        last = self._latest(check.uuid, status.node_id)
        if last is None or last.run_at < check.run_at or not last.ended_at:
            return True
        return (check.uuid, status.node_id) in self._gone

    def _open(
        self, check: Check, steps: Sequence[PlannedStep], capture_id: str, status: NodeStatus, *, fresh: bool
    ) -> None:
        if len(self._runs) >= self._max_runs:
            # It has its turn when another run has ended: its first packets are kept.
            self._counters.count("runs_put_off")
            return
        key = (check.uuid, status.node_id)
        if fresh:
            self._note_clock(status)
        run = Run(
            check,
            steps,
            around=Surroundings(self._graph, self.sightings, Place(status.node_id, status.node_tid, status.name)),
            marks=self.marks,
            mishaps=self.mishaps,
            host=status.host,
            capture_id=capture_id,
            started_ms=self._started(key, status, check.run_at),
            behind_ms=partial(self._behind_ms, status.host),
        )
        if key in self._runs:
            self._close(key)
        self._runs[key] = self._by_point[capture_id, status.node_tid] = run
        if key in self._gone:
            # Its first packets may have been taken for late ones of its predecessor.
            self._recall(run)
        self._gone.pop(key, None)
        self._closed.pop((capture_id, status.node_tid), None)
        self._note_trouble(run, status)
        last = self._latest(*key)
        if last is not None and last.started_at == run.started_ms:
            # Somebody had begun, we ourselves perhaps before the lease was lost: what the host has kept tells the same.
            self._recall(run)
        self._set_places(run)
        self._take_early(run)
        self._dirty[key] = None
        self._counters.count("runs")

    def _recall(self, run: Run) -> None:
        self.recalls.setdefault((run.capture_id, run.host), set()).add(run.subject.tid)

    def _note_clock(self, status: NodeStatus) -> None:
        """Learn by how much the clock of a host is behind: a report takes its time too, so the quickest one counts."""
        now = self._now_ms()
        behind, noted = self._behind.get(status.host, (now - status.since, 0))
        if now - noted > _CLOCK_MS:
            self._behind[status.host] = (now - status.since, now)
        else:
            self._behind[status.host] = (min(behind, now - status.since), noted)

    def _behind_ms(self, host: str) -> int:
        behind = self._behind.get(host, (0, 0))[0]
        return behind if abs(behind) > _SKEWED_MS else 0

    def _started(self, key: tuple[str, str], status: NodeStatus, run_at: int) -> int:
        """Return from when on time counts: the interface's appearance, if nothing of it can have been missed.

        An unfinished run is taken up, but not one of an earlier wish.
        """
        last, node = self._latest(*key), self._graph.node(status.node_id)
        if last is not None and not last.ended_at and last.run_at == run_at and key not in self._gone:
            return last.started_at
        if node is None or not (status.armed_before_up or status.lookback_packets):
            return status.since
        first = status.first_packet_at or node.created_at
        return min(node.created_at, first)

    def _note_trouble(self, run: Run, status: NodeStatus) -> None:
        if status.packets_dropped:
            run.trouble = f"{status.packets_dropped} packets were lost by the capture"
        elif status.state in ("failed", "starting"):
            run.trouble = f"the capture was interrupted: {status.reason or 'it is starting again'}"

    def _set_places(self, run: Run) -> None:
        places = {place.node_id: place for some in self._paths.get(run.check.uuid, {}).values() for place in some}
        places.pop(run.subject.node_id, None)
        run.around.set_places([*places.values()])

    def _feed(self, run: Run, packet: Packet) -> None:
        if run.packet(packet):
            self._dirty[run.check.uuid, run.subject.node_id] = None

    def _keep_early(self, packet: Packet) -> None:
        while self._early and self._early[0].time_ns < packet.time_ns - _EARLY_NS:
            self._early.popleft()
        if len(self._early) >= _MOST_EARLY:
            self._early.popleft()
            self._counters.count("early_packets_dropped")
        self._early.append(packet)

    def _take_early(self, run: Run) -> None:
        rest: deque[Packet] = deque()
        for packet in self._early:
            if (packet.capture_id, packet.node_tid) == (run.capture_id, run.subject.tid):
                self._feed(run, packet)
            else:
                rest.append(packet)
        self._early = rest

    def _close(self, key: tuple[str, str]) -> None:
        run = self._runs.pop(key)
        run.close()
        point = (run.capture_id, run.subject.tid)
        self._by_point.pop(point, None)
        if key not in self._gone:
            _remember(self._closed, point)
        self._told.pop(key, None)
        self._dirty.pop(key, None)


def _is_layer2(event: Event) -> bool:
    """Tell whether an event is about a link of layer 2, or one that was one."""
    edges = (event.element, event.previous)
    return any(isinstance(edge, Edge) and edge.metadata.get("RelationType") == "layer2" for edge in edges)


def _ends(event: Event) -> tuple[str, str]:
    assert isinstance(event.element, Edge)
    return event.element.parent, event.element.child


def _remember(known: dict[K, None], key: K) -> None:
    """Add to what is remembered; the oldest are forgotten."""
    known[key] = None
    if len(known) > _MOST_REMEMBERED:
        del known[next(iter(known))]
