# SPDX-License-Identifier: Apache-2.0
"""Flows: what the agents' tables hold now, what history remembers, and the stream of reports."""

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from netsonde.analyzer.gather import ask_agents
from netsonde.analyzer.hosts import Hosts
from netsonde.analyzer.imports import IMPORTED
from netsonde.bus.connection import Bus
from netsonde.errors import WireError
from netsonde.flows.records import FlowDict, flow_dicts
from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Json
from netsonde.model.flows import FlowAnswer, FlowRequest
from netsonde.observe import logger
from netsonde.query import HistorySource

FlowListener = Callable[[Sequence[Mapping[str, Json]]], None]

RECENT_MS = 3600 * 1000
"""How far back the list of a capture's or interface's flows goes."""

log = logger("analyzer.flows")


class LiveFlows:
    """The FlowSource of queries: flow tables of the agents that can have what is asked for."""

    def __init__(self, bus: Bus, hosts: Hosts, graph: GraphReader) -> None:
        self._bus = bus
        self._hosts = hosts
        self._graph = graph

    async def flows(self, request: FlowRequest) -> FlowAnswer:
        if [] in (request.node_tids, request.capture_ids, request.uuids):
            return FlowAnswer([])
        gathered = await ask_agents(self._bus, self._asked(request), "flows", msgspec.json.encode(request))
        flows = gathered.each(flow_dicts)
        if request.uuids is not None:
            wanted = set(request.uuids)
            flows = [flow for flow in flows if flow["UUID"] in wanted]
        return latest(flows, request.limit, gathered.missing_hosts)

    def _asked(self, request: FlowRequest) -> list[str]:
        agents = self._hosts.agents()
        if request.node_tids is None:
            return agents
        owners = {node.host for tid in request.node_tids for node in self._graph.nodes_with("TID", tid)}
        return [host for host in agents if host in owners]


class FlowService:
    """Flows for the API: live ones first, then those that history saw end lately."""

    def __init__(self, live: LiveFlows, history: HistorySource | None) -> None:
        self._live = live
        self._history = history
        self._listeners: list[FlowListener] = []

    async def flows(self, request: FlowRequest) -> FlowAnswer:
        answer = await self._live.flows(request)
        if self._history is None:
            return answer
        now = time.time_ns() // 1_000_000
        past = await self._history.flows(request, 0 if _is_imported(request) else now - RECENT_MS, now)
        known = {flow["UUID"] for flow in answer.flows}
        ended = [flow for flow in past.flows if flow["UUID"] not in known]
        both = latest(answer.flows + ended, request.limit, answer.missing_hosts)
        return msgspec.structs.replace(both, truncated=both.truncated or answer.truncated or past.truncated)

    def subscribe(self, listener: FlowListener) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, batches: Sequence[bytes]) -> None:
        """Tell the subscribers of reports; nothing is decoded while there are none."""
        if not self._listeners:
            return
        flows: list[FlowDict] = []
        for batch in batches:
            try:
                flows += flow_dicts([batch])
            except WireError as bad:
                log.warning("a flow report does not decode", reason=str(bad))
        for listener in tuple(self._listeners):
            listener(flows)


def _is_imported(request: FlowRequest) -> bool:
    """Tell whether only flows of packet files are asked for: those are as old as their packets."""
    captures = request.capture_ids or ()
    return bool(captures) and all(capture.startswith(IMPORTED) for capture in captures)


def latest(flows: list[FlowDict], limit: int, missing_hosts: list[str]) -> FlowAnswer:
    """Return the most recently active flows, at most `limit`, the latest first; equal ones as they came."""
    found = sorted(flows, key=_last_seen, reverse=True)
    return FlowAnswer(found[:limit], missing_hosts, truncated=len(found) > limit)


def _last_seen(flow: FlowDict) -> int:
    last = flow.get("Last")
    return last if isinstance(last, int) else 0
