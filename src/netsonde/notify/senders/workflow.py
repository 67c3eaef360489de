# SPDX-License-Identifier: Apache-2.0
"""Workflows of the analyzer, called with the message as their argument."""

import msgspec

from netsonde.errors import UserError
from netsonde.model.notices import Notice
from netsonde.notify.senders._api import Workflows


class WorkflowCalls:
    """Calls workflows by name."""

    def __init__(self, workflows: Workflows | None) -> None:
        self._workflows = workflows

    def check(self, target: str) -> None:
        self._present().check(target)

    async def send(self, target: str, notice: Notice) -> None:
        await self._present().call(target, {"notice": msgspec.to_builtins(notice.message)}, notice.created_by)

    def _present(self) -> Workflows:
        if self._workflows is None:
            raise UserError("workflows cannot be called here", hint="use a webhook")
        return self._workflows
