# SPDX-License-Identifier: Apache-2.0
"""Injections of an analyzer, over buckets in memory and agents that say what a test lets them say."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import pytest

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.errors import NotFound, SourceLost, UserError
from netsonde.graph import Batch, Graph
from netsonde.injection.coordinator import InjectionCoordinator
from netsonde.injection.settings import InjectSettings
from netsonde.injection.stores import InjectionStores
from netsonde.model.elements import Metadata, Node
from netsonde.model.injections import (
    AuditRecord,
    Injection,
    InjectionChange,
    InjectionState,
    InjectionStatus,
    InjectProgress,
    InjectRequest,
    ProbeResult,
    Totals,
)
from netsonde.observe import Health
from unit.captures.fakes import FakeEntry, FakeStore, ManualTime, until

PING = Injection(src="two", dst_ip="10.0.0.9", type="icmp4", count=3, src_port=65535, icmp_id=7)
REPLY = ProbeResult(0, 1, 2000, "reply", "10.0.0.9")


def progress(state: InjectionState, sent: int = 3, results: Sequence[ProbeResult] = ()) -> InjectProgress:
    received = sum(one.verdict == "reply" for one in results)
    return InjectProgress(state, "", Totals(sent=sent, received=received, rtt_mean=2000), list(results))


@dataclass
class Agents:
    """Answers calls with what is in `says`, then does what `then` says; records requests and who hung up."""

    says: list[InjectProgress] = field(default_factory=lambda: [progress("finished", results=[REPLY])])
    then: Exception | None = None
    hold: asyncio.Event | None = None
    """Answers go on for so long."""
    asked: list[tuple[str, InjectRequest]] = field(default_factory=list)
    hung_up: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Everybody has hung up."""

    async def call(self, host: str, request: bytes) -> AsyncGenerator[bytes, None]:
        self.asked.append((host, msgspec.json.decode(request, type=InjectRequest)))
        try:
            for item in self.says:
                yield msgspec.json.encode(item)
            if self.hold is not None:
                await self.hold.wait()
            if self.then is not None:
                raise self.then
        except (GeneratorExit, asyncio.CancelledError):
            self.hung_up += 1
            if self.hung_up == len(self.asked):
                self.idle.set()
            raise


@dataclass
class World:
    """Everything that an analyzer meets; a second analyzer shares the stores."""

    agents: Agents = field(default_factory=Agents)
    time: ManualTime = field(default_factory=ManualTime)
    stores: InjectionStores = field(default_factory=lambda: InjectionStores(FakeStore(), FakeStore(), FakeStore()))
    news: list[InjectionChange] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def coordinator(
        self, host: str = "a1", settings: InjectSettings | None = None, *, ahead: float = 0
    ) -> InjectionCoordinator:
        """Return one whose clock is so many seconds ahead of the others'."""
        clock = Clock(lambda: round((self.time.seconds + ahead) * 1000), lambda: self.time.seconds)
        graph = Graph("h1", f"analyzer.{host}", clock.now_ms)
        batch = Batch()
        batch.put_node("h1", "test", {"Type": "host", "Name": "h1"})
        for number in (1, 2):
            facts = {"Name": f"eth{number}", "Type": "device", "IfIndex": number}
            ends: Metadata = {"MAC": f"02:00:00:00:00:0{number}", "IPV4": [f"10.0.0.{number}/24"]}
            batch.put_node(f"n{number}", "test", {**facts, **ends})
            batch.put_edge(None, "h1", f"n{number}", "test", {"RelationType": "ownership"})
        graph.apply(batch)

        async def find(query: str) -> Sequence[Node]:
            if query == "wrong":
                raise UserError("a query starts with G")
            return [node for node in graph.nodes() if node.id in {"two": ("n1", "n2"), "host": ("h1",)}.get(query, ())]

        made = InjectionCoordinator(
            graph,
            self.stores,
            find,
            self.agents.call,
            settings or InjectSettings(),
            host=host,
            check_pcap=lambda _: None,
            clock=clock,
        )
        made.subscribe(self._hear)
        return made

    def _hear(self, change: InjectionChange) -> None:
        self.news.append(change)
        self.changed.set()

    async def state(self, coordinator: InjectionCoordinator, uuid: str, *states: str) -> InjectionStatus:
        """Wait until an injection is in one of the states."""
        async with asyncio.timeout(20):
            while True:
                view = coordinator.view(uuid)
                if view is not None and view.status is not None and view.status.state in states:
                    return view.status
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def running(coordinator: InjectionCoordinator) -> AsyncIterator[InjectionCoordinator]:
    async with asyncio.TaskGroup() as group:
        task = spawn(group, coordinator.run(Health("injection")), "injection")
        await coordinator.ready()
        await asyncio.sleep(0)
        yield coordinator
        task.cancel()


async def test_every_interface_sends_once_with_a_port_and_id_of_its_own() -> None:
    world = World()
    async with running(world.coordinator()) as injections:
        view = await injections.create(PING, "192.0.2.1")
        status = await world.state(injections, view.uuid, "finished")
    requests = [request for _, request in world.agents.asked]
    assert [(one.source, one.source_port, one.icmp_id) for one in requests] == [
        ("10.0.0.1", 65535, 7),
        ("10.0.0.2", 1, 8),
    ]
    assert requests[0].next_hop == "10.0.0.9"
    assert (status.totals.sent, status.totals.received, status.totals.rtt_mean) == (6, 2, 2000)
    assert world.news[0].kind == "Added"


async def test_who_injected_what_is_remembered_after_the_end() -> None:
    world = World()
    async with running(world.coordinator()) as injections:
        view = await injections.create(PING, "192.0.2.1")
        await world.state(injections, view.uuid, "finished")
        await injections.delete(view.uuid, "192.0.2.7")
        records: Sequence[AuditRecord] = await injections.audit(100)
        older: Sequence[AuditRecord] = await injections.audit(100, records[0].number)
    assert older == records[1:]
    told = {one.action: (one.who, one.target, one.sources) for one in records}
    assert told["created"] == ("192.0.2.1", "10.0.0.9", ["eth1@h1 (10.0.0.1)", "eth2@h1 (10.0.0.2)"])
    assert told["deleted"][0] == "192.0.2.7"


async def test_results_come_as_a_stream() -> None:
    world = World(Agents([progress("running", 1, [REPLY]), progress("finished", 3)]))
    async with running(world.coordinator()) as injections:
        results = [result async for result in injections.inject(PING, "a check")]
    assert results == [REPLY, REPLY]


async def test_a_stream_keeps_the_uuid_that_it_brings() -> None:
    world = World(Agents([progress("finished", 3)]))
    async with running(world.coordinator()) as injections:
        brought = msgspec.structs.replace(PING, uuid="11111111-0000-0000-0000-000000000000")
        assert [result async for result in injections.inject(brought, "a check")] == []
        created = await injections.create(brought, "x")
        assert {view.uuid for view in injections.views()} == {brought.uuid, created.uuid}
    assert created.uuid != brought.uuid


async def test_closing_the_stream_stops_the_agents() -> None:
    world = World(Agents([progress("running", 1, [REPLY])], hold=asyncio.Event()))
    async with running(world.coordinator()) as injections:
        stream = injections.inject(PING, "a check")
        assert await anext(stream) == REPLY
        await stream.aclose()
        uuid = injections.views()[0].uuid
        await world.state(injections, uuid, "stopped")
    assert world.agents.hung_up == 2


async def test_a_stream_ends_as_its_injection_does() -> None:
    world = World(Agents([progress("running", 1)], then=UserError("the interface is gone")))
    async with running(world.coordinator()) as injections:
        with pytest.raises(UserError, match="the interface is gone"):
            await anext(injections.inject(PING, "a check"))


async def test_a_stream_of_which_no_packet_could_be_sent_ends_with_the_reason() -> None:
    unsent = InjectProgress("finished", "the interface is down", Totals(failed=3), [])
    world = World(Agents([unsent]))
    async with running(world.coordinator()) as injections:
        with pytest.raises(UserError, match="eth1@h1: the interface is down"):
            await anext(injections.inject(PING, "a check"))


class UnreadStore(FakeStore[InjectionStatus]):
    """A bucket of which nothing has been read yet."""

    async def watch(self, keys: str = ">") -> AsyncIterator[FakeEntry[InjectionStatus]]:
        await asyncio.Event().wait()
        yield FakeEntry("current", "", None, 0)


async def test_it_is_not_ready_before_it_knows_where_injections_are() -> None:
    world, health = World(stores=InjectionStores(FakeStore(), UnreadStore(), FakeStore())), Health("injection")
    await world.stores.definitions.put("u", msgspec.structs.replace(PING, uuid="u"))
    made = world.coordinator()
    async with asyncio.TaskGroup() as group:
        task = spawn(group, made.run(health), "injection")
        await until(lambda: bool(made.views()))
        for _ in range(10):
            await asyncio.sleep(0)
        assert health.state != "running"
        task.cancel()


async def test_an_agent_that_falls_silent_interrupts() -> None:
    world = World(Agents([progress("running", 2)], then=SourceLost("no answer within 3 s")))
    async with running(world.coordinator()) as injections:
        view = await injections.create(PING, "x")
        status = await world.state(injections, view.uuid, "interrupted")
    assert "the agent of h1 was lost after 2 of 3 packets" in status.reason


class SlowStore(FakeStore[InjectionStatus]):
    """A bucket whose writes take so long that a short run is over before the first one."""

    async def put(self, key: str, value: InjectionStatus, *, ttl_s: float = 0) -> int:
        for _ in range(50):
            await asyncio.sleep(0)
        return await super().put(key, value, ttl_s=ttl_s)


async def test_a_run_that_ends_while_its_beginning_is_written_down_has_an_end() -> None:
    world = World(stores=InjectionStores(FakeStore(), SlowStore(), FakeStore()))
    async with running(world.coordinator()) as injections:
        view = await injections.create(PING, "x")
        await world.state(injections, view.uuid, "finished")


async def test_an_end_is_written_down_as_soon_as_the_bus_is_back() -> None:
    world, store = World(Agents([progress("running", 1)], hold=asyncio.Event())), FakeStore[InjectionStatus]()
    world.stores = InjectionStores(FakeStore(), store, FakeStore())
    async with running(world.coordinator()) as injections:
        view = await injections.create(PING, "x")
        await world.state(injections, view.uuid, "running")
        store.away = True
        world.agents.then = UserError("the interface is gone")
        assert world.agents.hold is not None
        world.agents.hold.set()
        await world.state(injections, view.uuid, "failed")
        assert store.entries[view.uuid][0].state == "running"
        store.away = False
        async with asyncio.timeout(20):
            async for entry in store.watch():
                if entry.value is not None and entry.value.state == "failed":
                    break


async def test_an_agent_that_refuses_says_why() -> None:
    world = World(Agents([], then=UserError("32 injections run on this agent")))
    async with running(world.coordinator()) as injections:
        view = await injections.create(PING, "x")
        status = await world.state(injections, view.uuid, "failed")
    assert "32 injections run" in status.reason


async def test_a_deleted_injection_stops() -> None:
    world = World(Agents([progress("running", 1)], hold=asyncio.Event()))
    async with running(world.coordinator()) as injections:
        view = await injections.create(PING, "x")
        await world.state(injections, view.uuid, "running")
        await injections.delete(view.uuid, "x")
        async with asyncio.timeout(20):
            await world.agents.idle.wait()
        assert (injections.views(), world.agents.hung_up) == ([], 2)
        with pytest.raises(NotFound):
            await injections.delete(view.uuid, "x")


async def test_what_a_dead_analyzer_ran_is_interrupted_by_its_next_life() -> None:
    world = World(Agents([progress("running", 2)], hold=asyncio.Event()))
    async with running(world.coordinator()) as injections:
        view = await injections.create(PING, "x")
        await world.state(injections, view.uuid, "running")
    # Its first life ended without a word: what it wrote last says "running".
    async with running(world.coordinator()) as injections:
        await injections.sweep()
        status = await world.state(injections, view.uuid, "interrupted")
    assert "the analyzer that ran it ended; last heard of after" in status.reason
    assert {node.state for node in status.nodes} == {"interrupted"}


async def test_another_analyzer_leaves_a_run_alone_while_it_is_reported_and_ends_it_afterwards() -> None:
    world = World(Agents([progress("running", 2)], hold=asyncio.Event()))
    async with running(world.coordinator("a1")) as first, running(world.coordinator("a2")) as second:
        view = await first.create(PING, "x")
        status = await world.state(second, view.uuid, "starting", "running")
        assert status.owner == "a1"
        world.time.move(10)
        await second.sweep()
        assert (await world.state(second, view.uuid, "starting", "running")).owner == "a1"
        world.time.move(10)
        await second.sweep()
        await world.state(second, view.uuid, "interrupted")


@pytest.mark.parametrize("ahead", [60, -60])
async def test_an_analyzer_whose_clock_differs_leaves_the_runs_of_others_alone(ahead: float) -> None:
    world = World(Agents([progress("running", 2)], then=SourceLost("gone"), hold=asyncio.Event()))
    async with running(world.coordinator("a1")) as first, running(world.coordinator("a2", ahead=ahead)) as second:
        view = await first.create(PING, "x")
        await until(lambda: second.view(view.uuid) is not None)
        await second.sweep()
        assert (await world.state(second, view.uuid, "starting", "running")).owner == "a1"
        await second.sweep()
        assert world.agents.hold is not None
        world.agents.hold.set()
        for one in (first, second):
            assert "the agent of h1 was lost" in (await world.state(one, view.uuid, "interrupted")).reason


async def test_an_end_that_is_said_for_a_dead_analyzer_whose_clock_was_ahead_is_seen_by_all() -> None:
    world = World(Agents([progress("running", 2)], hold=asyncio.Event()))
    async with running(world.coordinator("a1", ahead=60)) as killed:
        view = await killed.create(PING, "x")
        await world.state(killed, view.uuid, "running")
    async with running(world.coordinator("a2")) as second, running(world.coordinator("a3")) as third:
        world.time.move(16)
        await second.sweep()
        ends = [await world.state(one, view.uuid, "interrupted") for one in (second, third)]
    assert ends[0] == ends[1]


async def test_an_injection_with_a_time_to_live_deletes_itself() -> None:
    world = World()
    async with running(world.coordinator()) as injections:
        expires_at = world.time.clock().now_ms() + 5000
        view = await injections.create(msgspec.structs.replace(PING, expires_at=expires_at), "x")
        await world.state(injections, view.uuid, "finished")
        world.time.move(6)
        await injections.sweep()
        assert (injections.views(), await world.stores.definitions.items()) == ([], {})


async def test_of_too_many_ended_injections_those_leave_first_whose_time_is_over_first() -> None:
    world = World(Agents([progress("finished")]))
    async with running(world.coordinator(settings=InjectSettings(max_listed=2))) as injections:
        made: list[str] = []
        for ends_after_s in (0, 900, 600, 0):
            expires_at = ends_after_s and world.time.clock().now_ms() + ends_after_s * 1000
            view = await injections.create(msgspec.structs.replace(PING, expires_at=expires_at), "x")
            await world.state(injections, view.uuid, "finished")
            made.append(view.uuid)
            world.time.move(1)
        await injections.sweep()
        left = {view.uuid for view in injections.views()}
        assert (left, {*await world.stores.definitions.items()}) == ({made[0], made[3]}, left)
        assert {*await world.stores.statuses.items()} == left


async def test_what_goes_on_is_listed_however_much_there_is() -> None:
    world = World(Agents([progress("running", 2)], hold=asyncio.Event()))
    async with running(world.coordinator(settings=InjectSettings(max_listed=1))) as injections:
        made = {(await injections.create(PING, "x")).uuid for _ in range(3)}
        await injections.sweep()
        assert {view.uuid for view in injections.views()} == made


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"src": "host"}, "No source node found"),
        ({"src": "wrong"}, "Src: a query starts with G"),
        ({"dst": "nothing", "dst_ip": ""}, "No destination node found"),
        ({"dst": "wrong"}, "Dst: a query starts with G"),
    ],
)
async def test_a_query_that_finds_nothing_is_refused(changes: dict[str, object], words: str) -> None:
    async with running(World().coordinator()) as injections:
        with pytest.raises(UserError, match=words):
            await injections.create(msgspec.structs.replace(PING, **changes), "x")


async def test_a_target_that_the_graph_gives_is_restricted_too() -> None:
    world = World()
    settings = InjectSettings(targets=("192.0.2.0/24",))
    async with running(world.coordinator(settings=settings)) as injections:
        with pytest.raises(UserError, match=r"Dst 10\.0\.0\.1 is outside"):
            await injections.create(msgspec.structs.replace(PING, dst="two", dst_ip=""), "x")
    assert world.agents.asked == []
