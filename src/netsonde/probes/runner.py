# SPDX-License-Identifier: Apache-2.0
"""Runs the probes, each under a supervisor of its own: one that fails degrades itself only."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from netsonde.aio import Supervisor, spawn
from netsonde.errors import UserError
from netsonde.observe import Health, logger
from netsonde.probes._api import AsksDaemon, Probe, Settling

STATE_LOGGED = ("absent", "failed", "running")
DAEMON_PATIENCE = 3.0
"""Seconds that `ready` waits for daemons; their answer times are longer, and one that hangs must not hide the host."""


class ProbeRunner:
    """Starts probes in the order of their needs and keeps them running until cancelled."""

    def __init__(
        self, probes: Sequence[Probe], on_health: Callable[[Health], None] | None = None, retry_delay: float = 0.5
    ) -> None:
        """Raises UserError when a probe needs one that does not run."""
        names = {probe.name for probe in probes}
        for probe in probes:
            missing = [need for need in probe.needs if need not in names]
            if missing:
                raise UserError(
                    f"probe {probe.name} needs probe {missing[0]}, which is not enabled",
                    hint=f"add {missing[0]!r} to probes.enabled",
                )
        self._probes = probes
        self._on_health = on_health
        self._retry_delay = retry_delay
        self._ran = {probe.name: asyncio.Event() for probe in probes}
        self.healths = {probe.name: Health(probe.name, self._health_changed) for probe in probes}
        """State of each probe, by name."""
        self._log = logger("probes")

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for probe in self._probes:
                spawn(group, self._supervise(probe), f"probe-{probe.name}")

    async def ready(self) -> None:
        """Wait until every probe ran, failed or missed its source, and what they had to read first is in the graph.

        A daemon's probe is waited for as long as DAEMON_PATIENCE only: what it reads later is a change like others.
        """
        async with asyncio.TaskGroup() as group:
            for probe in self._probes:
                spawn(group, self._ran_once(probe), f"ready-{probe.name}")
        for probe in self._probes:
            if isinstance(probe, Settling) and self.healths[probe.name].state == "running":
                await probe.settled()

    async def _ran_once(self, probe: Probe) -> None:
        ran = self._ran[probe.name]
        if not isinstance(probe, AsksDaemon):
            await ran.wait()
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(ran.wait(), DAEMON_PATIENCE)
        if not ran.is_set():
            self._log.warning(
                "not waiting for a daemon", probe=probe.name, daemon=probe.daemon, silent_s=DAEMON_PATIENCE
            )

    async def _supervise(self, probe: Probe) -> None:
        health = self.healths[probe.name]
        for need in probe.needs:
            await self._ran[need].wait()
        supervisor = Supervisor(
            probe.name,
            lambda _: probe.run(health),
            health,
            first_delay=self._retry_delay,
            most_delay=self._retry_delay * 10,
            on_crash=self._crashed,
        )
        try:
            await supervisor.run()
        finally:
            health.stopped()

    def _health_changed(self, health: Health) -> None:
        if health.state in STATE_LOGGED:
            self._ran[health.name].set()
            self._log.info("probe", probe=health.name, state=health.state, reason=health.reason)
        if self._on_health is not None:
            self._on_health(health)

    def _crashed(self, name: str, crash: BaseException) -> None:
        self._log.error("probe crashed", probe=name, exc_info=crash)
