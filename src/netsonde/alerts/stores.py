# SPDX-License-Identifier: Apache-2.0
"""What alerts need from the rest of the analyzer, as Protocols: queries, scripts, receivers, a lease.

Buckets: `alerts` (key: UUID), `alert-history` (key: `<alert>.<number>`).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from netsonde.model.elements import Json
from netsonde.model.notices import Notice
from netsonde.query import Result

T = TypeVar("T")


class Queries(Protocol):
    """The query engine over the live graph, flows and history; `analyzer.queries.QueryService` is one."""

    async def answer(
        self,
        text: str,
        bindings: Mapping[str, Json] | None,
        into: Callable[[Result, Callable[[], None]], T],
        *,
        client: str = "",
        packets: bool = True,
    ) -> T:
        """Raises UserError for any mistake and limit, SourceLost when a source is away.

        Alerts never see `packets`: what they see is read by all who may read alerts, and by receivers.
        """
        ...


class Scripts(Protocol):
    """Expressions in JavaScript."""

    async def check(self, expression: str) -> None:
        """Raises UserError for what is no expression."""
        ...

    async def evaluate(self, expression: str) -> Json:
        """Return the value; raises UserError for what it throws and for limits, SourceLost when nothing can run it."""
        ...


class Notifier(Protocol):
    """Delivers notices; `notify.Outbox` is one."""

    def check(self, action: str) -> None:
        """Raises UserError for an action that is unknown, or not allowed here."""
        ...

    async def post(self, notice: Notice) -> None:
        """Keep a notice until it is delivered; one that was posted before is not posted again. Raises SourceLost."""
        ...

    def repeats(self, action: str) -> bool:
        """Tell whether this receiver must be told again and again that an alert still fires."""
        ...

    async def repeat(self, notice: Notice) -> bool:
        """Tell a receiver once more, if it can be reached now; returns whether it answered."""
        ...

    def undelivered(self, source: str) -> Sequence[str]:
        """Return what waits or was given up lately, of one alert or check (UUID), in words."""
        ...


class LeaseRunner(Protocol):
    """One of several analyzers does a job; `bus.Lease` is one."""

    async def run(self, work: Callable[[], Awaitable[None]]) -> None: ...
