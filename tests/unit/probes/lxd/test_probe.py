# SPDX-License-Identifier: Apache-2.0
"""Notes on containers and machines: as instances change, and while the daemon is away or broken."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest

from netsonde.aio import spawn
from netsonde.errors import SourceAbsent, SourceLost
from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Json
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.containers import lxc_id
from netsonde.probes.identity import Identity
from netsonde.probes.lxd import probe as module
from netsonde.probes.lxd.probe import LxdProbe
from netsonde.probes.lxd.settings import LxdSettings
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.settings import ProbeSettings
from unit.captures.fakes import until
from unit.probes.lxd.lab import UUID, FakeLxd, instance

IDENTITY = Identity("m1")


class Lab:
    """A host with containers that another probe found, and a daemon that made them."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "PAUSE", 0.001)
        monkeypatch.setattr(module, "LISTING_SHARE", 1.0)
        self.lxd = FakeLxd(directory)
        self.directory = directory
        self.left_behind = directory / "other.socket"
        """Where another daemon may be, which would be followed first."""
        self.graph = Graph("h1", "agent.h1", lambda: 1)
        settings = ProbeSettings(
            lxd=LxdSettings(
                sockets=("/nonexistent/lxd", str(self.left_behind), str(self.lxd.socket)), answer_timeout=2.0
            )
        )
        registry = NamespaceRegistry()
        self.probe = LxdProbe(ProbeContext(self.graph, "h1", IDENTITY, registry, settings, lambda _: None, lambda: 1))
        self.health = Health("lxd")
        batch = Batch()
        batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
        self.graph.apply(batch)

    def container(self, name: str) -> str:
        return self.put(IDENTITY.container(lxc_id(0, f"{self.directory}/containers", name)), name)

    def put(self, node: str, name: str) -> str:
        batch = Batch()
        batch.put_node(node, "lxc", {"Name": name, "Type": "container"})
        batch.put_edge(None, IDENTITY.host(), node, "lxc", {"RelationType": OWNERSHIP})
        self.graph.apply(batch)
        return node

    def drop(self, node: str) -> None:
        batch = Batch()
        batch.drop_layer(node, "lxc")
        self.graph.apply(batch)

    def shown(self, node: str, key: str = "Project") -> Json:
        found = self.graph.node(node)
        lxd = None if found is None else found.metadata.get("LXD")
        return lxd.get(key) if isinstance(lxd, dict) else None


@pytest.fixture
async def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    found = Lab(tmp_path, monkeypatch)
    found.lxd.instances = [instance("web")]
    await found.lxd.start()
    async with asyncio.TaskGroup() as group:
        task = spawn(group, found.probe.run(found.health), "lxd")
        await until(lambda: found.health.state == "running")
        yield found
        task.cancel()
    await found.lxd.stop()


async def test_instances_are_on_their_containers_and_follow_the_daemon(lab: Lab) -> None:
    web, other = lab.container("web"), lab.container("shop_web")
    await until(lambda: lab.shown(web) == "default")
    lab.lxd.instances.append(instance("web", project="shop"))
    await lab.lxd.change()
    await until(lambda: lab.shown(other) == "shop")
    lab.lxd.instances[0] = instance("web", description="changed")
    revision = lab.graph.node(other)
    await lab.lxd.change()
    await until(lambda: lab.shown(web, "Description") == "changed")
    assert lab.graph.node(other) == revision, "what did not change has no new revision"
    lab.lxd.instances = []
    await lab.lxd.change()
    await until(lambda: lab.shown(web) is None and lab.shown(other) is None)


async def test_container_that_restarts_is_shown_like_before(lab: Lab) -> None:
    web = lab.container("web")
    await until(lambda: lab.shown(web) is not None)
    lab.drop(web)
    assert lab.graph.node(web) is None
    lab.container("web")
    await until(lambda: lab.shown(web) is not None)


async def test_virtual_machine_is_found_by_the_uuid_of_qemu(lab: Lab) -> None:
    machine = lab.put(IDENTITY.machine(UUID), "vm")
    lab.lxd.instances = [
        instance("vm", type="virtual-machine"),
        instance("x", type="virtual-machine", expanded_config={}),
    ]
    await lab.lxd.change()
    await until(lambda: lab.shown(machine, "Type") == "virtual-machine")
    assert lab.health.counters["objects"] == 1


async def test_instances_that_stopped_or_are_elsewhere_are_not_shown(lab: Lab) -> None:
    lab.lxd.instances = [
        instance("a", status="Stopped"),
        instance("b", location="node-2"),
        instance("c", location="node-1"),
    ]
    nodes = [lab.container(name) for name in "abc"]
    await lab.lxd.change()
    await until(lambda: lab.shown(nodes[2]) is not None)
    assert [lab.shown(node) for node in nodes[:2]] == [None, None]


async def test_all_projects_are_asked_for_and_events_before_the_list(lab: Lab) -> None:
    assert lab.lxd.asked[:3] == [
        "/1.0",
        "/1.0/events?type=lifecycle&all-projects=true",
        "/1.0/instances?recursion=1&all-projects=true",
    ]


async def test_what_the_daemon_said_stays_while_it_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path, monkeypatch)
    web = lab.container("web")
    lab.lxd.instances = [instance("web"), instance("gone")]
    await lab.lxd.start()
    running = asyncio.create_task(lab.probe.run(lab.health))  # noqa: TID251 - awaited below
    await until(lambda: lab.shown(web) is not None)
    await lab.lxd.hang_up()
    with pytest.raises(SourceLost, match="events"):
        await running
    await lab.lxd.stop()
    with pytest.raises(SourceAbsent, match="neither LXD nor Incus is there"):
        await lab.probe.run(lab.health)
    assert lab.shown(web) is not None


@pytest.mark.parametrize("broken", ["status", "rubbish"])
async def test_daemon_that_does_not_answer_as_it_should_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    lab = Lab(tmp_path, monkeypatch)
    lab.lxd.status, lab.lxd.rubbish = {
        "status": (HTTPStatus.FORBIDDEN, ""),
        "rubbish": (HTTPStatus.OK, "[]"),
    }[broken]
    await lab.lxd.start()
    reason = {"status": "answered with status 403", "rubbish": "no answer of LXD"}[broken]
    with pytest.raises(SourceLost, match=reason):
        await lab.probe.run(lab.health)
    await lab.lxd.stop()


async def test_socket_that_a_daemon_left_behind_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path, monkeypatch)
    await lab.lxd.start()
    lab.left_behind.touch()
    running = asyncio.create_task(lab.probe.run(lab.health))  # noqa: TID251 - awaited below
    await until(lambda: lab.health.state == "running" or running.done())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert lab.probe.daemon == str(lab.lxd.socket)
    await lab.lxd.stop()


async def test_daemon_that_starts_anew_is_waited_for_though_there_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path, monkeypatch)
    lab.lxd.instances = [instance("web")]
    await lab.lxd.start()
    running = asyncio.create_task(lab.probe.run(lab.health))  # noqa: TID251 - awaited below
    await until(lambda: lab.health.state == "running")
    await lab.lxd.hang_up()
    with pytest.raises(SourceLost, match="events"):
        await running
    await lab.lxd.stop()
    lab.lxd.socket.touch()
    other = await asyncio.start_unix_server(lambda _, writer: writer.close(), lab.left_behind)
    with pytest.raises(SourceLost, match=str(lab.lxd.socket)):
        await lab.probe.run(lab.health)
    other.close()


async def test_socket_that_is_no_daemon_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path, monkeypatch)
    lab.lxd.socket.touch()
    with pytest.raises(SourceLost, match=str(lab.lxd.socket)):
        await lab.probe.run(lab.health)
