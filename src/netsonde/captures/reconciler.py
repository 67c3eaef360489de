# SPDX-License-Identifier: Apache-2.0
"""What should be captured on this host against what is: the agent's half of standing captures, without waiting.

Everything happens in the turn of the loop in which it is told: a probe's batch that makes a node match has started
its tap before `Graph.apply` returns. What failed or has to wait is looked at again by `tick`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from netsonde.aio import backoff
from netsonde.aio.clock import Clock
from netsonde.captures.definitions import is_expired, tap_options
from netsonde.captures.engines._api import Engine, Point, TapEvent
from netsonde.captures.engines._registry import KINDS, engine_name
from netsonde.captures.exporters import publish_counters
from netsonde.captures.node_list import publish_captures
from netsonde.captures.settings import CaptureSettings
from netsonde.captures.standing import Standing, touched_by
from netsonde.captures.taps import Tap, text_of
from netsonde.errors import UserError
from netsonde.graph import Event, Graph
from netsonde.model.captures import AgentCaptureStatus, Capture, NodeCaptureState, NodeStatus
from netsonde.observe import logger

log = logger("captures")

GONE = "the interface is gone"


class Reconciler:
    """Definitions, taps and engines of one agent. `on_change(uuid)` is called when a status changed its state."""

    def __init__(
        self,
        graph: Graph,
        engines: Mapping[str, Engine],
        settings: CaptureSettings,
        clock: Clock,
        on_change: Callable[[str], None],
        *,
        hindrance: str = "",
    ) -> None:
        self._graph = graph
        self._engines = engines
        self._hindrance = hindrance
        self._settings = settings
        self._clock = clock
        self._on_change = on_change
        self._standing: dict[str, Standing] = {}
        self._taps: dict[str, dict[str, Tap]] = {}
        self._nodes_by_point: dict[Point, str] = {}
        self._targets: dict[str, frozenset[str]] = {}
        self._finished: dict[tuple[str, str], NodeStatus] = {}
        self._unsubscribe = graph.subscribe(self.follow)
        self._is_closed = False
        self.armed = False

    def definitions(self) -> Mapping[str, Capture]:
        return {uuid: standing.capture for uuid, standing in self._standing.items()}

    def define(self, capture: Capture) -> None:
        """Follow a definition that is new or changed."""
        if self._is_closed:
            return
        standing = self._standing.get(capture.uuid)
        if standing is None:
            standing = Standing(capture, self._graph, only_local=True)
            self._standing[capture.uuid] = standing
            self._taps[capture.uuid] = {}
            standing.set_targets(self._targets.get(capture.uuid, ()))
        elif standing.capture == capture:
            return
        else:
            if tap_options(standing.capture) != tap_options(capture):
                self._stop_all(capture.uuid)
                self._forget_finished(capture.uuid)
            standing.redefine(capture)
        self._settle(capture.uuid)
        self._on_change(capture.uuid)

    def undefine(self, uuid: str) -> None:
        """Stop everything that a definition had started, and forget it."""
        self._stop_all(uuid)
        self._standing.pop(uuid, None)
        self._taps.pop(uuid, None)
        self._forget_finished(uuid)
        for engine in self._engines.values():
            engine.forget(uuid)
        self._arm()
        self._on_change(uuid)

    def set_targets(self, uuid: str, node_ids: Iterable[str]) -> None:
        """Take the nodes of this host that an analyzer found for a capture; they may come before the definition."""
        wanted = frozenset(node_ids)
        if wanted:
            self._targets[uuid] = wanted
        else:
            self._targets.pop(uuid, None)
        standing = self._standing.get(uuid)
        if standing is not None and standing.set_targets(wanted):
            self._settle(uuid)
            self._on_change(uuid)

    def remember_finished(self, uuid: str, statuses: Iterable[NodeStatus]) -> None:
        """Take over what a former run of this agent had finished, so that it is not captured again."""
        for status in statuses:
            if status.state == "finished" and status.reason != GONE:
                self._finished[uuid, status.node_id] = status

    def follow(self, events: Sequence[Event]) -> None:
        """Follow one batch of the graph."""
        touched, moved = touched_by(events)
        for uuid, standing in self._standing.items():
            problem = standing.problem
            changed = standing.follow(events, touched, moved=moved)
            tapped = touched & self._taps[uuid].keys()
            retried = [node for node in tapped if self._is_failed(uuid, node)]
            if changed or tapped or problem != standing.problem:
                self._settle(uuid, changed | tapped, retry=retried)
                self._on_change(uuid)

    def tick(self) -> float:
        """Do what is due; return the seconds until something may be due again."""
        for uuid in list(self._standing):
            if self._settle(uuid):
                self._on_change(uuid)
        return self._until_next()

    def reconcile(self) -> float:
        """Compare everything anew: matches, devices, taps; return what `tick` returns."""
        for standing in self._standing.values():
            standing.refresh({*standing.points, *standing.no_device, *standing.matching})
        return self.tick()

    def retry_namespace(self, netns: int) -> None:
        """Try again at once what failed in a namespace that can be entered now."""
        for uuid, taps in self._taps.items():
            failed = [tap.node_id for tap in taps.values() if tap.state == "failed" and tap.point.netns == netns]
            if failed:
                self._settle(uuid, failed, retry=failed)

    def handle(self, event: TapEvent) -> None:
        """Take in what an engine tells of a tap."""
        uuid = event.point.capture
        tap = self._taps.get(uuid, {}).get(self._nodes_by_point.get(event.point, ""))
        if tap is None or event.kind == "stopped":
            return
        tap.note(event)
        if event.kind == "started":
            tap.delays = backoff(self._settings.retry_first, self._settings.retry_most)
            tap.retry_at = None
            self._enter(uuid, tap, "active", "")
        elif event.kind == "finished":
            self._enter(uuid, tap, "finished", event.reason)
            self._finished[uuid, tap.node_id] = tap.status(self._graph.host)
        elif event.kind == "failed":
            self._fail(uuid, tap, event.reason)
        elif event.kind == "link_gone":
            # The node goes next; should it stay, the interface came back and is tapped again.
            self._enter(uuid, tap, "finished", GONE)
            tap.retry_at = self._clock.monotonic() + next(tap.delays)
        self._on_change(uuid)

    def count(self) -> set[str]:
        """Read the engines' counters; return the captures of which some changed."""
        changed: set[str] = set()
        for engine in self._engines.values():
            for point, counters in engine.counters().items():
                tap = self._taps.get(point.capture, {}).get(self._nodes_by_point.get(point, ""))
                if tap is not None and tap.counters != counters:
                    tap.counters = counters
                    changed.add(point.capture)
                if tap is not None and counters.counter_records != tap.reading.records:
                    self._show_told(engine, tap)
        return changed

    def _show_told(self, engine: Engine, tap: Tap) -> None:
        """Put what exporters count on the node, each interval."""
        capture = self._standing[tap.point.capture].capture
        now = self._clock.now_ms()
        if now < tap.reading.due_ms(capture.polling_interval):
            return
        told = engine.told(tap.point)
        if told is not None:
            tap.reading.show(told, tap.counters.counter_records, now)
            self._publish_told(tap.node_id)

    def _publish_told(self, node_id: str) -> None:
        publish_counters(self._graph, node_id, [tap.reading for _, tap in self._on_node(node_id)])

    def status(self, uuid: str) -> AgentCaptureStatus | None:
        """Return what this agent has to say of a capture, None when it is not defined."""
        standing = self._standing.get(uuid)
        if standing is None:
            return None
        return AgentCaptureStatus(
            uuid=uuid,
            host=self._graph.host,
            matching=len(standing.points) + len(standing.no_device),
            capturable=len(set(standing.points.values())),
            nodes=[tap.status(self._graph.host) for tap in self._taps[uuid].values()],
            at_ms=self._clock.now_ms(),
            reason=standing.problem or self._engine_problem(standing.capture),
        )

    def close(self) -> set[Point]:
        """Stop every tap, and start none any more; return the points whose engines have yet to say so."""
        self._is_closed = True
        self._unsubscribe()
        states = ("starting", "active")
        running = {tap.point for taps in self._taps.values() for tap in taps.values() if tap.state in states}
        for uuid in list(self._standing):
            self._stop_all(uuid)
        self._standing.clear()
        self._arm()
        return running

    def _settle(self, uuid: str, node_ids: Iterable[str] | None = None, *, retry: Iterable[str] = ()) -> bool:
        """Start and stop what the definition now wants; None = look at all of its nodes. Tells whether taps changed."""
        standing, taps = self._standing[uuid], self._taps[uuid]
        for node_id in retry:
            if node_id in taps:
                taps[node_id].retry_at = self._clock.monotonic()
        changed = False
        for node_id in {**taps, **standing.points} if node_ids is None else node_ids:
            changed = self._settle_node(standing, node_id) or changed
        self._arm()
        return changed

    def _settle_node(self, standing: Standing, node_id: str) -> bool:
        uuid = standing.capture.uuid
        tap = self._taps[uuid].get(node_id)
        wanted = standing.points.get(node_id) if standing.is_runnable(self._clock.now_ms()) else None
        if tap is not None and wanted != tap.point:
            if not self._has_to_stop(standing, tap, wanted):
                return False
            self._stop(uuid, tap)
            if wanted is not None:
                self._start(standing, node_id, wanted)
            return True
        if wanted is None:
            return False
        if tap is None:
            return self._start(standing, node_id, wanted)
        tap.unmatched_at = None
        self._rename(tap)
        if tap.retry_at is not None and tap.retry_at <= self._clock.monotonic():
            tap.retry_at = None
            self._engage(standing.capture, tap)
        return False

    def _rename(self, tap: Tap) -> None:
        node = self._graph.node(tap.node_id)
        if node is not None:
            tap.name = text_of(node, "Name")

    def _has_to_stop(self, standing: Standing, tap: Tap, wanted: Point | None) -> bool:
        """Tell whether a tap whose node is not wanted there any more ends now; if later, remember when."""
        is_gone = self._graph.node(tap.node_id) is None
        if wanted is not None or is_gone or not standing.is_runnable(self._clock.now_ms()):
            return True
        if not standing.capture.stop_on_unmatch:
            # What waits to be tried again has nothing that could go on, and would be due for ever.
            return tap.retry_at is not None
        now = self._clock.monotonic()
        if tap.unmatched_at is None:
            tap.unmatched_at = now
        return now >= tap.unmatched_at + standing.capture.unmatch_grace_ms / 1000

    def _start(self, standing: Standing, node_id: str, point: Point) -> bool:
        uuid = standing.capture.uuid
        node = self._graph.node(node_id)
        if node is None or point in self._nodes_by_point:
            return False
        tap = Tap(node_id, point, text_of(node, "Name"), text_of(node, "TID") or node_id, self._clock.now_ms())
        tap.delays = backoff(self._settings.retry_first, self._settings.retry_most)
        self._taps[uuid][node_id] = tap
        self._nodes_by_point[point] = node_id
        finished = self._finished.get((uuid, node_id))
        if finished is not None:
            tap.enter("finished", finished.reason, finished.since)
            tap.first_packet_at = finished.first_packet_at
        else:
            self._engage(standing.capture, tap)
        return True

    def _engage(self, capture: Capture, tap: Tap) -> None:
        try:
            engine = self._engines[engine_name(capture.type)]
            engine.start(tap.point, capture, ifname=tap.name, node_tid=tap.tid)
        except KeyError:
            self._fail(capture.uuid, tap, self._engine_problem(capture))
        except (UserError, OSError, ValueError) as refused:
            self._fail(capture.uuid, tap, str(refused))
        else:
            # A tap that failed is shown so until it has really started: no flapping at each attempt.
            if tap.state != "failed":
                self._enter(capture.uuid, tap, "starting", "")

    def _fail(self, uuid: str, tap: Tap, reason: str) -> None:
        tap.retry_at = self._clock.monotonic() + next(tap.delays)
        if self._enter(uuid, tap, "failed", reason):
            log.warning("capture failed", capture=uuid, interface=tap.name, reason=reason)

    def _stop_all(self, uuid: str) -> None:
        for tap in list(self._taps.get(uuid, {}).values()):
            self._stop(uuid, tap)

    def _stop(self, uuid: str, tap: Tap) -> None:
        for engine in self._engines.values():
            engine.stop(tap.point)
        del self._taps[uuid][tap.node_id]
        self._nodes_by_point.pop(tap.point, None)
        if self._graph.node(tap.node_id) is None:
            self._finished.pop((uuid, tap.node_id), None)
        publish_captures(self._graph, tap.node_id, self._on_node(tap.node_id))
        self._publish_told(tap.node_id)

    def _enter(self, uuid: str, tap: Tap, state: NodeCaptureState, reason: str) -> bool:
        is_news = tap.enter(state, reason, self._clock.now_ms())
        if is_news:
            publish_captures(self._graph, tap.node_id, self._on_node(tap.node_id))
            self._on_change(uuid)
        return is_news

    def _on_node(self, node_id: str) -> list[tuple[Capture, Tap]]:
        return [
            (standing.capture, self._taps[uuid][node_id])
            for uuid, standing in self._standing.items()
            if node_id in self._taps.get(uuid, {})
        ]

    def _arm(self) -> None:
        now = self._clock.now_ms()
        wanted = any(standing.is_runnable(now) and not standing.problem for standing in self._standing.values())
        if wanted != self.armed:
            self.armed = wanted
            for engine in self._engines.values():
                engine.arm(armed=wanted)

    def _until_next(self) -> float:
        now, now_ms = self._clock.monotonic(), self._clock.now_ms()
        due = [self._settings.reconcile_interval]
        for uuid, standing in self._standing.items():
            capture = standing.capture
            if capture.expires_at and not is_expired(capture, now_ms):
                due.append((capture.expires_at - now_ms) / 1000)
            for tap in self._taps[uuid].values():
                if tap.retry_at is not None:
                    due.append(tap.retry_at - now)
                if tap.unmatched_at is not None and capture.stop_on_unmatch:
                    due.append(tap.unmatched_at + capture.unmatch_grace_ms / 1000 - now)
        return max(0.0, min(due))

    def _engine_problem(self, capture: Capture) -> str:
        try:
            name = engine_name(capture.type)
        except UserError as unknown:
            return str(unknown)
        if name in self._engines:
            # What listens, or only counts in the kernel, opens no packet socket.
            return self._hindrance if KINDS[name].has_packets and not KINDS[name].listens else ""
        return self._hindrance or f"this agent has no engine {name!r}"

    def _is_failed(self, uuid: str, node_id: str) -> bool:
        tap = self._taps[uuid].get(node_id)
        return tap is not None and tap.state == "failed"

    def _forget_finished(self, uuid: str) -> None:
        for key in [key for key in self._finished if key[0] == uuid]:
            del self._finished[key]
