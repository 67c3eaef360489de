# SPDX-License-Identifier: Apache-2.0
"""Bundled workflows that look at traffic and processes, on two namespaces that talk to each other."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from system.links import ip
from system.stack import Stack

pytestmark = pytest.mark.system

PORT = 20_000 + secrets.randbelow(10_000)
"""By chance: others on this machine may run the same test."""
NEAR, FAR = "10.98.9.1", "10.98.9.2"
SERVE = "import socket, sys; s = socket.create_server(('0.0.0.0', {port})); c, _ = s.accept(); sys.stdin.read()"
CONNECT = "import socket, sys; c = socket.create_connection(('{far}', {port}), 5); sys.stdin.read()"


SETTINGS = {"NETSONDE_PROBES_ENABLED": "netns,netlink,socketinfo", "NETSONDE_PROBES_SOCKETINFO_INTERVAL": "1"}


class Pair:
    """Two namespaces, each with an end of a veth pair that is called as the namespace is, and programs in them."""

    def __init__(self) -> None:
        self.near, self.far = (f"w{secrets.token_hex(3)}" for _ in range(2))
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, namespace: str, *command: str) -> None:
        """Start a program in one of them, until `stop`."""
        self._started.append(subprocess.Popen(["ip", "netns", "exec", namespace, *command], stdin=subprocess.PIPE))

    def stop(self) -> None:
        for program in self._started:
            program.terminate()
            program.communicate(timeout=10)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An all-in-one of its own: sockets are looked at only on request."""
    running = Stack(tmp_path_factory.mktemp("workflows") / "state", env=SETTINGS).start()
    yield running
    running.stop()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    for name in (made.near, made.far):
        ip("netns", "add", name)
    try:
        ip("link", "add", made.near, "netns", made.near, "type", "veth", "peer", "name", made.far, "netns", made.far)
        for name, address in ((made.near, NEAR), (made.far, FAR)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", name)
            ip("-n", name, "link", "set", name, "up")
        yield made
    finally:
        made.stop()
        for name in (made.near, made.far):
            ip("netns", "del", name)


def test_the_flow_matrix_shows_who_serves_whom(stack: Stack, pair: Pair) -> None:
    pair.start(pair.far, sys.executable, "-c", SERVE.format(port=PORT))
    stack.wait(lambda: sockets(stack, pair.far, "LocalPort"), 25, "the server's socket")
    pair.start(pair.near, sys.executable, "-c", CONNECT.format(far=FAR, port=PORT))
    stack.wait(lambda: sockets(stack, pair.near, "RemotePort"), 25, "the client's socket")
    matrix = stack.call("POST", "/api/workflow/FlowMatrix/call", {"Params": {}})
    nodes = {node_id: node["Metadata"] for node_id, node in matrix["nodes"].items()}
    (link,) = (edge for edge in matrix["edges"].values() if edge["Metadata"].get("Port") == PORT)
    near, far = nodes[link["Parent"]], nodes[link["Child"]]
    assert (near["ServiceType"], far["ServiceType"], link["Metadata"]["Protocol"]) == ("client", "server", "TCP")
    assert PORT in far["Ports"]
    assert near["Process"] == far["Process"]


def sockets(stack: Stack, namespace: str, key: str) -> Any:
    """Return the sockets of a namespace with the server's port at one end."""
    found = stack.query(f"G.V().Has('Type', 'netns', 'Name', '{namespace}').Values('Sockets')")
    return [one for listed in found for one in listed if one[key] == PORT]


def test_flows_are_validated_between_two_interfaces(stack: Stack, pair: Pair) -> None:
    tids = {name: tid_of(stack, name) for name in (pair.near, pair.far)}
    path = f"G.V().Has('TID', '{tids[pair.near]}').ShortestPathTo(Metadata('TID', '{tids[pair.far]}'))"
    stack.wait(lambda: stack.query(path), 15, "a path")
    pair.start(pair.near, "busybox", "ping", "-q", FAR)
    ending: set[str] = set()

    def both_end_by_themselves() -> bool:
        ending.update(uuid for uuid, capture in stack.call("GET", "/api/capture").items() if capture["ExpiresAt"])
        return len(ending) == 2

    with ThreadPoolExecutor(2) as both:
        found, nothing = (both.submit(validated, stack, [*tids.values()], target) for target in (FAR, "192.0.2.1"))
        stack.wait(both_end_by_themselves, 20, "captures that would end although their calls were killed")
    assert found.result() == {"Connectivity": True}
    silent = nothing.result()
    assert (silent["Connectivity"], sorted(silent["NotReachedNodes"])) == (False, sorted(tids.values()))


def validated(stack: Stack, tids: list[str], target: str) -> Any:
    """Let the workflow look at all interfaces between two, for pings of one target."""
    parameters = [*tids, True, "icmp", "", target, 0, 3]
    return stack.call("POST", "/api/workflow/FlowValidation/call", {"Params": parameters})


def tid_of(stack: Stack, interface: str) -> str:
    query = f"G.V().Has('Name', '{interface}', 'Type', 'veth').Values('TID')"
    stack.wait(lambda: stack.query(query), 15, f"TID of {interface}")
    tid: str = stack.query(query)[0]
    return tid
