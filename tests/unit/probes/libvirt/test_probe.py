# SPDX-License-Identifier: Apache-2.0
"""The whole probe against a daemon that is absent, dies, hangs, talks rubbish, refuses, and comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Json, Metadata
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.identity import Identity
from netsonde.probes.libvirt import daemon as calls
from netsonde.probes.libvirt import probe as module
from netsonde.probes.libvirt import rpc
from netsonde.probes.libvirt.probe import LibvirtProbe
from netsonde.probes.libvirt.settings import LibvirtSettings
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.runner import ProbeRunner
from netsonde.probes.settings import ProbeSettings
from netsonde.schema import unlisted
from unit.captures.fakes import until
from unit.probes.changing import Changing
from unit.probes.libvirt.lab import PAUSED, SHUT_OFF, WEB, Daemon, Fake, described

IDENTITY = Identity("m1")
CARD = "fa:16:3e:f8:7a:ca"


def web() -> Fake:
    return Fake("instance-00000001", described("nova"))


def small(name: str) -> Fake:
    return Fake(name, "<domain><name>x</name></domain>")


class Lab(Changing):
    def __init__(self, graph: Graph, daemon: Daemon, health: Health) -> None:
        super().__init__(graph, health)
        self.daemon = daemon
        self.health = health

    def names(self) -> set[object]:
        return {node.metadata["Name"] for node in self.graph.nodes_with("Type", "libvirt")}

    def vm(self, uuid: UUID = WEB) -> Metadata:
        node = self.graph.node(IDENTITY.machine(str(uuid)))
        return {} if node is None else node.metadata

    def tap(self, **metadata: Json) -> str:
        batch, node = Batch(), IDENTITY.interface(None, 7)
        batch.put_node(node, "netlink", {"Type": "tuntap", "IfIndex": 7, **metadata})
        self.graph.apply(batch)
        return node


@asynccontextmanager
async def running(tmp_path: Path, daemon: Daemon, *, state: str = "running", **settings: float) -> AsyncIterator[Lab]:
    """The probe follows the daemon and has read it."""
    graph, registry = Graph("h1", "agent.h1", lambda: 1), NamespaceRegistry()
    batch = Batch()
    batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
    graph.apply(batch)
    libvirt = LibvirtSettings(sockets=("/nonexistent/sock", f"{tmp_path}/s"), **{"answer_timeout": 1.0, **settings})  # type: ignore[arg-type]
    context = ProbeContext(graph, "h1", IDENTITY, registry, ProbeSettings(libvirt=libvirt), lambda _: None, lambda: 1)
    probe = LibvirtProbe(context)
    probe.needs = ()  # type: ignore[assignment]
    runner = ProbeRunner([probe], retry_delay=0.01)
    lab = Lab(graph, daemon, runner.healths["libvirt"])
    listening = await asyncio.start_unix_server(daemon.serve, tmp_path / "s")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runner.run())
        await lab.until(lambda: lab.health.state == state)
        yield lab
        task.cancel()
    assert [one for node in graph.nodes() for one in unlisted(node.metadata)] == []
    listening.close()
    await daemon.stop()


async def test_domains_are_there_when_it_says_that_it_runs(tmp_path: Path) -> None:
    async with running(tmp_path, Daemon(**{str(WEB): web(), str(uuid4()): small("db")})) as lab:
        assert lab.names() == {"instance-00000001", "db"}
        assert lab.health.reason == f"libvirt 9.0.0 at {tmp_path}/s"
        assert lab.health.counters["objects"] == 2


async def test_event_leads_to_another_look(tmp_path: Path) -> None:
    async with running(tmp_path, Daemon(**{str(WEB): web()})) as lab:
        lab.daemon.domains[WEB].state = PAUSED
        lab.daemon.tell(WEB)
        await lab.until(lambda: lab.vm()["State"] == "PAUSED")
        new = uuid4()
        lab.daemon.domains[new] = small("new")
        lab.daemon.tell(new)
        await lab.until(lambda: "new" in lab.names())


async def test_domain_that_is_made_while_the_daemon_lists_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_REFRESH", 0.01)
    async with running(tmp_path, Daemon(**{str(WEB): web()}), refresh_interval=0.01) as lab:
        lab.daemon.late.add(calls.CONNECT_LIST_ALL_DOMAINS)
        await until(lambda: bool(lab.daemon.kept))
        new = uuid4()
        lab.daemon.domains[new] = small("new")
        lab.daemon.tell(new)
        await lab.until(lambda: "new" in lab.names())

        kinds: list[str] = []
        lab.graph.subscribe(lambda events: kinds.extend(event.kind for event in events))
        lists = lab.daemon.asked.count(calls.CONNECT_LIST_ALL_DOMAINS)
        lab.daemon.let_go()
        await until(lambda: lab.daemon.asked.count(calls.CONNECT_LIST_ALL_DOMAINS) > lists + 1)
        assert "deleted" not in kinds


async def test_transient_domain_goes_and_a_persistent_one_is_down(tmp_path: Path) -> None:
    gone = uuid4()
    async with running(tmp_path, Daemon(**{str(WEB): web(), str(gone): small("transient")})) as lab:
        del lab.daemon.domains[gone]
        lab.daemon.domains[WEB].state = SHUT_OFF
        lab.daemon.tell(gone)
        lab.daemon.tell(WEB)
        await lab.until(lambda: lab.names() == {"instance-00000001"} and lab.vm()["State"] == "DOWN")


async def test_interface_is_joined_whenever_it_comes_and_let_go_when_it_is_renamed(tmp_path: Path) -> None:
    async with running(tmp_path, Daemon(**{str(WEB): web()})) as lab:
        tap = lab.tap(Name="later")
        lab.tap(Name="tapbd32bbfb-89")
        await lab.until(lambda: "VM" in lab.graph.node(tap).metadata)  # type: ignore[union-attr]
        lab.tap(Name="other")
        await lab.until(lambda: "VM" not in lab.graph.node(tap).metadata)  # type: ignore[union-attr]
        lab.tap(Name="tapbd32bbfb-89")
        await lab.until(lambda: "VM" in lab.graph.node(tap).metadata)  # type: ignore[union-attr]
        batch = Batch()
        batch.delete_node(tap)
        lab.graph.apply(batch)
        lab.tap(Name="tapbd32bbfb-89")
        await lab.until(lambda: "VM" in lab.graph.node(tap).metadata)  # type: ignore[union-attr]


async def test_addresses_come_from_leases_and_agents_once_each(tmp_path: Path) -> None:
    fake = web()
    fake.addresses = {
        calls.BY_LEASE: [("vnet1", "52:54:00:00:00:02", ["192.168.122.7/24"])],
        calls.BY_AGENT: [
            ("lo", "", ["127.0.0.1/8"]),
            ("eth0", CARD.upper(), ["10.77.0.181/24", "fe80::1/64"]),
            ("eth1", "52:54:00:00:00:02", ["192.168.122.7/24"]),
        ],
    }
    async with running(tmp_path, Daemon(**{str(WEB): fake})) as lab:
        await lab.until(lambda: "fe80" in str(lab.vm()))
        nics = lab.vm()["VM"]["NICs"]  # type: ignore[index, call-overload]
        assert nics[0]["Addresses"] == ["10.77.0.181/24", "fe80::1/64"]  # type: ignore[index, call-overload]
        assert nics[1]["Addresses"] == ["192.168.122.7/24"]  # type: ignore[index, call-overload]
        lab.daemon.domains[WEB].state = SHUT_OFF
        lab.daemon.tell(WEB)
        await lab.until(lambda: "fe80" not in str(lab.vm()))


async def test_what_a_guest_calls_addresses_is_bounded_and_what_is_none_is_counted(tmp_path: Path) -> None:
    fake = web()
    many = [f"10.{number >> 8}.{number & 255}.1/24" for number in range(300)]
    told = ["no address/24", "fe80::1%" + "z" * 5000 + "/64", "x" * 5000 + "/64", *many]
    fake.addresses = {calls.BY_AGENT: [("eth0", CARD, told)]}
    async with running(tmp_path, Daemon(**{str(WEB): fake})) as lab:
        await lab.until(lambda: "10.0.0.1/24" in str(lab.vm()))
        nics = lab.vm()["VM"]["NICs"]  # type: ignore[index, call-overload]
        assert nics[0]["Addresses"] == many[:256]  # type: ignore[index, call-overload]
        assert lab.health.counters["addresses_refused"] >= 47


async def test_read_only_socket_is_not_asked_for_agents_again_and_says_so(tmp_path: Path) -> None:
    daemon = Daemon(**{str(WEB): web()})
    daemon.refused[calls.DOMAIN_INTERFACE_ADDRESSES] = calls.FORBIDDEN
    async with running(tmp_path, daemon) as lab:
        await lab.until(lambda: "read-only" in lab.health.reason)
        assert lab.health.state == "running"


async def test_change_without_an_event_is_seen_at_the_next_refresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsonde.probes.libvirt.probe.LEAST_REFRESH", 0.01)
    async with running(tmp_path, Daemon(**{str(WEB): web()}), refresh_interval=0.02) as lab:
        lab.daemon.domains[WEB].xml = described("nova").replace("<link state='down'/>", "")
        await lab.until(lambda: "'Link'" not in str(lab.vm()))
        del lab.daemon.domains[WEB]
        await lab.until(lambda: not lab.names())


async def test_machines_stay_while_the_daemon_is_away_and_are_compared_when_it_is_back(tmp_path: Path) -> None:
    gone = uuid4()
    async with running(tmp_path, Daemon(**{str(WEB): web(), str(gone): small("gone")})) as lab:
        revision = lab.graph.node(IDENTITY.machine(str(WEB))).revision  # type: ignore[union-attr]
        lab.daemon.refused[calls.CONNECT_OPEN] = 38
        lab.daemon.drop()
        await lab.until(lambda: lab.health.state == "failed")
        assert lab.names() == {"instance-00000001", "gone"}
        del lab.daemon.domains[gone]
        lab.daemon.refused.clear()
        await lab.until(lambda: lab.health.state == "running")
        assert lab.names() == {"instance-00000001"}
        assert lab.graph.node(IDENTITY.machine(str(WEB))).revision == revision  # type: ignore[union-attr]


async def test_interface_made_anew_while_the_daemon_is_away_is_joined_again(tmp_path: Path) -> None:
    async with running(tmp_path, Daemon(**{str(WEB): web()})) as lab:
        tap = lab.tap(Name="tapbd32bbfb-89")
        await lab.until(lambda: lab.graph.is_noted(tap))
        lab.daemon.refused[calls.CONNECT_OPEN] = 38
        lab.daemon.drop()
        await lab.until(lambda: lab.health.state == "failed")
        batch = Batch()
        batch.delete_node(tap)
        lab.graph.apply(batch)
        lab.tap(Name="tapbd32bbfb-89")
        lab.daemon.refused.clear()
        await lab.until(lambda: lab.health.state == "running")
        await lab.until(lambda: lab.graph.is_noted(tap))


async def test_absent_daemon_is_waited_for(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.refused[calls.CONNECT_OPEN] = 1
    async with running(tmp_path, daemon, state="failed") as lab:
        (tmp_path / "s").rename(tmp_path / "away")
        await lab.until(lambda: "does not exist; is libvirtd or virtqemud running?" in lab.health.reason)
        assert lab.health.state == "absent"


async def test_daemon_that_wants_a_password_is_told_as_such(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.auth = 1
    async with running(tmp_path, daemon, state="failed") as lab:
        assert "password" in lab.health.reason


@pytest.mark.parametrize(
    ("rubbish", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is this its socket?"),
        (b"\0\0\0\x05", "message of 5 bytes"),
        (b"\xff\xff\xff\xff", "message of 4294967295 bytes"),
    ],
)
async def test_stream_that_is_not_libvirts_ends_the_connection(tmp_path: Path, rubbish: bytes, reason: str) -> None:
    async with running(tmp_path, Daemon(**{str(WEB): web()})) as lab:
        lab.daemon.write(rubbish)
        await lab.until(lambda: any(reason in said for said in lab.reasons))
        await lab.until(lambda: lab.health.state == "running")
        assert lab.names() == {"instance-00000001"}


@pytest.mark.parametrize("body", [b"", b"\0" * 8, b"\0\0\0\0\xff\xff\xff\xff", b"\0\0\0\0\0\0\0\x04abcd" + b"\0" * 12])
async def test_event_that_ends_too_early_ends_the_connection(tmp_path: Path, body: bytes) -> None:
    async with running(tmp_path, Daemon(**{str(WEB): web()})) as lab:
        lab.daemon.send(body)
        await lab.until(lambda: any("ends at byte" in said for said in lab.reasons))
        await lab.until(lambda: lab.health.state == "running")


async def test_answers_nobody_waits_for_and_foreign_programs_are_passed_over(tmp_path: Path) -> None:
    async with running(tmp_path, Daemon(**{str(WEB): web()})) as lab:
        lab.daemon.send(b"", kind=rpc.REPLY)
        lab.daemon.write(b"\0\0\0\x1ckeep\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\0")
        lab.daemon.domains[WEB].state = PAUSED
        lab.daemon.tell(WEB)
        await lab.until(lambda: lab.vm()["State"] == "PAUSED")
        assert lab.health.failures == 0


async def test_description_that_cannot_be_read_hides_that_machine_only(tmp_path: Path) -> None:
    bad = uuid4()
    async with running(tmp_path, Daemon(**{str(WEB): web(), str(bad): Fake("bad", "<domain")})) as lab:
        assert lab.names() == {"instance-00000001"}
        assert "1 machines could not be read" in lab.health.reason
        lab.daemon.domains[WEB].xml = "rubbish"
        lab.daemon.tell(WEB)
        await lab.until(lambda: "2 machines could not be read" in lab.health.reason)
        assert lab.names() == {"instance-00000001"}


async def test_machine_that_hangs_stays_as_it_was_and_a_daemon_that_hangs_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path, Daemon(**{str(WEB): web()}), answer_timeout=1.0) as lab:
        lab.daemon.hung = {calls.DOMAIN_GET_XML_DESC}
        lab.daemon.tell(WEB)
        await lab.until(lambda: "could not be read" in lab.health.reason)
        assert (lab.names(), lab.health.failures) == ({"instance-00000001"}, 0)
        lab.daemon.hung = {calls.DOMAIN_GET_XML_DESC, calls.CONNECT_GET_LIB_VERSION}
        lab.daemon.tell(WEB)
        await lab.until(lambda: any("did not answer within 1 s" in said for said in lab.reasons))
        lab.daemon.hung = set()
        await lab.until(lambda: lab.health.state == "running")


async def test_thousand_events_of_a_machine_are_a_few_looks(tmp_path: Path) -> None:
    async with running(tmp_path, Daemon(**{str(WEB): web()})) as lab:
        for _ in range(1000):
            lab.daemon.tell(WEB)
        lab.daemon.domains[WEB].state = PAUSED
        lab.daemon.tell(WEB)
        await lab.until(lambda: lab.vm()["State"] == "PAUSED")
        assert lab.daemon.asked.count(calls.DOMAIN_GET_XML_DESC) < 200


async def test_events_beyond_what_may_wait_lead_to_a_new_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "MOST_EVENTS", 4)
    async with running(tmp_path, Daemon(**{str(WEB): web()})) as lab:
        new = uuid4()
        lab.daemon.domains[new] = small("untold")
        for _ in range(100):
            lab.daemon.tell(WEB)
        await lab.until(lambda: "untold" in lab.names())
        assert lab.health.counters["relisted"] >= 1
