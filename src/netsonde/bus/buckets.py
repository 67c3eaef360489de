# SPDX-License-Identifier: Apache-2.0
"""Typed key-value buckets: definitions, presence, leases, statuses.

A bucket is a stream of JetStream with one message a key, laid out as other NATS clients expect (`KV_<name>`,
`$KV.<name>.<key>`), in a file, so that it survives the server's death.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import msgspec

from netsonde.aio import backoff
from netsonde.bus.heard import heard
from netsonde.bus.jetstream import Delivery, JetStream
from netsonde.bus.ordered import deliveries
from netsonde.bus.subjects import key_token, text_of
from netsonde.errors import Conflict, NotFound, SourceLost
from netsonde.observe import logger

if TYPE_CHECKING:
    from netsonde.bus.connection import Bus

T = TypeVar("T")
log = logger("bus.buckets")

EntryKind = Literal["put", "delete", "current"]

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of a bucket unless it is given its own limit; what is beyond is refused."""
_NS = 1_000_000_000
_MARKER_TTL_NS = 3600 * _NS
_REMOVAL_TTL_S = 24 * 3600
"""Seconds for which the mark of a removal stays. Who was away for longer reads the bucket anew and compares; kept for
ever, the marks of what comes and goes would fill the bucket."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """What a watch yields. `put` has a value; `delete` (also by expiry) has none.

    `current` comes once, without key and value: everything that was in the bucket has been yielded before it.
    """

    kind: EntryKind
    key: str = ""
    value: T | None = None
    revision: int = 0
    stored_ns: int = 0
    """When the server stored it, by the server's clock; 0 = not known."""


class Bucket(Generic[T]):
    """One bucket. Methods raise SourceLost while the bus is away, NotFound and Conflict as their names say."""

    def __init__(
        self,
        bus: "Bus",
        name: str,
        *,
        codec: type[T],
        ttl_s: float = 0,
        max_bytes: int = MAX_BYTES,
        rolls: bool = False,
        shared: bool = False,
    ) -> None:
        self.name = name
        self._bus = bus
        self._ttl_s = ttl_s
        self._max_bytes = max_bytes
        self._rolls = rolls
        self._shared = shared
        self._stream = f"KV_{name}"
        self._decoder = msgspec.json.Decoder(codec)
        self._encoder = msgspec.json.Encoder()

    async def get(self, key: str) -> T | None:
        """Return the value, or None when there is none."""
        entry = await self.entry(key)
        return None if entry is None else entry.value

    async def entry(self, key: str) -> Entry[T] | None:
        """Return the value with its revision, or None when there is none."""
        found = await self._last(key)
        if found is None or found.headers:
            return None
        return Entry("put", key, self._decode(key, found.data), found.sequence)

    async def put(self, key: str, value: T, *, ttl_s: float = 0) -> int:
        """Write the value whatever is there; returns its revision. `ttl_s` lets this entry expire, whole seconds."""
        return await self._write(key, value, ttl_s, expected=None)

    async def create(self, key: str, value: T, *, ttl_s: float = 0) -> int:
        """Write the value unless there is one; Conflict when there is."""
        try:
            return await self._write(key, value, ttl_s, expected=0)
        except Conflict:
            found = await self._last(key)
        if found is not None and not found.headers:
            raise Conflict(f"{self.name} has a {key} already")
        # What is there is the mark of a removal.
        return await self._write(key, value, ttl_s, expected=found.sequence if found else 0)

    async def update(self, key: str, value: T, revision: int, *, ttl_s: float = 0) -> int:
        """Replace the value of `revision`; Conflict when somebody else changed it meanwhile."""
        return await self._write(key, value, ttl_s, expected=revision)

    async def delete(self, key: str, *, revision: int | None = None) -> bool:
        """Delete the entry, or only that revision of it (else Conflict); tells whether there was one."""
        found = await self._last(key)
        if found is None or found.headers:
            return False
        headers = {"KV-Operation": "DEL"}
        if not self._ttl_s:
            headers["Nats-TTL"] = f"{_REMOVAL_TTL_S}s"
        if revision is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(revision)
        jetstream = await self._ready()
        await jetstream.publish(self._subject(key), b"", headers)
        return True

    async def items(self, keys: str = ">") -> dict[str, T]:
        """Return all entries, or those whose keys `watch` would follow."""
        found: dict[str, T] = {}
        async with aclosing(self.watch(keys)) as entries:
            async for entry in entries:
                if entry.kind == "current":
                    break
                if entry.value is not None:
                    found[entry.key] = entry.value
        return found

    async def latest(self, limit: int, *, before: int = 0) -> list[Entry[T]]:
        """Return the entries that were written last, the newest first; with `before`, those before that revision.

        Reads no more than about as many: for buckets that are logs, whose keys are written once.
        """
        jetstream = await self._ready()
        first, end = await jetstream.extent(self._stream)
        end = min(end, before - 1) if before else end
        found: list[Entry[T]] = []
        block = limit
        while end >= first and len(found) < limit:
            start = max(first, end - block + 1)
            entries = [entry async for entry in self._between(jetstream, start, end)]
            found += [entry for entry in reversed(entries) if entry.value is not None]
            # Sequences of what is gone are skipped faster and faster.
            end, block = start - 1, block * 2
        return found[:limit]

    async def _between(self, jetstream: JetStream, start: int, end: int) -> AsyncIterator[Entry[T]]:
        subjects = self._subject_of(">")
        async with aclosing(deliveries(jetstream, self._stream, subjects, after=start - 1)) as reader:
            async for delivery in reader:
                if delivery is None or delivery.sequence > end:
                    return
                yield self._entry_of(delivery)
                if delivery.sequence == end:
                    return

    async def watch(self, keys: str = ">") -> AsyncGenerator[Entry[T], None]:
        """Yield what is there, then a `current` mark, then every change, for ever.

        `keys` restricts it, with `*` for a token between dots and `>` for the rest. After a lost connection the
        bucket is read anew and compared, so deletions made meanwhile are told too and nothing is told twice.
        """
        known: dict[str, int] = {}
        marked = False
        delays = backoff(0.05, 2.0)
        while True:
            try:
                async for entry in self._follow(keys, known):
                    if entry.kind != "current" or not marked:
                        yield entry
                    marked = marked or entry.kind == "current"
                    delays = backoff(0.05, 2.0)
            except (SourceLost, NotFound) as lost:
                self._bus.health.count("watches_resumed")
                log.debug("watch interrupted", bucket=self.name, reason=str(lost))
                await self._bus.wait_connected()
                await asyncio.sleep(next(delays))

    async def _follow(self, keys: str, known: dict[str, int]) -> AsyncIterator[Entry[T]]:
        """One life of a watch; `known` maps keys to the revisions that were yielded."""
        jetstream = await self._ready()
        seen: set[str] | None = set()
        read = deliveries if self._bus.makes_consumers else heard
        async with aclosing(read(jetstream, self._stream, self._subject_of(keys))) as reader:
            async for delivery in reader:
                if delivery is None:
                    for key in known.keys() - (seen or set()):
                        del known[key]
                        yield Entry("delete", key)
                    seen = None
                    yield Entry("current")
                    continue
                entry = self._entry_of(delivery)
                if seen is not None and entry.kind == "put":
                    seen.add(entry.key)
                if self._is_news(entry, known):
                    yield entry

    def _is_news(self, entry: Entry[T], known: dict[str, int]) -> bool:
        if entry.kind == "delete":
            return known.pop(entry.key, None) is not None
        if known.get(entry.key) == entry.revision:
            return False
        known[entry.key] = entry.revision
        if entry.value is None:
            del known[entry.key]
        return entry.value is not None

    def _entry_of(self, delivery: Delivery) -> Entry[T]:
        key = text_of(delivery.subject.removeprefix(f"$KV.{self.name}."))
        if _is_removal(delivery.headers):
            return Entry("delete", key, None, delivery.sequence)
        try:
            return Entry("put", key, self._decode(key, delivery.data), delivery.sequence, delivery.stored_ns)
        except msgspec.MsgspecError:
            return Entry("put", key, None, delivery.sequence)

    def _decode(self, key: str, data: bytes) -> T:
        try:
            return self._decoder.decode(data)
        except msgspec.MsgspecError as bad:
            self._bus.health.count("bucket_entries_refused")
            log.warning("entry of a bucket does not decode", bucket=self.name, key=key, reason=str(bad))
            raise

    async def _write(self, key: str, value: T, ttl_s: float, expected: int | None) -> int:
        headers: dict[str, str] = {}
        if expected is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(expected)
        if ttl_s > 0:
            headers["Nats-TTL"] = f"{max(1, round(ttl_s))}s"
        jetstream = await self._ready()
        try:
            return await jetstream.publish(self._subject(key), self._encoder.encode(value), headers or None)
        except Conflict as changed:
            raise Conflict(f"{key} of {self.name} was changed meanwhile") from changed

    async def _last(self, key: str) -> Delivery | None:
        """Return the last message of a key; one with headers is a mark of its removal."""
        jetstream = await self._ready()
        try:
            if self._bus.makes_consumers:
                found = await jetstream.message(self._stream, {"last_by_subj": self._subject(key)})
            else:
                found = await jetstream.last(self._stream, self._subject(key))
        except NotFound:
            return None
        return replace(found, headers=found.headers if _is_removal(found.headers) else {})

    def _subject(self, key: str) -> str:
        return f"$KV.{self.name}.{key_token(key)}"

    def _subject_of(self, keys: str) -> str:
        return f"$KV.{self.name}." + ".".join(
            part if part in ("*", ">") else key_token(part) for part in keys.split(".")
        )

    async def _ready(self) -> JetStream:
        return await self._bus.ensure_bucket(self._stream, self._config)

    def _config(self) -> dict[str, object]:
        max_age = int(self._ttl_s * _NS)
        return {
            "name": self._stream,
            "subjects": [f"$KV.{self.name}.>"],
            "max_msgs_per_subject": 1,
            "storage": "file",
            "discard": "old" if self._rolls else "new",
            "max_bytes": self._max_bytes,
            "max_age": max_age,
            "duplicate_window": min(max_age, 120 * _NS) if max_age else 120 * _NS,
            # A message with a roll-up in its headers takes all others of the bucket away. Marks need it.
            "allow_rollup_hdrs": not self._shared,
            "deny_delete": True,
            "allow_direct": True,
            "allow_msg_ttl": True,
            # The server writes a mark when an entry expires, so that watchers are told.
            "subject_delete_marker_ttl": 0 if self._shared else _MARKER_TTL_NS,
            "num_replicas": 1,
        }


def _is_removal(headers: dict[str, str]) -> bool:
    return headers.get("KV-Operation", "").strip() in ("DEL", "PURGE") or "Nats-Marker-Reason" in headers
