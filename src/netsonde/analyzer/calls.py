# SPDX-License-Identifier: Apache-2.0
"""Workflows for those parts that are made before them: checks tell receivers, and workflows follow checks."""

from collections.abc import Mapping

from netsonde.errors import SourceLost
from netsonde.model.elements import Json
from netsonde.workflows.calling import NamedCalls


class LateCalls:
    """Calls workflows by name from when `bind` was called; `notify` tells them so."""

    def __init__(self) -> None:
        self._calls: NamedCalls | None = None

    def bind(self, calls: NamedCalls) -> None:
        self._calls = calls

    def check(self, name: str) -> None:
        self._present().check(name)

    async def call(self, name: str, arguments: Mapping[str, Json], user: str) -> None:
        await self._present().call(name, arguments, user)

    def _present(self) -> NamedCalls:
        if self._calls is None:
            raise SourceLost("workflows are not there yet")
        return self._calls
