# SPDX-License-Identifier: Apache-2.0
"""What follows from a check's verdict: notices to the receivers that the check names."""

import msgspec

from netsonde.model.checks import Check, CheckResult, result_key
from netsonde.model.notices import Message, Notice, rfc3339
from netsonde.notify.outbox import Outbox


class VerdictNotices:
    """Posts what follows from verdicts."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def follow(self, check: Check, result: CheckResult) -> None:
        """Take a final verdict; the same one again posts nothing more. Raises SourceLost while the bus is away."""
        if result.verdict in check.act_on:
            for notice in notices_of(check, result):
                await self._outbox.post(notice)


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
