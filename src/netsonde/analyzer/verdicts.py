# SPDX-License-Identifier: Apache-2.0
"""What follows from a check's verdict: notices to the receivers that the check names."""

import asyncio
from typing import Final

import msgspec

from netsonde.aio import DroppingQueue
from netsonde.aio.tasks import HealthSink
from netsonde.errors import SourceLost
from netsonde.model.checks import Check, CheckResult, result_key
from netsonde.model.notices import Message, Notice, rfc3339
from netsonde.notify.outbox import Counters, Outbox

_MOST: Final = 1000
"""Notices that wait for the bus."""
_PATIENCE: Final = 1.0


class VerdictNotices:
    """Takes verdicts at once, and posts what follows from them in its own time."""

    def __init__(self, outbox: Outbox, counters: Counters) -> None:
        self._outbox = outbox
        self._counters = counters
        self._waiting: DroppingQueue[Notice] = DroppingQueue(_MOST)

    def follow(self, check: Check, result: CheckResult) -> None:
        """Take a final verdict, once."""
        if result.verdict not in check.act_on:
            return
        for notice in notices_of(check, result):
            if not self._waiting.put(notice):
                self._counters.count("verdicts_dropped")

    async def run(self, health: HealthSink) -> None:
        health.running()
        while True:
            await self._post(await self._waiting.get())

    async def _post(self, notice: Notice) -> None:
        while True:
            try:
                await self._outbox.post(notice)
                return
            except SourceLost:
                self._counters.count("verdicts_delayed")
                await asyncio.sleep(_PATIENCE)


def notices_of(check: Check, result: CheckResult) -> list[Notice]:
    """Return what is told of a result; ids say which, so that the same one told again is told once."""
    message = Message(
        check.uuid,
        rfc3339(result.ended_at),
        msgspec.to_builtins(result),
        kind="check",
        name=check.name,
        state=result.verdict,
        labels={"interface": result.node_name, "host": result.host},
        summary=result.sentence or f"{result.node_name}: {result.verdict}",
        description=check.description,
        starts_at=result.started_at,
        # A check that passes is what ends an alert that it raised in Alertmanager.
        ends_at=result.ended_at if result.verdict == "pass" else 0,
    )
    actions = dict.fromkeys(check.actions)
    key = f"{result_key(result)}.{result.run_at}"
    return [
        Notice(f"{key}.{number}", action, message, result.ended_at, check.created_by)
        for number, action in enumerate(actions)
    ]
