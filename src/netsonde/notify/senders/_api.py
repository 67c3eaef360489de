# SPDX-License-Identifier: Apache-2.0
"""What a sender is."""

from collections.abc import Mapping
from typing import Protocol

from netsonde.model.elements import Json
from netsonde.model.notices import Notice


class Sender(Protocol):
    """Tells receivers of one kind."""

    def check(self, target: str) -> None:
        """Raises UserError for a target that can never be told, with what to do about it."""
        ...

    async def send(self, target: str, notice: Notice) -> None:
        """Raises SourceLost when it may work later, UserError when it will not."""
        ...


class Workflows(Protocol):
    """Workflows that can be called by name."""

    def check(self, name: str) -> None:
        """Raises UserError when there is no such workflow."""
        ...

    async def call(self, name: str, arguments: Mapping[str, Json], user: str) -> None:
        """Call a workflow with named arguments for a user, and wait for its end. Raises UserError, SourceLost."""
        ...
