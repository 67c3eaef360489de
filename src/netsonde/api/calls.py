# SPDX-License-Identifier: Apache-2.0
"""With whose rights a request calls workflows, and those that a query of it may call."""

from collections.abc import Sequence
from dataclasses import dataclass

from netsonde.access.rights import WORKFLOW_CALL
from netsonde.api.authorize import principal_of
from netsonde.api.inside import CALLER, CREDENTIALS
from netsonde.api.requests import AnyRequest
from netsonde.api.services import CalledWorkflows, Services
from netsonde.errors import UserError
from netsonde.model.elements import Json
from netsonde.model.workflows import Caller


def caller_of(request: AnyRequest) -> Caller:
    """Return with whose rights a call of this request acts: of whoever sent it, or of the script that made it."""
    inside: Caller | None = request.scope.get(CALLER)  # type: ignore[assignment]
    if inside is not None:
        return Caller(inside.name, inside.credentials, inside.on_behalf, inside.depth + 1)
    credentials = [(name, request.headers[name]) for name in CREDENTIALS if name in request.headers]
    if token := request.query_params.get("x-auth-token", ""):
        credentials.append(("x-auth-token", token))
    address = "unknown" if request.client is None else request.client.host
    return Caller(principal_of(request.scope).owner or address, credentials)


def called_workflows(services: Services, request: AnyRequest) -> CalledWorkflows | None:
    """Return the workflows that a query of this request may call; None when it may call none."""
    if not services.gate.allows(principal_of(request.scope), WORKFLOW_CALL):
        return None
    return _OnBehalf(services, caller_of(request))


@dataclass(frozen=True, slots=True)
class _OnBehalf:
    """Implements CalledWorkflows for one caller."""

    services: Services
    caller: Caller

    async def call(self, reference: str, arguments: Sequence[Json]) -> Json:
        job = self.services.workflows.call(reference, arguments, self.caller)
        try:
            job = await self.services.workflows.finished(job.uuid)
        except BaseException:
            # Whoever asked has gone, or the query's time is up: nobody waits for the result.
            await self.services.workflows.cancel(job.uuid)
            raise
        if job.state != "done":
            raise UserError(job.reason, hint=job.hint)
        return job.result
