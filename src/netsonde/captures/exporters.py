# SPDX-License-Identifier: Apache-2.0
"""The key `SFlow` on nodes whose captures hear of sFlow counters, as clients of the reference look for it.

Source: what exporters count themselves, from the engine.
Writes: the key `SFlow` on the captured node, in the layer `computed:sflow`, until the capture ends there.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from netsonde.captures.engines._api import ToldCounters
from netsonde.graph import Graph
from netsonde.model.elements import Json, Metadata

OWNER: Final = "computed:sflow"
INTERVAL: Final = 10.0
"""Seconds between two of a node's readings, of a capture that names no PollingInterval: each is a revision of the node.
Exporters send the counters of their interfaces one after the other, so that nearly always some are new."""


class Reading:
    """What was shown last of one tap; times are Unix ms."""

    def __init__(self, began_ms: int) -> None:
        self._grown: Mapping[str, int] = {}
        self._last_ms = began_ms
        self.records = 0
        """Records of counters that were heard by then."""
        self.shown: Metadata = {}

    def due_ms(self, polling_interval: int) -> int:
        """Return when the next one may be shown: the first at once."""
        return self._last_ms + round(1000 * (polling_interval or INTERVAL)) if self.records else 0

    def show(self, told: ToldCounters, records: int, now_ms: int) -> Metadata:
        """Return the value of `SFlow` for what exporters have told by now."""
        grown = {name: value - self._before(name, value) for name, value in told.grown.items()}
        times: Metadata = {"Start": self._last_ms, "Last": now_ms}
        self.shown = {
            "IfMetrics": _interfaces(told),
            "Metric": _counted(told.total) | times,
            "LastUpdateMetric": _counted({**grown, **told.levels}) | times,
        }
        self._grown, self._last_ms, self.records = told.grown, now_ms, records
        return self.shown

    def _before(self, name: str, now: int) -> int:
        before = self._grown.get(name, 0)
        # The tap was started anew, and its engine counts from the beginning.
        return before if before <= now else 0


def publish_counters(graph: Graph, node_id: str, readings: Iterable[Reading]) -> None:
    """Write the counters of the first of a node's captures that has some, or take them away."""
    found = next((reading.shown for reading in readings if reading.shown), None)
    graph.note(node_id, OWNER, {"SFlow": found} if found else {})


def _interfaces(told: ToldCounters) -> Metadata:
    # One exporter, as of a bridge or a switch that was given a capture of its own: ifIndex says all.
    is_alone = len({agent for agent, _, _ in told.interfaces}) <= 1
    return {
        str(ifindex) if is_alone else f"{agent}/{ifindex}": _counted(values)
        for agent, ifindex, values in told.interfaces
    }


def _counted(values: Mapping[str, int]) -> dict[str, Json]:
    return {name: value for name, value in values.items() if value}
