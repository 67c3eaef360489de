# SPDX-License-Identifier: Apache-2.0
"""What workflows need from the rest of the analyzer, as Protocols: whoever answers their requests, checks, captures."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from netsonde.model.captures import CaptureChange, CaptureView
from netsonde.model.checks import CheckChange
from netsonde.model.workflows import Caller
from netsonde.scripts.host import Answer


class Api(Protocol):
    """Answers requests as it answers those of the network, with the rights of a caller."""

    async def send(self, caller: Caller, method: str, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        """A request that cannot be made at all is answered with a status as well."""
        ...


class Checks(Protocol):
    """Part of `checks.CheckService`."""

    def subscribe(self, listener: Callable[[CheckChange], None]) -> Callable[[], None]: ...


class Captures(Protocol):
    """Part of `captures.CaptureCoordinator`."""

    def views(self) -> Sequence[CaptureView]: ...

    def subscribe(self, listener: Callable[[CaptureChange], None]) -> Callable[[], None]: ...


class LeaseRunner(Protocol):
    """One of several analyzers does a job; `bus.Lease` is one."""

    async def run(self, work: Callable[[], Awaitable[None]]) -> None: ...
