# SPDX-License-Identifier: Apache-2.0
"""Whose rights a notice acts with: a workflow that it calls has those of who set it up, or of its owner if fewer."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from netsonde.access.lending import Lending
from netsonde.api.authorize import principal_of
from netsonde.api.calls import caller_of
from netsonde.api.requests import AnyRequest
from netsonde.api.services import Services
from netsonde.model.alerts import Alert
from netsonde.model.checks import Check
from netsonde.notify.actions import action_of

T = TypeVar("T", Alert, Check)


def signed(request: AnyRequest, definition: T) -> T:
    """Return a definition with who makes the request: what it calls is judged again, for that user, when it does."""
    return msgspec.structs.replace(definition, created_by=caller_of(request).name)


def check_actions(services: Services, request: AnyRequest, actions: Iterable[str]) -> None:
    """Raise Forbidden for an action that calls a workflow which may not act for the user, nor for its owner."""
    lending = Lending(services.gate)
    for action in map(action_of, filter(None, actions)):
        view = services.workflows.view(action.target) if action.kind == "workflow" else None
        if view is not None:
            owner = None if view.bundled else view.created_by
            lending.between(principal_of(request.scope), owner, f"the workflow {view.name!r}")
