# SPDX-License-Identifier: Apache-2.0
"""Captures that Open vSwitch itself takes part in, where its database is reached over TLS."""

import json
from collections.abc import Iterator

import pytest

from live_graph import name, private_netns
from ovs_fixture import PrivateOvs, certificate, running_ovs
from system.links import Links, send_udp
from system.stack import Stack

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def ovs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateOvs]:
    """A switch in a namespace that this process is in too, where port 6640 is nobody else's."""
    with private_netns(), running_ovs(tmp_path_factory) as switch:
        yield switch


@pytest.fixture(scope="module")
def stack(ovs: PrivateOvs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("tls")
    certificate(folder, "ours")
    server_key, server = certificate(folder, "server", "ours")
    key, own = certificate(folder, "agent", "ours")
    ovs.stop_server()
    files = (f"--private-key={server_key}", f"--certificate={server}", f"--ca-cert={folder / 'ours.pem'}")
    ovs.start_server(*files, "--remote=pssl:6640:127.0.0.1")
    env = {
        "NETSONDE_PROBES_OVSDB_ADDRESSES": "ssl:127.0.0.1:6640",
        "NETSONDE_PROBES_OVSDB_TLS_CA": str(folder / "ours.pem"),
        "NETSONDE_PROBES_OVSDB_TLS_CERTIFICATE": str(own),
        "NETSONDE_PROBES_OVSDB_TLS_KEY": str(key),
        "NETSONDE_CAPTURE_FLOW_UPDATE": "1",
    }
    running = Stack(folder / "state", env=env)
    try:
        yield running.start()
    finally:
        running.stop()


def test_a_switch_reached_over_tls_is_programmed_tells_and_is_left_as_it_was(stack: Stack, ovs: PrivateOvs) -> None:
    bridge, links = name("br"), Links(name("v"))
    ovs.add_bridge(bridge)
    ends = [links.veth("a"), links.veth("b")]
    for _, inside in ends:
        ovs.vsctl("add-port", bridge, inside)
    exporting = stack.capture(f"G.V().Has('Type', 'ovsbridge', 'Name', '{bridge}')", Type="ovsnetflow")
    mirrored = stack.capture(f"G.V().Has('Type', 'ovsport', 'Name', '{ends[0][1]}')", Type="ovsmirror")
    for uuid in (exporting, mirrored):
        stack.wait_capture(uuid, "active")

    def told(uuid: str) -> bool:
        send_udp(ends[0][0], 0, 20, port=9000)
        return bool(stack.query(f"G.Flows().Has('CaptureID', '{uuid}', 'Transport.B', 9000)"))

    for uuid in (exporting, mirrored):
        stack.wait(lambda uuid=uuid: told(uuid), 25, "flows")
        stack.call("DELETE", f"/api/capture/{uuid}")

    def is_clean() -> bool:
        tables = [json.loads(ovs.vsctl("--format=json", "list", table)) for table in ("NetFlow", "Mirror")]
        return not any(table["data"] for table in tables)

    stack.wait(is_clean, 25, "clean")
