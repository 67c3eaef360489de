# SPDX-License-Identifier: Apache-2.0
"""Reads one cloud for all analyzers: everything once, then what changed, and new interfaces' ports at once.

Source: `cloud.py`, in a thread of its own; the ports that the overlay wants.
Writes: records in the bucket `openstack`, only those that differ; state, reason and counters of the cloud.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final, Protocol, TypeVar

from netsonde.aio import Supervisor
from netsonde.errors import SourceLost
from netsonde.model.openstack import CloudRecord
from netsonde.model.stores import Store
from netsonde.observe import Health, logger
from netsonde.openstack.cloud import AT_ONCE, Account, LoginRefused
from netsonde.openstack.inventory import Inventory, Ref
from netsonde.openstack.objects import COLLECTIONS, Changes, Port
from netsonde.openstack.remarks import remark
from netsonde.openstack.settings import CloudSettings
from netsonde.openstack.translate import Translator
from netsonde.openstack.wanted import Wanted
from netsonde.openstack.worker import Worker

log = logger("openstack")

T = TypeVar("T")

READER_TTL: Final = 900.0
"""Seconds after which a cloud that nobody reads any more is forgotten."""
_READER_EVERY: Final = 60.0
_PROJECTS_EVERY: Final = 300.0
"""Seconds between two looks at the names of projects, which have no revision."""
_LOOK_GAP: Final = 0.5
"""Seconds between two questions for single ports: however many interfaces come, the cloud hears of two a second."""
_AFTER_REFUSAL: Final = 300.0
"""Seconds after which a refused log-in is tried again: Keystone may lock an account after some failures."""
_PORTION: Final = 100
"""Records that are made, and then written together, in one go."""
_MOST_ANSWERS: Final = 40
"""How many times the time of one answer a look at a kind may take, pages and all."""


class Source(Protocol):
    """A cloud; methods block. `Cloud` is one."""

    def account(self) -> Account: ...
    def changes(self, kind: str, known: Mapping[str, int]) -> Changes: ...
    def objects(self, kind: str, ids: Sequence[str]) -> Changes: ...
    def projects(self) -> dict[str, str]: ...
    def close(self) -> None: ...


class CloudReader:
    """Reads one cloud until cancelled; `run` is what the holder of the cloud's lease does."""

    def __init__(
        self,
        name: str,
        settings: CloudSettings,
        *,
        host: str,
        store: Store[CloudRecord],
        wanted: Wanted,
        health: Health,
        source: Callable[[], Source],
        unknown: Callable[[], int],
    ) -> None:
        """`source` is called twice: new interfaces must not wait until a large cloud has been listed."""
        self._name = name
        self._settings = settings
        self._host = host
        self._store = store
        self._wanted = wanted
        self._health = health
        self._all = source()
        self._new = source()
        self._unknown = unknown
        self._inventory = Inventory()
        self._translator = Translator(name, self._inventory)
        self._written: dict[str, CloudRecord] = {}
        self._due: set[Ref] = set()
        """What has to be written; kept when that fails."""
        self._projects_at = float("-inf")
        self._unnamed: set[str] = set()
        """Projects whose names the account may not see."""
        self._looked_at = float("-inf")
        self._asked_for: set[str] = set()
        """Ports that were asked for while the whole cloud was being listed: what the list says of them is older."""

    async def run(self) -> None:
        """Read for ever; what fails is shown and tried again, and what was read before stays."""
        workers = Worker(f"openstack.{self._name}"), Worker(f"openstack.{self._name}.new")
        supervisor = Supervisor(self._name, lambda _: self._read(workers), self._health, on_crash=_log_crash)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._say_who_reads(), name=f"openstack.{self._name}.reader")
                group.create_task(supervisor.run(), name=f"openstack.{self._name}.read")
        finally:
            for worker, source in zip(workers, (self._all, self._new), strict=True):
                worker.close(source.close)

    async def _say_who_reads(self) -> None:
        who = CloudRecord(self._name, "reader", self._host)
        while True:
            with suppress(SourceLost):
                await self._store.put(who.key, who, ttl_s=READER_TTL)
            await asyncio.sleep(_READER_EVERY)

    async def _read(self, workers: tuple[Worker, Worker]) -> None:
        within = _MOST_ANSWERS * self._settings.timeout

        async def ask_all(call: Callable[[], T]) -> T:
            return await workers[0].run(call, within=within)

        async def ask_new(call: Callable[[], T]) -> T:
            return await workers[1].run(call, within=within)

        try:
            self._written = await self._store.items(f"{self._name}.>")
            self._written.pop(f"{self._name}.reader", None)
            self._due |= self._inventory.refs()
            account = await self._look_at_all(ask_all)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_again(ask_all), name=f"openstack.{self._name}.all")
                group.create_task(self._look_at_new(ask_new, account), name=f"openstack.{self._name}.new")
        except* LoginRefused as refused:
            self._health.failed(str(refused.exceptions[0]))
            # What is logged in with is read anew the next time.
            with suppress(SourceLost):
                await ask_all(self._all.close)
                await ask_new(self._new.close)
            await asyncio.sleep(_AFTER_REFUSAL)
            raise SourceLost(str(refused.exceptions[0])) from refused
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost

    async def _look_again(self, ask: "Ask") -> None:
        while True:
            await asyncio.sleep(self._settings.interval)
            await self._look_at_all(ask)

    async def _look_at_all(self, ask: "Ask") -> Account:
        """Read what has changed, and write it; return who reads."""
        account = await ask(self._all.account)
        known, refused = self._inventory, 0
        for kind in COLLECTIONS:
            self._asked_for.clear()
            revisions = known.revisions(kind)
            changes = await ask(lambda kind=kind, revisions=revisions: self._all.changes(kind, revisions))  # type: ignore[misc]
            changes.put = [one for one in changes.put if one.id not in self._asked_for]
            changes.gone = [one for one in changes.gone if one not in self._asked_for]
            self._due |= known.take(kind, changes)
            refused += changes.refused
        await self._look_at_projects(ask)
        await self._write()
        there = {self._key(ref) for ref in known.refs()}
        await self._remove(self._written.keys() - there)
        self._health.count("looks")
        self._health.count("refused", refused)
        self._tell(account)
        return account

    async def _look_at_projects(self, ask: "Ask") -> None:
        """Read names of projects now and then, and when there is a new one.

        Keystone may be away while its tokens are still good for Neutron.
        """
        now, unnamed = asyncio.get_running_loop().time(), self._inventory.unnamed()
        if now - self._projects_at < _PROJECTS_EVERY and unnamed <= self._unnamed:
            return
        try:
            self._due |= self._inventory.take_projects(await ask(self._all.projects))
            self._projects_at, self._unnamed = now, self._inventory.unnamed()
        except LoginRefused:
            raise
        except SourceLost as lost:
            self._health.count("projects_failed")
            log.warning("names of projects cannot be read", cloud=self._name, reason=str(lost))

    async def _look_at_new(self, ask: "Ask", account: Account) -> None:
        """Ask for the ports of interfaces that appear."""
        loop = asyncio.get_running_loop()
        while True:
            self._wanted.woken.clear()
            soon = self._wanted.next_in()
            if soon is None:
                await self._wanted.woken.wait()
                continue
            await asyncio.sleep(max(soon, self._looked_at + _LOOK_GAP - loop.time()))
            # What is known to be up was only wanted because its record is still on its way.
            ids = [one for one in self._wanted.take(AT_ONCE) if not self._is_up(one)]
            if ids:
                self._looked_at = loop.time()
                await self._look_at(ask, ids)
                self._tell(account)

    def _is_up(self, port_id: str) -> bool:
        port = self._inventory.ports.get(port_id)
        return port is not None and port.status == "ACTIVE"

    async def _look_at(self, ask: "Ask", ids: Sequence[str]) -> None:
        known = self._inventory
        found = await ask(lambda: self._new.objects("ports", ids))
        self._asked_for.update(ids)
        if not found.refused:
            there = {one.id for one in found.put}
            found.gone = [one for one in ids if one in known.ports and one not in there]
        self._due |= known.take("ports", found)
        ports = [one for one in found.put if isinstance(one, Port)]
        for kind, missing in known.missing(ports).items():
            more = await ask(lambda kind=kind, missing=missing: self._new.objects(kind, missing))  # type: ignore[misc]
            self._due |= known.take(kind, more)
        self._health.count("ports_asked_for", len(ids))
        await self._write()

    async def _write(self) -> None:
        """Write what is due and differs; what could not be written stays due."""
        while self._due:
            portion = list(islice(self._due, _PORTION))
            self._due.difference_update(portion)
            made = {self._key(ref): self._record(ref) for ref in portion}
            changed = {key: record for key, record in made.items() if record and self._written.get(key) != record}
            try:
                await self._together(self._put(record) for record in changed.values())
                await self._remove(key for key, record in made.items() if record is None and key in self._written)
            except SourceLost:
                self._due.update(portion)
                raise
            await asyncio.sleep(0)

    async def _remove(self, keys: Iterable[str]) -> None:
        left = iter(list(keys))
        while portion := list(islice(left, _PORTION)):
            await self._together(self._delete(key) for key in portion)

    async def _together(self, writes: Iterable[Coroutine[None, None, None]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for write in writes:
                    group.create_task(write, name=f"openstack.{self._name}.write")
        except* SourceLost as lost:
            raise SourceLost(f"what the cloud says cannot be kept: {lost.exceptions[0]}") from lost

    async def _put(self, record: CloudRecord) -> None:
        await self._store.put(record.key, record)
        self._written[record.key] = record
        self._health.count("changes")

    async def _delete(self, key: str) -> None:
        await self._store.delete(key)
        self._written.pop(key, None)
        self._health.count("changes")

    def _key(self, ref: Ref) -> str:
        return CloudRecord(self._name, ref.kind, ref.id).key

    def _record(self, ref: Ref) -> CloudRecord | None:
        known, make = self._inventory, self._translator
        if ref.kind == "port":
            port = known.ports.get(ref.id)
            return None if port is None else make.port(port)
        if ref.kind == "network":
            network = known.networks.get(ref.id)
            return None if network is None else make.network(network)
        router = known.routers.get(ref.id)
        return None if router is None else make.router(router)

    def _tell(self, account: Account) -> None:
        for kind, count in self._inventory.counts().items():
            self._health.gauge(kind, count)
        self._health.gauge("wanted_dropped", self._wanted.dropped)
        lacking = remark(account, self._inventory, unknown=self._unknown())
        self._health.gauge("incomplete", int(bool(lacking)))
        self._health.running(lacking)


class Ask(Protocol):
    """Runs a blocking call where it blocks nobody."""

    async def __call__(self, call: Callable[[], T]) -> T: ...


def _log_crash(name: str, crash: BaseException) -> None:
    log.error("reading a cloud crashed and is tried again", cloud=name, exc_info=crash)
