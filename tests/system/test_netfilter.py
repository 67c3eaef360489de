# SPDX-License-Identifier: Apache-2.0
"""Rules and tracked connections of a namespace: live, as metrics, and in history when they are gone."""

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from system.stack import Stack

pytestmark = pytest.mark.system

RULES = "add table inet guard; add chain inet guard in { type filter hook input priority 0; }; "
RULES += "add rule inet guard in ct state invalid drop"
CONNECT = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
print("connected", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"nf{secrets.token_hex(3)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def inside(name: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", name, *command]


@contextmanager
def connection(name: str) -> Iterator[None]:
    """Have a TCP connection in a namespace."""
    held = subprocess.Popen(inside(name, sys.executable, "-c", CONNECT), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert held.stdin is not None
    assert held.stdout is not None
    try:
        assert held.stdout.readline() == b"connected\n"
        yield
    finally:
        held.stdin.close()
        held.wait()
        held.stdout.close()


def test_rules_and_connections_are_told_and_remembered(stack: Stack, namespace: str) -> None:
    node = f"Has('Type', 'netns', 'Name', '{namespace}')"
    subprocess.run(inside(namespace, "nft", RULES), check=True)
    with connection(namespace):
        stack.wait(lambda: stack.query(f"G.V().{node}.Values('NFTables.Rules')") == [1], 20, "rules")
        stack.wait(lambda: stack.query(f"G.V().{node}.Values('Conntrack.Count')") == [1], 20, "connections")
    seen = time.time()
    subprocess.run(inside(namespace, "nft", "flush", "ruleset"), check=True)
    stack.wait(lambda: stack.query(f"G.V().{node}.HasKey('NFTables')") == [], 20, "flushed rules")
    past = f"G.At({seen:.3f}).V().{node}.Has('NFTables.Tables.Name', 'guard').Values('NFTables.Rules')"
    stack.wait(lambda: stack.query(past) == [1], 20, "rules in history")


def test_counters_of_connection_tracking_are_metrics_of_the_namespace(stack: Stack, namespace: str) -> None:
    node = f"Has('Type', 'netns', 'Name', '{namespace}')"
    subprocess.run(inside(namespace, "nft", RULES), check=True)
    stack.wait(lambda: stack.query(f"G.V().{node}.HasKey('NFTables')"), 20, "first look at the namespace")
    with connection(namespace):
        stack.wait(lambda: entries(stack, node) == 1, 20, "entries among the metrics")


def entries(stack: Stack, node: str) -> object:
    """Return the last value among the metrics, None before there is one."""
    points = [point for series in stack.query(f"G.V().{node}.Metrics()") for each in series.values() for point in each]
    return points[-1].get("ConntrackEntries") if points else None
