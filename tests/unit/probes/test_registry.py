# SPDX-License-Identifier: Apache-2.0
"""Which probes are built from which settings."""

import os
from collections.abc import Iterator

import pytest

from netsonde.errors import UserError
from netsonde.graph.graph import Graph
from netsonde.probes._api import AsksDaemon, ProbeContext
from netsonde.probes._registry import build_probes
from netsonde.probes.identity import Identity
from netsonde.probes.libvirt.settings import LibvirtSettings
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.ovsdb.settings import OvsdbSettings
from netsonde.probes.settings import ProbeSettings


@pytest.fixture
def namespaces() -> Iterator[NamespaceRegistry]:
    registry = NamespaceRegistry()
    yield registry
    registry.close()


def context(namespaces: NamespaceRegistry, settings: ProbeSettings) -> ProbeContext:
    graph = Graph("h1", "agent.h1", lambda: 1)
    return ProbeContext(
        graph=graph,
        host="h1",
        identity=Identity("m1"),
        namespaces=namespaces,
        settings=settings,
        metrics=lambda _: None,
        now_ms=lambda: 1,
    )


async def test_default_is_everything_of_a_host(namespaces: NamespaceRegistry) -> None:
    probes = build_probes(context(namespaces, ProbeSettings()))
    assert [probe.name for probe in probes] == [
        *("host", "netns", "netlink", "ovsdb", "docker", "qemu", "libvirt", "lldp", "runc", "lxc", "cri"),
        *("wireguard", "bpf", "netfilter", "devlink", "lxd"),
    ]


async def test_probes_that_ask_another_program_say_where(namespaces: NamespaceRegistry) -> None:
    libvirt = LibvirtSettings(sockets=("/nonexistent/virtqemud", "/nonexistent/libvirtd"))
    probes = build_probes(context(namespaces, ProbeSettings(libvirt=libvirt)))
    asking = {probe.name: probe.daemon for probe in probes if isinstance(probe, AsksDaemon)}
    assert asking == {
        "ovsdb": ProbeSettings().ovsdb.addresses[0],
        "docker": ProbeSettings().docker.sockets[0],
        "libvirt": "/nonexistent/libvirtd",
        "cri": "/run/containerd/containerd.sock",
        "lxc": "the command sockets of LXC",
        "lxd": ProbeSettings().lxd.sockets[0],
    }


async def test_each_ovsdb_server_has_a_probe_of_its_own(namespaces: NamespaceRegistry) -> None:
    ovsdb = OvsdbSettings(addresses=("unix:/a", "tcp:127.0.0.1:6640"))
    probes = build_probes(context(namespaces, ProbeSettings(enabled=("ovsdb",), ovsdb=ovsdb)))
    assert [probe.name for probe in probes] == ["host", "ovsdb", "ovsdb-2"]


async def test_unknown_probe_is_refused_with_what_was_meant(namespaces: NamespaceRegistry) -> None:
    with pytest.raises(UserError, match=r"netlnk.*did you mean netlink"):
        build_probes(context(namespaces, ProbeSettings(enabled=("netlnk",))))


async def test_namespace_registry_knows_its_own_and_refuses_to_forget_it(namespaces: NamespaceRegistry) -> None:
    own = namespaces.own
    assert own.inode == os.stat("/proc/self/ns/net").st_ino
    assert namespaces.all() == [own]
    with pytest.raises(ValueError, match="own namespace"):
        namespaces.remove(own.inode)


async def test_work_in_the_own_namespace_needs_no_rights_and_errors_come_back_as_results(
    namespaces: NamespaceRegistry,
) -> None:
    def fail() -> int:
        raise OSError(1, "no")

    assert await namespaces.enter_each([namespaces.own], lambda: 7) == [7]
    (failed,) = await namespaces.enter_each([namespaces.own], fail)
    assert isinstance(failed, OSError)
    (absent,) = await namespaces.open_each(["/nonexistent"])
    assert isinstance(absent, FileNotFoundError)
