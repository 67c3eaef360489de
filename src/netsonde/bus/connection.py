# SPDX-License-Identifier: Apache-2.0
"""The bus: a connection that is made anew for ever, and what the parts of the program do over it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import TypeVar

from netsonde.aio import backoff
from netsonde.bus.buckets import MAX_BYTES, Bucket
from netsonde.bus.calls import Handler, Responder, call
from netsonde.bus.jetstream import API, JetStream
from netsonde.bus.link import Link
from netsonde.bus.permissions import AGENT
from netsonde.bus.settings import BusSettings
from netsonde.bus.subjects import STORE, STREAMS, ReportKind, call_subject
from netsonde.errors import SourceLost, UserError
from netsonde.observe import Health, logger

T = TypeVar("T")
log = logger("bus")


class Bus:
    """Connected for as long as it lives; `health` says whether it is now, and counts reconnections.

    Calls made while the bus is away wait for it up to `request_timeout`, then raise SourceLost.
    """

    def __init__(self, settings: BusSettings, name: str, health: Health | None = None) -> None:
        self.settings = settings
        self.name = name
        self.health = health or Health("bus")
        self.makes_consumers = settings.tls_certificate is None or not name.startswith(AGENT)
        """False for an agent that shows a certificate: it has an account with an agent's rights (`permissions.py`), and
        neither makes streams nor looks at what of them is not its own."""
        self._link: Link | None = None
        self._linked = asyncio.Event()
        self._responders: list[Responder] = []
        self._buckets: set[str] = set()
        self._streams: set[str] = set()
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls, settings: BusSettings, *, name: str, health: Health | None = None, wait: float | None = None
    ) -> "Bus":
        """Return a bus once it is connected, trying for ever, or for `wait` seconds and then raising SourceLost."""
        bus = cls(settings, name, health)
        loop = asyncio.get_running_loop()
        bus._keeper = loop.create_task(bus._keep(), name="bus.connection")
        try:
            async with asyncio.timeout(wait):
                await bus._linked.wait()
        except TimeoutError:
            reason = bus.health.reason or f"bus at {settings.url} does not answer"
            await bus.close()
            raise SourceLost(reason) from None
        except BaseException:
            await bus.close()
            raise
        return bus

    @property
    def connected(self) -> bool:
        return self._linked.is_set()

    async def close(self) -> None:
        """Disconnect; what waits on the bus fails with SourceLost."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        for responder in self._responders:
            await responder.stop()
        self._responders.clear()
        self.health.stopped()

    async def _keep(self) -> None:
        """Connect, wait until the connection breaks, and again."""
        delays = backoff(0.05, 2.0)
        while True:
            try:
                link = await Link.open(self.settings, self.name)
            except (SourceLost, UserError) as failed:
                # Files of secrets and certificates are read anew each time: they may be away while they are replaced.
                self._tell_lost(str(failed))
                await asyncio.sleep(next(delays))
                continue
            delays = backoff(0.05, 2.0)
            try:
                await self._use(link)
            finally:
                self._link = None
                self._linked.clear()
                await link.close()

    async def _use(self, link: Link) -> None:
        try:
            for responder in self._responders:
                await responder.listen(link)
        except SourceLost as failed:
            self._tell_lost(str(failed))
            return
        # A server that lost its disk has to get its streams and buckets again.
        self._streams.clear()
        self._buckets.clear()
        self._link = link
        self._linked.set()
        self.health.count("connections")
        self.health.running(f"connected to {self.settings.url}")
        log.info("connected", url=self.settings.url)
        await link.wait_lost()
        self._tell_lost(link.reason)

    def _tell_lost(self, reason: str) -> None:
        changed = self.health.reason != reason
        self.health.failed(reason)
        if changed:
            log.warning("bus is away", reason=reason)

    async def link(self, timeout: float | None = None) -> Link:
        """Return the present connection, waiting for one; SourceLost after `timeout` (default: the settings')."""
        limit = self.settings.request_timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(limit):
                while self._link is None or self._link.lost.is_set():
                    self._linked.clear()
                    await self._linked.wait()
        except TimeoutError:
            raise SourceLost(f"the bus is away: {self.health.reason}") from None
        return self._link

    async def wait_connected(self) -> None:
        """Wait for a connection, for ever."""
        while self._link is None or self._link.lost.is_set():
            with suppress(SourceLost):
                await self.link(60)

    async def jetstream(self) -> JetStream:
        api = API if self.makes_consumers else STORE
        return JetStream(await self.link(), self.settings.request_timeout, api)

    async def ensure_reports(self, kind: ReportKind) -> JetStream:
        """Return JetStream with the stream of `kind` in place."""
        plan = STREAMS[kind]
        jetstream = await self.jetstream()
        if self.makes_consumers and plan.name not in self._streams:
            await jetstream.ensure_stream(plan.config())
            self._streams.add(plan.name)
        return jetstream

    def forget_streams(self) -> None:
        """Look again whether the streams exist before the next use: an operation on one of them failed."""
        self._streams.clear()

    async def ensure_bucket(self, stream: str, config: Callable[[], dict[str, object]]) -> JetStream:
        """Return JetStream with a bucket's stream in place."""
        jetstream = await self.jetstream()
        if self.makes_consumers and stream not in self._buckets:
            await jetstream.ensure_stream(config())
            self._buckets.add(stream)
        return jetstream

    async def bucket(
        self,
        name: str,
        *,
        codec: type[T],
        ttl_s: float = 0,
        max_bytes: int = MAX_BYTES,
        rolls: bool = False,
        shared: bool = False,
    ) -> Bucket[T]:
        """Return the bucket `name` whose values are JSON of `codec`, made on the first use.

        `ttl_s`: every entry goes that long after it was last written; 0 = never, unless written with its own. `rolls`:
        when it is full the oldest entries make room, unseen by who watches; else new ones are refused. `shared`: agents
        of other hosts write there, none of whom may take away what is another's; its entries do not expire.
        """
        return Bucket(self, name, codec=codec, ttl_s=ttl_s, max_bytes=max_bytes, rolls=rolls, shared=shared)

    def call(self, host: str, verb: str, request: bytes, *, timeout: float = 5.0) -> AsyncGenerator[bytes, None]:
        """Ask the agent of `host`; yields the items of its answer. `timeout` bounds each silence, in seconds.

        Raises SourceLost when the agent is not there or falls silent, UserError when it refuses.
        """
        return call(self, call_subject(host, verb), request, timeout=timeout)

    async def serve(self, host: str, verb: str, handler: Handler) -> Responder:
        """Answer calls of `verb` to `host` with the items that `handler(request)` yields, over lost connections.

        Goes on until `stop_serving` or the end of the bus.
        """
        responder = Responder(call_subject(host, verb), handler, self.health)
        self._responders.append(responder)
        if self._link is not None:
            with suppress(SourceLost):  # listened to again by the next connection
                await responder.listen(self._link)
        return responder

    async def stop_serving(self, responder: Responder) -> None:
        """Take no more calls and break off the answers under way."""
        if responder in self._responders:
            self._responders.remove(responder)
        await responder.stop()
