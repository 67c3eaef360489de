# SPDX-License-Identifier: Apache-2.0
"""Alerts at work behind a served API."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from unit.alerts.fakes import Held
from unit.api.served import Server
from unit.captures.fakes import until


class Running:
    """The alerts of a server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.held: Held = server.fakes.alerting

    def put(self, node_id: str, **metadata: str) -> None:
        self._server.do(lambda: self.held.put(node_id, **metadata))

    def wait_state(self, state: str) -> None:
        """Wait until an alert is in a state."""
        alerts = self._server.fakes.alerts
        self._server.wait(until(lambda: any(view.state == state for view in alerts.views())))


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Run the alerts of a server."""
    health = server.fakes.alerting.health
    loop = asyncio.get_running_loop
    task = server.do(lambda: loop().create_task(server.fakes.alerts.run(health), name="alerts"))
    server.wait(until(lambda: health.state == "running"))
    yield Running(server)
    server.do(task.cancel)
