# SPDX-License-Identifier: Apache-2.0
"""Checks at work behind a served API, with results that tests make up."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from netsonde.model.captures import NodeStatus
from netsonde.model.checks import Check, CheckResult, CheckStep, Evidence, StepResult, Verdict, result_key
from unit.api.served import Server
from unit.captures.fakes import until
from unit.checks.fakes import Held

DHCP = [CheckStep("dhcp")]


class Running:
    """The checks of a server; `found` lets one get a result."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.held: Held = server.fakes.held

    def create(self, name: str = "vms", **more: Any) -> str:
        """Create a check and wait for its capture; returns its UUID."""
        check = Check(name=name, gremlin_query="G.V()", steps=DHCP, **more)

        async def create() -> str:
            made = await self._server.fakes.checks.create(check)
            await until(lambda: bool(self.held.captures.by_id))
            return made.uuid

        return self._server.wait(create())

    def run_at(self, uuid: str) -> int:
        """Return which run of a check is the present one."""
        return self.held.definitions.entries[uuid][0].run_at

    def match(self, *names: str) -> None:
        """Let interfaces match whose taps have only begun."""
        nodes = [NodeStatus(f"n-{name}", f"t-{name}", name, "h1", "starting") for name in names]

        def match() -> None:
            for uuid in list(self.held.captures.by_id):
                view = self.held.captures.activate(uuid, *nodes)
                assert view.status is not None
                status = msgspec.structs.replace(view.status, capturable=len(nodes))
                self.held.captures.by_id[uuid] = msgspec.structs.replace(view, status=status)

        self._server.do(match)

    def found(self, uuid: str, name: str, verdict: Verdict, sentence: str = "", **more: Any) -> None:
        """Let an interface get a result of a check."""
        step = StepResult("dhcp", verdict, sentence, 1250, 10_000, Evidence(["f1"], [0, 1], [f"n-{name}"]))
        view = self._server.fakes.checks.view(uuid)
        facts: dict[str, Any] = {
            "check": uuid,
            "check_name": "vms",
            "node_id": f"n-{name}",
            "node_tid": f"t-{name}",
            "node_name": name,
            "host": "h1",
            "capture_id": "cap0",
            "started_at": 1000,
            "run_at": view.run_at if view is not None else 0,
            "ended_at": 2250,
            "verdict": verdict,
            "sentence": sentence,
            "steps": [step],
        }
        result = CheckResult(**{**facts, **more})

        async def put() -> None:
            await self.held.results.put(result_key(result), result)
            await until(lambda: result in self._server.fakes.checks.results(result.check))

        self._server.wait(put())


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Run the checks of a server."""
    health = server.fakes.held.health
    loop = asyncio.get_running_loop
    task = server.do(lambda: loop().create_task(server.fakes.checks.run(health), name="checks"))

    async def ready() -> None:
        await until(lambda: health.state == "running")

    server.wait(ready())
    yield Running(server)
    server.do(task.cancel)
