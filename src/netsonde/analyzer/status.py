# SPDX-License-Identifier: Apache-2.0
"""The state of the installation, for the API: processes, components, readiness, settings without secrets."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from netsonde.analyzer.hosts import Hosts
from netsonde.analyzer.metrics import exposition
from netsonde.model.elements import Json
from netsonde.model.presence import ComponentHealth, Presence
from netsonde.observe import Health
from netsonde.process import component
from netsonde.redact import is_secret_name, redacted
from netsonde.settings import Settings


class StatusService:
    """Implements `Status` of the API."""

    def __init__(
        self,
        settings: Settings,
        hosts: Hosts,
        parts: Iterable[Health],
        *,
        hosts_in: Callable[[], dict[str, bool]],
        captures_known: Callable[[], bool],
        declared_known: Callable[[], bool],
        is_master: Callable[[], bool],
        verdicts: Callable[[], Mapping[str, Mapping[str, int]]],
        alerts: Callable[[], Mapping[str, int]],
    ) -> None:
        self._settings = settings
        self._hosts = hosts
        self._parts = list(parts)
        self._hosts_in = hosts_in
        self._captures_known = captures_known
        self._declared_known = declared_known
        self._is_master = is_master
        self._verdicts = verdicts
        self._alerts = alerts

    def presences(self) -> Sequence[Presence]:
        return self._hosts.all()

    def clock_ahead_ms(self, one: Presence) -> int | None:
        return self._hosts.clock_ahead_ms(one)

    def components(self) -> Sequence[ComponentHealth]:
        return [component(part) for part in self._parts]

    def is_captures_master(self) -> bool:
        return self._is_master()

    def not_ready(self) -> Sequence[str]:
        missing = [] if self._captures_known() else ["the capture definitions are not read yet"]
        if not self._declared_known():
            missing.append("what users declared of the topology is not read yet")
        return [*missing, *self.topology_missing(), *self._not_capturing()]

    def topology_missing(self) -> Sequence[str]:
        """Return what is still missing for the topology to be in."""
        agents = self._agents()
        if not agents:
            return ["no agent has reported yet"]
        known = self._hosts_in()
        return [f"the topology of {agent.host} is not in yet" for agent in agents if not known.get(agent.host)]

    def _not_capturing(self) -> Sequence[str]:
        return [
            f"the agent of {agent.host} does not capture yet"
            for agent in self._agents()
            if any(part.name == "captures" and part.state == "starting" for part in agent.components)
        ]

    def _agents(self) -> Sequence[Presence]:
        return [one for one in self._hosts.all() if one.service == "agent"]

    def setting(self, key: str) -> Json:
        found: object = self._settings
        for name in key.lower().split(".") if key else ():
            if not dataclasses.is_dataclass(found) or name not in _shown(found):
                return None
            found = getattr(found, name)
        return _plain(found)

    def metrics(self) -> bytes:
        return exposition(self.components(), self.presences(), self._verdicts(), self._alerts())


def _shown(settings: Any) -> list[str]:
    """Return the names of settings whose values may leave the process."""
    fields = dataclasses.fields(settings)
    return [one.name for one in fields if not one.metadata.get("secret") and not is_secret_name(one.name)]


def _plain(value: object) -> Json:
    """Return a setting as JSON, tables without their secrets."""
    if dataclasses.is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in _shown(value)}
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items() if not is_secret_name(str(name))}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str):
        return redacted(value)
    if value is None or isinstance(value, int | float | bool):
        return value
    return str(value)
