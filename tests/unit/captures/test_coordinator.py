# SPDX-License-Identifier: Apache-2.0
"""The analyzer's side: create, change, watch, delete; targets for what agents cannot judge alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from netsonde.captures.coordinator import CaptureCoordinator
from netsonde.errors import Conflict, NotFound, UserError
from netsonde.graph import Batch, Graph
from netsonde.model.captures import (
    AgentCaptureStatus,
    Capture,
    CaptureChange,
    CaptureTargets,
    CaptureView,
    NodeStatus,
)
from netsonde.model.elements import Edge, Metadata, Node
from netsonde.model.topology import TopologySnapshot
from netsonde.observe import Health
from unit.captures.fakes import FakeLease, FakeStore, ManualTime, until

VMS = Capture(gremlin_query="G.V().HasKey('ExtID.vm-id')")


class Site:
    """An analyzer's coordinator over the merged graph of some hosts."""

    def __init__(self, time: ManualTime) -> None:
        self.graph = Graph("a", "analyzer.a", time.clock().now_ms)
        self.definitions: FakeStore[Capture] = FakeStore()
        self.targets: FakeStore[CaptureTargets] = FakeStore()
        self.statuses: FakeStore[AgentCaptureStatus] = FakeStore()
        self.lease = FakeLease()
        self.hosts = {"h1", "h2"}
        self.seen: list[CaptureChange] = []
        self.ready = True
        self.looks = 0
        """How often it was asked whether the topology is in."""
        self.coordinator = CaptureCoordinator(
            self.graph,
            self.definitions,
            self.targets,
            self.statuses,
            self.lease,
            check_filter=lambda text: None,
            agents=lambda: self.hosts,
            is_ready=self._is_ready,
            clock=time.clock(),
        )
        self.coordinator.subscribe(self.seen.append)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[CaptureCoordinator]:
        task = asyncio.get_running_loop().create_task(self.coordinator.run(Health("captures")), name="under test")
        await self.coordinator.ready()
        try:
            yield self.coordinator
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def host(self, host: str, **interfaces: Metadata) -> None:
        """Let an agent report its host with these interfaces; their ids are `<host>-<name>`."""
        origin = f"agent.{host}"
        nodes = [Node(host, {"Type": "host", "Name": host}, host, origin, 1, 1)]
        edges = []
        for name, metadata in interfaces.items():
            nodes.append(Node(f"{host}-{name}", {"Name": name, "Type": "veth", **metadata}, host, origin, 1, 1))
            owned: Metadata = {"RelationType": "ownership"}
            edges.append(Edge(f"{host}>{name}", owned, host, origin, 1, 1, parent=host, child=f"{host}-{name}"))
        self.graph.replace_origin(TopologySnapshot(host, "e", 1, nodes, edges))

    async def report(self, uuid: str, host: str, *nodes: NodeStatus) -> None:
        await self.statuses.put(f"{uuid}.{host}", AgentCaptureStatus(uuid, host, len(nodes), len(nodes), [*nodes], 0))

    def _is_ready(self) -> bool:
        self.looks += 1
        return self.ready

    def state(self, uuid: str) -> str:
        view = self.coordinator.view(uuid)
        return view.status.state if view is not None and view.status is not None else ""

    def told(self, kind: str) -> list[CaptureView]:
        return [change.view for change in self.seen if change.kind == kind]


@pytest.fixture
def site(time: ManualTime) -> Site:
    return Site(time)


def active(name: str, host: str = "h1", packets: int = 0) -> NodeStatus:
    return NodeStatus(f"{host}-{name}", "t", name, host, "active", packets_received=packets)


async def test_a_created_capture_waits_and_says_for_what(site: Site) -> None:
    async with site.running() as coordinator:
        view = await coordinator.create(VMS)
        assert view.status is not None
        assert (view.status.state, view.status.reason) == ("starting", "not confirmed yet by h1, h2")
        assert site.definitions.entries[view.uuid][0].created_at == view.created_at > 0
        assert [told.uuid for told in site.told("Added")] == [view.uuid]
        assert coordinator.views() == [view]
        for host in ("h1", "h2"):
            await site.report(view.uuid, host)
        await until(lambda: site.state(view.uuid) == "waiting")
        waiting = coordinator.view(view.uuid)
        assert waiting is not None
        assert waiting.status is not None
        assert (waiting.status.reason, waiting.count) == ("no node matches", 0)


async def test_agents_reports_make_it_active_and_count(site: Site) -> None:
    async with site.running() as coordinator:
        view = await coordinator.create(VMS)
        site.host("h1", tap0={"IfIndex": 3, "ExtID": {"vm-id": "1"}})
        await until(lambda: site.state(view.uuid) == "starting")
        await site.report(view.uuid, "h1", active("tap0"))
        await until(lambda: site.told("Updated") != [] and site.told("Updated")[-1].count == 1)
        assert site.state(view.uuid) == "active"


async def test_counters_are_told_too_but_not_as_news(site: Site) -> None:
    async with site.running() as coordinator:
        view = await coordinator.create(VMS)
        await site.report(view.uuid, "h1", active("tap0"))
        await until(lambda: site.state(view.uuid) == "active" and bool(site.told("Updated")))
        for packets in range(1, 50):
            await site.report(view.uuid, "h1", active("tap0", packets=packets))
        told = len(site.told("Updated"))
        await until(lambda: packets_of(coordinator.view(view.uuid)) == 49)
        assert len(site.told("Updated")) <= told + 1


def packets_of(view: CaptureView | None) -> int:
    return view.status.nodes[0].packets_received if view is not None and view.status is not None else 0


async def test_counters_that_wait_bring_back_no_capture_and_no_definition(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsonde.captures.coordinator._COUNTER_INTERVAL", 0.2)
    site.host("h1", a={"IfIndex": 1, "ExtID": {"vm-id": "1"}})
    async with site.running() as coordinator:
        queries = ("G.V().Has('Name', 'a')", "G.V('h1-a')", "G.V()")
        gone, renamed, stays = [(await coordinator.create(Capture(gremlin_query=one))).uuid for one in queries]
        for uuid in (gone, renamed, stays):
            await site.report(uuid, "h1", active("a"))
        await until(lambda: len({told.uuid for told in site.told("Updated") if told.count == 1}) == 3)
        for uuid in (stays, renamed, gone):
            await site.report(uuid, "h1", active("a", packets=5))
        # Looked at, and kept for the next second.
        await until(lambda: counted(coordinator, gone) == 5 and not coordinator._catalogue.dirty)
        await coordinator.delete(gone)
        before = site.definitions.entries[renamed][0]
        await coordinator.replace(before, msgspec.structs.replace(before, name="new"))
        await until(lambda: any(counted_in(told) == 5 for told in site.told("Updated") if told.uuid == stays))
    last = {change.view.uuid: change for change in site.seen}
    assert (last[gone].kind, last[renamed].view.name) == ("Deleted", "new")


def counted_in(view: CaptureView) -> int:
    return sum(node.packets_received for node in view.status.nodes) if view.status is not None else 0


def counted(coordinator: CaptureCoordinator, uuid: str) -> int:
    view = coordinator.view(uuid)
    return 0 if view is None else counted_in(view)


async def test_a_bad_definition_is_refused_and_nothing_is_stored(site: Site) -> None:
    async with site.running() as coordinator:
        with pytest.raises(UserError):
            await coordinator.create(Capture(gremlin_query="G.V().HasKey("))
        assert not site.definitions.entries


async def test_a_duplicate_is_refused(site: Site) -> None:
    async with site.running() as coordinator:
        await coordinator.create(VMS)
        with pytest.raises(Conflict):
            await coordinator.create(msgspec.structs.replace(VMS, type="pcap"))


async def test_a_change_is_stored_once_and_only_upon_what_it_was_made_for(site: Site) -> None:
    async with site.running() as coordinator:
        created = await coordinator.create(VMS)
        before = site.definitions.entries[created.uuid][0]
        paused = msgspec.structs.replace(before, paused=True)
        view = await coordinator.replace(before, paused)
        assert view.status is not None
        assert (view.paused, view.status.state) == (True, "paused")
        with pytest.raises(Conflict):
            await coordinator.replace(before, msgspec.structs.replace(before, name="late"))
        await coordinator.delete(created.uuid)
        with pytest.raises(NotFound):
            await coordinator.replace(paused, before)


async def test_a_deleted_capture_is_gone_and_its_late_echo_does_not_bring_it_back(site: Site) -> None:
    async with site.running() as coordinator:
        view = await coordinator.create(VMS)
        await coordinator.delete(view.uuid)
        other = await coordinator.create(msgspec.structs.replace(VMS, bpf_filter="arp"))
        await until(lambda: site.statuses.entries == {})
        assert [known.uuid for known in coordinator.views()] == [other.uuid]
        assert [told.uuid for told in site.told("Deleted")] == [view.uuid]
        with pytest.raises(NotFound):
            await coordinator.delete(view.uuid)


async def test_what_another_analyzer_stored_is_followed(site: Site) -> None:
    stored = msgspec.structs.replace(VMS, uuid="c9")
    await site.definitions.put("c9", stored)
    async with site.running() as coordinator:
        assert coordinator.view("c9") is not None
        await site.definitions.put("c9", msgspec.structs.replace(stored, name="renamed"))
        await until(lambda: getattr(coordinator.view("c9"), "name", "") == "renamed")
        await site.definitions.delete("c9")
        await until(lambda: coordinator.view("c9") is None)


async def test_a_capture_deletes_itself_when_its_time_is_over(site: Site, time: ManualTime) -> None:
    now = time.clock().now_ms()
    await site.definitions.put("c9", msgspec.structs.replace(VMS, expires_at=now))
    async with site.running() as coordinator:
        await until(lambda: coordinator.view("c9") is None)
        assert not site.definitions.entries


async def test_targets_are_written_for_a_query_that_agents_cannot_judge(site: Site) -> None:
    async with site.running() as coordinator:
        view = await coordinator.create(Capture(gremlin_query="G.V().Has('Type', 'veth').Limit(10)"))
        site.host("h1", a={"IfIndex": 1}, b={"IfIndex": 2})
        site.host("h2", c={"IfIndex": 1})
        await until(lambda: len(site.targets.entries) == 2)
        assert site.targets.entries[f"{view.uuid}.h1"][0].node_ids == ["h1-a", "h1-b"]
        site.graph.drop_origin("agent.h2")
        await until(lambda: len(site.targets.entries) == 1)
        await coordinator.delete(view.uuid)
        await until(lambda: not site.targets.entries)


async def test_a_local_query_needs_no_targets(site: Site) -> None:
    site.host("h1", a={"IfIndex": 1, "ExtID": {"vm-id": "1"}})
    async with site.running() as coordinator:
        await coordinator.create(VMS)
        other = await coordinator.create(Capture(gremlin_query="G.V().Has('Name', 'a').Limit(1)"))
        await until(lambda: list(site.targets.entries) == [f"{other.uuid}.h1"])


async def test_a_query_for_what_users_say_has_targets_since_agents_do_not_know_it(site: Site) -> None:
    site.host("h1", a={"IfIndex": 1}, b={"IfIndex": 2})
    async with site.running() as coordinator:
        view = await coordinator.create(Capture(gremlin_query="G.V().Has('Owner', 'net')"))
        batch = Batch()
        batch.annotate("h1-b", "rule.1.x", {"Owner": "net"})
        site.graph.apply(batch)
        await until(lambda: list(site.targets.entries) == [f"{view.uuid}.h1"])
        assert site.targets.entries[f"{view.uuid}.h1"][0].node_ids == ["h1-b"]
        batch = Batch()
        batch.drop_layer("h1-b", "rule.1.x")
        site.graph.apply(batch)
        await until(lambda: not site.targets.entries)


async def test_who_gets_the_lease_removes_stale_targets(site: Site) -> None:
    site.lease.free.clear()
    await site.targets.put("gone.h1", CaptureTargets("gone", "h1", ["x"]))
    async with site.running():
        assert "gone.h1" in site.targets.entries
        site.lease.free.set()
        await until(lambda: not site.targets.entries)


async def test_targets_stay_until_the_topology_is_in_after_a_restart(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsonde.captures.coordinator._LOOK", 0.001)
    some = Capture("c1", "G.V().Has('Type', 'veth').Limit(10)")
    await site.definitions.put("c1", some)
    await site.targets.put("c1.h1", CaptureTargets("c1", "h1", ["h1-a"]))
    before = site.targets.entries["c1.h1"]
    site.ready = False
    async with site.running() as coordinator:
        await until(lambda: site.looks > 2)
        assert site.targets.entries == {"c1.h1": before}
        site.host("h1", a={"IfIndex": 1})
        site.ready = True
        other = await coordinator.create(Capture(gremlin_query="G.V().Has('Name', 'a').Limit(1)"))
        await until(lambda: f"{other.uuid}.h1" in site.targets.entries)
    assert site.targets.entries["c1.h1"] == before


async def test_a_topology_that_never_comes_is_not_waited_for_without_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsonde.captures.coordinator._PATIENCE", 0.001)
    await site.targets.put("gone.h1", CaptureTargets("gone", "h1", ["x"]))
    site.ready = False
    async with site.running():
        await until(lambda: not site.targets.entries)


async def test_reports_of_a_dead_agent_on_a_deleted_capture_are_swept(site: Site) -> None:
    await site.report("gone", "dead")
    await site.report("gone", "h1")
    async with site.running():
        await until(lambda: list(site.statuses.entries) == ["gone.h1"])


async def test_a_host_that_goes_away_shows_in_the_status(site: Site) -> None:
    async with site.running() as coordinator:
        view = await coordinator.create(VMS)
        await site.report(view.uuid, "h1", active("tap0"))
        await until(lambda: site.state(view.uuid) == "active")
        site.hosts.discard("h1")
        coordinator.refresh()
        await until(lambda: [told.status.state for told in site.told("Updated") if told.status][-1:] == ["failed"])


async def test_a_preview_tells_what_would_be_captured(site: Site) -> None:
    site.host("h1", a={"IfIndex": 1}, b={})
    preview = site.coordinator.preview("G.V().Has('Type', 'veth')")
    assert (preview.matching, preview.capturable, preview.reason) == (2, 1, "")
    assert [node.id for node in preview.sample] == ["h1-a", "h1-b"]
    assert site.coordinator.preview("G.V().Has('Name', 'b')").reason == "1 node matches, but it has no interface"
    assert site.coordinator.preview("G.V('nothing')").reason == "no node matches"
    with pytest.raises(UserError):
        site.coordinator.preview("G.E()")


async def test_a_failing_listener_does_not_stop_the_others(site: Site) -> None:
    def fail(change: CaptureChange) -> None:
        raise RuntimeError("bug")

    stop = site.coordinator.subscribe(fail)
    async with site.running() as coordinator:
        site.coordinator.subscribe(site.seen.append)
        await coordinator.create(VMS)
        assert len(site.told("Added")) == 2
        stop()
        stop()
