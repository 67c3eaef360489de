# SPDX-License-Identifier: Apache-2.0
"""Every kind of network device is captured, in every kind of namespace: made while a capture waits, heard at once."""

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pytest

from live_graph import private_netns
from ovs_fixture import SCHEMA, PrivateOvs
from system.pcapng import packets
from system.speak import FRAMES, MARK, speak
from system.stack import Stack

pytestmark = pytest.mark.system

SPEAK = Path(__file__).with_name("speak.py")
EVERYWHERE = {"veth", "bridge", "vxlan", "macvlan", "tap", "tun"}
"""Kinds without which a kernel is not worth testing on."""
ALL = list(range(FRAMES))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, PrivateOvs]]:
    """An all-in-one and a switch in a namespace of their own, where no other test's devices come and go."""
    if shutil.which("ovs-vswitchd") is None or not SCHEMA.exists():
        pytest.skip("openvswitch-switch is not installed")
    with private_netns(), ExitStack() as undo:
        # ovs-vswitchd ends before the namespace; a socket's path may have 107 bytes, pytest's own are often longer.
        switch = PrivateOvs(tmp_path_factory.mktemp("ovs"))
        undo.callback(switch.stop)
        switch.start()
        state = tmp_path_factory.mktemp("kinds") / "state"
        stack = Stack(state, env={"NETSONDE_PROBES_OVSDB_ADDRESSES": switch.address}).start()
        undo.callback(stack.stop)
        yield stack, switch


@contextmanager
def namespace(kind: str) -> Iterator[list[str]]:
    """Yield the words before a command that make it run in a namespace of this kind."""
    name = f"n{secrets.token_hex(4)}"
    if kind == "home":
        yield []
    elif kind == "named":
        subprocess.run(["ip", "netns", "add", name], check=True)
        yield ["ip", "netns", "exec", name]
        subprocess.run(["ip", "netns", "del", name], check=True)
    else:
        yield ["unshare", "--net"]


@contextmanager
def speaking(stack: Stack, prefix: str, where: list[str]) -> Iterator[tuple[dict[str, str], IO[str]]]:
    """Run speak.py once its namespace is known; yields the devices it spoke on by kind, and where to name more."""
    command = [*where, sys.executable, str(SPEAK), prefix]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as speaker:
        assert speaker.stdin is not None
        assert speaker.stdout is not None
        inode = json.loads(speaker.stdout.readline())["inode"]
        if where:
            # Nobody tells of a namespace without a name: it is found by looking, some moments later.
            stack.wait(lambda: stack.query(f"G.V().Has('Type', 'netns', 'Inode', {inode})"), 15, "the namespace")
        say(speaker.stdin, "begin")
        told = json.loads(speaker.stdout.readline())
        print(f"not in this kernel: {', '.join(told['unknown'])}")  # noqa: T201
        yield told["made"], speaker.stdin
        speaker.communicate()


def say(where: IO[str], line: str) -> None:
    where.write(f"{line}\n")
    where.flush()


def numbers(stack: Stack, capture: str, name: str) -> list[int]:
    """Return the numbers of the packets that speak.py sent on a device, as the API delivers them."""
    content = stack.call("GET", f"/api/capture/{capture}/packets", accept="application/x-pcapng")
    return [data[data.index(MARK) + len(MARK)] for ifname, data in packets(content) if ifname == name and MARK in data]


@pytest.mark.parametrize("where", ["home", "named", "anonymous"])
def test_every_kind_of_device_is_captured_from_its_first_packet(whole: tuple[Stack, PrivateOvs], where: str) -> None:
    stack, _ = whole
    prefix = f"k{secrets.token_hex(2)}"
    capture = stack.capture(f"G.V().Has('Name', Regex('{prefix}.*'))")
    stack.wait_capture(capture, "waiting")

    with namespace(where) as inside, speaking(stack, prefix, inside) as (made, tell):
        assert made.keys() >= EVERYWHERE

        def heard() -> dict[str, list[int]]:
            return {kind: numbers(stack, capture, name) for kind, name in made.items()}

        stack.wait(lambda: heard() == dict.fromkeys(made, ALL), 15, "every packet")
        loopback = stack.capture(f"G.V().Has('Name', '{made['veth']}').In().Out('Name', 'lo')")
        stack.wait_capture(loopback, "active")
        say(tell, "lo")
        stack.wait(lambda: numbers(stack, loopback, "lo") == ALL, 15, "every packet of the loopback")
    for uuid in (capture, loopback):
        stack.call("DELETE", f"/api/capture/{uuid}", accept="*/*")


def test_internal_ports_of_a_switch_are_captured(whole: tuple[Stack, PrivateOvs]) -> None:
    stack, switch = whole
    prefix = f"o{secrets.token_hex(2)}"
    capture = stack.capture(f"G.V().Has('Name', Regex('{prefix}.*'))")
    stack.wait_capture(capture, "waiting")

    switch.add_bridge(f"{prefix}br")
    switch.vsctl("add-port", f"{prefix}br", f"{prefix}in", "--", "set", "Interface", f"{prefix}in", "type=internal")

    def active() -> bool:
        nodes = stack.capture_status(capture)["Nodes"]
        return {node["Name"] for node in nodes if node["State"] == "active"} == {f"{prefix}br", f"{prefix}in"}

    stack.wait(active, 15, "active on both")
    for name in (f"{prefix}br", f"{prefix}in"):
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        speak(name)
        stack.wait(lambda name=name: numbers(stack, capture, name) == ALL, 15, "every packet")
