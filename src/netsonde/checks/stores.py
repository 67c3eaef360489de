# SPDX-License-Identifier: Apache-2.0
"""What checks need from the rest of the analyzer, as Protocols: captures, reports, injections, a lease.

Buckets: `checks` (key: UUID), `check-results` (key: `<check>.<node>.<started>`).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Literal, Protocol

from netsonde.model.captures import Capture, CaptureChange, CapturePreview, CaptureView
from netsonde.model.flows import FlowAnswer, FlowRequest, PacketRequest
from netsonde.model.injections import Injection, InjectionView, ProbeResult


class Captures(Protocol):
    """Standing captures; `captures.CaptureCoordinator` has them."""

    def views(self) -> Sequence[CaptureView]: ...

    async def create(self, capture: Capture) -> CaptureView: ...

    async def delete(self, uuid: str) -> None: ...

    def preview(self, gremlin: str) -> CapturePreview:
        """Raises UserError when no capture can have this query."""
        ...

    def subscribe(self, listener: Callable[[CaptureChange], None]) -> Callable[[], None]: ...

    async def ready(self) -> None:
        """Wait until the definitions have been read once."""


class Reports(Protocol):
    """What agents report, as it passes on the bus, and what they keep."""

    def overhear(self, kind: Literal["flows", "packets"]) -> AsyncGenerator[bytes | None, None]:
        """Yield reports; None where some may have been missed, at the beginning among it."""
        ...

    async def packets(self, request: PacketRequest, host: str) -> Sequence[bytes]:
        """Return what the agent of a host and the history keep, as Arrow IPC streams.

        Raises SourceLost when the agent does not answer.
        """
        ...

    async def flows(self, request: FlowRequest) -> FlowAnswer: ...


class Injector(Protocol):
    """Sends packets from interfaces; `injection.InjectionCoordinator` is one."""

    def inject(self, injection: Injection, who: str) -> AsyncGenerator[ProbeResult, None]:
        """Run an injection and yield what becomes of each packet; closing stops it. Raises UserError, SourceLost."""
        ...

    def views(self) -> Sequence[InjectionView]:
        """Return the injections of late, those of other analyzers among them."""
        ...

    async def ready(self) -> None:
        """Wait until they have been read once."""


class LeaseRunner(Protocol):
    """One of several analyzers does a job; `bus.Lease` is one."""

    async def run(self, work: Callable[[], Awaitable[None]]) -> None: ...
