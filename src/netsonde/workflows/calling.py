# SPDX-License-Identifier: Apache-2.0
"""Workflows called by other parts of the analyzer, alerts among them: by name, for who set that up."""

from collections.abc import Callable, Mapping

from netsonde.errors import NotFound, SourceLost, UserError
from netsonde.model.elements import Json
from netsonde.model.workflows import Caller
from netsonde.scripts.pool import Busy
from netsonde.workflows.definitions import EVENT
from netsonde.workflows.service import WorkflowService

ActingFor = Callable[[str, str | None, str], str]
"""Says for whom a thing acts that a user has called: user, owner (None = it came with the program), thing; else raises
UserError."""


class NamedCalls:
    """Calls workflows for `caller`, a part of the program such as `alert`."""

    def __init__(self, service: WorkflowService, caller: str, acting: ActingFor) -> None:
        self._service = service
        self._caller = caller
        self._acting = acting

    def check(self, name: str) -> None:
        """Raises NotFound when nothing is called so."""
        self._service.check(name)

    async def call(self, name: str, arguments: Mapping[str, Json], user: str) -> None:
        """Call a workflow, which a user set up to be called, and wait for its end.

        It gets the arguments that it has parameters for, and all of them as its parameter Event if it has one. Raises
        UserError when it does not end well, NotFound, SourceLost when it cannot be called now.
        """
        if not self._service.is_current:
            raise SourceLost("workflows are not read yet")
        workflow = self._service.view(name)
        if workflow is None:
            raise NotFound(f"no workflow is called {name[:100]!r}", hint="`netsonde workflow list` shows them")
        # Roles, and the workflow's owner, may have changed since the user named it.
        owner = None if workflow.bundled else workflow.created_by
        actor = self._acting(user, owner, f"the workflow {workflow.name!r}")
        known = {parameter.name for parameter in workflow.parameters}
        params = {key: value for key, value in ({EVENT: dict(arguments)} | dict(arguments)).items() if key in known}
        try:
            job = self._service.call(workflow.uuid, params, Caller(actor, on_behalf=True), trigger=self._caller)
        except Busy as busy:
            raise SourceLost(busy.message) from busy
        ended = await self._service.finished(job.uuid)
        if ended.state != "done":
            raise UserError(f"the workflow {workflow.name!r} {ended.state}: {ended.reason}", hint=ended.hint)
