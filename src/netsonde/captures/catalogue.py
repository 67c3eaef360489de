# SPDX-License-Identifier: Apache-2.0
"""The captures that an analyzer knows: definitions, what their queries match now, what agents report of them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from netsonde.captures.standing import Standing, touched_by
from netsonde.captures.status import aggregate, is_state_change, keeps_since
from netsonde.graph import Event, Graph
from netsonde.model.captures import AgentCaptureStatus, Capture, CaptureStatus, CaptureTargets, CaptureView

_MOST_REMEMBERED = 1000


class Catalogue:
    """State without I/O; `dirty` holds the captures whose view may have changed."""

    def __init__(
        self, graph: Graph, *, agents: Callable[[], Collection[str] | None], now_ms: Callable[[], int]
    ) -> None:
        """`agents` returns the hosts whose agent is there, None while that is not known yet."""
        self._graph = graph
        self._agents = agents
        self._now_ms = now_ms
        self._standing: dict[str, Standing] = {}
        self._revisions: dict[str, int] = {}
        self._deleted: dict[str, int] = {}
        self._reports: dict[str, dict[str, AgentCaptureStatus]] = {}
        self._views: dict[str, CaptureView] = {}
        self._told: dict[str, CaptureView] = {}
        self.dirty: dict[str, None] = {}
        self.retargeted: set[str] = set()
        """Captures whose targets on hosts may have changed."""

    def is_present(self, host: str) -> bool:
        """Tell whether the agent of a host is there, as far as that is known."""
        agents = self._agents()
        return agents is None or host in agents

    def definitions(self) -> Sequence[Capture]:
        return [standing.capture for standing in self._standing.values()]

    def revision(self, uuid: str) -> int | None:
        """Return the revision of a definition in the store, None when there is no such capture."""
        return self._revisions.get(uuid)

    def definition(self, uuid: str) -> Capture | None:
        standing = self._standing.get(uuid)
        return None if standing is None else standing.capture

    def put(self, capture: Capture, revision: int) -> bool:
        """Take a definition; False when it is older than what is known."""
        uuid = capture.uuid
        if revision <= max(self._revisions.get(uuid, 0), self._deleted.get(uuid, 0)):
            return False
        self._revisions[uuid] = revision
        standing = self._standing.get(uuid)
        if standing is None:
            self._standing[uuid] = Standing(capture, self._graph, only_local=False)
        else:
            standing.redefine(capture)
        self._touch(uuid)
        return True

    def remove(self, uuid: str) -> CaptureView | None:
        """Forget a definition; return its last view, None when it was not known."""
        view = self.view(uuid)
        # An echo of an earlier write may still be on its way; it must not bring the capture back.
        self._deleted[uuid] = self._revisions.pop(uuid, 0)
        while len(self._deleted) > _MOST_REMEMBERED:
            del self._deleted[next(iter(self._deleted))]
        self._standing.pop(uuid, None)
        self._views.pop(uuid, None)
        self._told.pop(uuid, None)
        self.dirty.pop(uuid, None)
        self.retargeted.add(uuid)
        return view

    def report(self, uuid: str, host: str, status: AgentCaptureStatus | None) -> None:
        """Take what an agent reports of a capture; None = it says nothing any more."""
        reports = self._reports.setdefault(uuid, {})
        if status is None:
            reports.pop(host, None)
        else:
            reports[host] = status
        if not reports:
            del self._reports[uuid]
        if uuid in self._standing:
            self.dirty[uuid] = None

    def reports(self) -> Mapping[str, Mapping[str, AgentCaptureStatus]]:
        return self._reports

    def follow(self, events: Sequence[Event]) -> None:
        """Follow one batch of the merged graph."""
        touched, moved = touched_by(events)
        for uuid, standing in self._standing.items():
            problem = standing.problem
            if standing.follow(events, touched, moved=moved) or problem != standing.problem:
                self._touch(uuid)

    def refresh(self) -> None:
        """Look at everything again, after hosts came or went."""
        self.dirty.update(dict.fromkeys(self._standing))

    def view(self, uuid: str) -> CaptureView | None:
        """Return a capture as it is now."""
        standing = self._standing.get(uuid)
        if standing is None:
            return None
        known = self._views.get(uuid)
        return known if known is not None and uuid not in self.dirty else self._renew(uuid, standing)

    def renewed(self) -> Iterable[tuple[CaptureView, bool]]:
        """Yield each view that differs from the one told last, and whether by more than counters."""
        dirty, self.dirty = self.dirty, {}
        for uuid in dirty:
            standing = self._standing.get(uuid)
            if standing is None:
                continue
            view, before = self._renew(uuid, standing), self._told.get(uuid)
            if view != before:
                self._told[uuid] = view
                yield view, before is None or _is_news(before, view)

    def mark_told(self, view: CaptureView) -> None:
        """Remember that listeners know this view."""
        self._told[view.uuid] = view

    def targets(self, uuid: str) -> dict[str, CaptureTargets]:
        """Return, by host, the nodes that agents cannot find alone for a capture."""
        standing = self._standing.get(uuid)
        query = None if standing is None else standing.query
        if standing is None or query is None:
            return {}
        alone = query.local and not query.crosses_hosts
        # What users and their rules say of a node is known here only.
        wanted = filter(self._graph.is_noted, standing.matching) if alone else standing.matching
        by_host: dict[str, list[str]] = {}
        for node_id in sorted(wanted):
            node = self._graph.node(node_id)
            if node is not None and node.host:
                by_host.setdefault(node.host, []).append(node_id)
        return {host: CaptureTargets(uuid, host, node_ids) for host, node_ids in by_host.items()}

    def _touch(self, uuid: str) -> None:
        self.dirty[uuid] = None
        self.retargeted.add(uuid)

    def _renew(self, uuid: str, standing: Standing) -> CaptureView:
        before = self._views.get(uuid)
        status = aggregate(
            standing.capture,
            self._reports.get(uuid, {}).values(),
            matching=len(standing.points) + len(standing.no_device),
            capturable=len(standing.points),
            problem=standing.problem,
            is_present=self.is_present,
            unheard=[host for host in self._agents() or () if host not in self._reports.get(uuid, {})],
            now_ms=self._now_ms(),
        )
        status = keeps_since(status, None if before is None else before.status)
        self._views[uuid] = view_of(standing.capture, status)
        return self._views[uuid]


def view_of(capture: Capture, status: CaptureStatus) -> CaptureView:
    fields = {field.name: getattr(capture, field.name) for field in msgspec.structs.fields(Capture)}
    return CaptureView(**fields, count=status.active, status=status)


def _is_news(before: CaptureView, view: CaptureView) -> bool:
    assert view.status is not None
    with_status_of = msgspec.structs.replace(before, status=view.status)
    return with_status_of != view or is_state_change(before.status, view.status)
