# SPDX-License-Identifier: Apache-2.0
"""Prometheus' text format of what the components of all processes count; label sets are bounded by their number."""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from netsonde.model.presence import ComponentHealth, Presence

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")
_MOST = 2**64
"""An agent may tell any number; one that is no float would keep everybody from the metrics."""
STATES = ("starting", "running", "absent", "failed", "stopped")


def exposition(
    own: Iterable[ComponentHealth],
    presences: Iterable[Presence],
    verdicts: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
    alerts: Mapping[str, int] = MappingProxyType({}),
) -> bytes:
    """Return the metrics of this process, its components, and of the processes that it knows of.

    `verdicts` are those of checks: by name, how many interfaces have which. `alerts` are those in each state.
    """
    registry = CollectorRegistry()
    registry.register(_Components(list(own), list(presences)))
    registry.register(_Checks(verdicts))
    registry.register(_Alerts(alerts))
    return generate_latest(registry)


class _Checks(Collector):
    """What checks found on the interfaces, by their latest runs."""

    def __init__(self, verdicts: Mapping[str, Mapping[str, int]]) -> None:
        self._verdicts = verdicts

    def collect(self) -> Iterator[Metric]:
        interfaces = GaugeMetricFamily(
            "netsonde_check_interfaces", "Interfaces by the verdict of a check", labels=("check", "verdict")
        )
        for check, counts in self._verdicts.items():
            for verdict, count in counts.items():
                interfaces.add_metric((check, verdict), float(count))
        yield interfaces


class _Alerts(Collector):
    """How many alerts are in which state."""

    def __init__(self, states: Mapping[str, int]) -> None:
        self._states = states

    def collect(self) -> Iterator[Metric]:
        alerts = GaugeMetricFamily("netsonde_alerts", "Alerts by their state", labels=("state",))
        for state, count in self._states.items():
            alerts.add_metric((state,), float(count))
        yield alerts


class _Components(Collector):
    """State and counters of components; those of this process are fresh, those of others as last told."""

    def __init__(self, own: list[ComponentHealth], presences: list[Presence]) -> None:
        self._own = own
        self._presences = presences

    def collect(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "netsonde_component_state", "1 for the state that a component is in", labels=("host", "component", "state")
        )
        counters = GaugeMetricFamily(
            "netsonde_component_value",
            "What a component counts or has, such as messages dropped, or objects owned",
            labels=("host", "component", "counter"),
        )
        for host, part in self._all():
            for name in STATES:
                state.add_metric((host, part.name, name), float(part.state == name))
            for name, value in part.counters.items():
                bounded = float(max(-_MOST, min(value, _MOST)))
                counters.add_metric((host, part.name, _NOT_IN_NAMES.sub("_", name)), bounded)
        processes = GaugeMetricFamily(
            "netsonde_process_up", "Processes on the bus", labels=("host", "service", "version")
        )
        for one in self._presences:
            processes.add_metric((one.host, one.service, one.version), 1.0)
        yield from (state, counters, processes)

    def _all(self) -> Iterator[tuple[str, ComponentHealth]]:
        for part in self._own:
            yield "", part
        for one in self._presences:
            for part in one.components:
                yield f"{one.service}.{one.host}", part
