# SPDX-License-Identifier: Apache-2.0
"""Programs that tc runs in this kernel, compared with what `tc` lists."""

import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, live_graph, name, run, settings
from netns.programs import SCHED_CLS, load
from netns_fixture import netns as netns
from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.programs import EGRESS, INGRESS, TCMSG

pytestmark = pytest.mark.netns

TCA_BPF_FD, TCA_BPF_FLAGS, NLM_F_CREATE = 6, 8, 0x400


@pytest.fixture
async def live(netns: None, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns", table_delay=0.0)) as graph:
        yield graph


@pytest.fixture
def program() -> Iterator[int]:
    """A descriptor of a program that lets everything pass."""
    fd = load(SCHED_CLS)
    yield fd
    os.close(fd)


@pytest.fixture
def device() -> str:
    found = name("a")
    run("ip", "link", "add", found, "type", "veth", "peer", "name", name("b"))
    run("tc", "qdisc", "add", "dev", found, "clsact")
    return found


def attach(device: str, program: int, hook: str, priority: int) -> None:
    """Add a filter that runs the program, as `tc filter add … bpf direct-action` does."""
    parent = {"ingress": INGRESS, "egress": EGRESS}[hook]
    options = wire.attribute(TCA_BPF_FD, struct.pack("=I", program)) + wire.attribute(7, f"{hook}{priority}\0".encode())
    options += wire.attribute(TCA_BPF_FLAGS, struct.pack("=I", 1))
    body = TCMSG.pack(0, socket.if_nametoindex(device), 1, parent, priority << 16 | socket.htons(3))
    body += wire.attribute(1, b"bpf\0") + wire.attribute(2, options)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.send(wire.request(wire.RTM_NEWTFILTER, NLM_F_CREATE | wire.NLM_F_ACK, 1, body))
        (answer,) = wire.messages(kernel.recv(4096))
    assert wire.error_number(answer) == 0


def tc_lists(device: str) -> list[dict[str, Any]]:
    found = []
    for hook in ("ingress", "egress"):
        for each in json.loads(run("tc", "-j", "filter", "show", "dev", device, hook)):
            options = each.get("options", {})
            if "prog" in options:
                shown = {"Hook": hook, "Priority": each["pref"], "ProgID": options["prog"]["id"]}
                found.append({**shown, "Name": options["bpf_name"], "Tag": options["prog"]["tag"]})
    return found


def shown(live: LiveGraph, device: str) -> Any:
    node = live.find(Name=device)
    return [] if node is None else node.metadata.get("TCPrograms", [])


async def test_programs_are_those_that_tc_lists(live: LiveGraph, device: str, program: int) -> None:
    attach(device, program, "ingress", 2)
    attach(device, program, "egress", 1)
    listed = tc_lists(device)
    assert len(listed) == 2
    await live.until(lambda: shown(live, device) == listed, what=f"{listed}")
    run("tc", "filter", "del", "dev", device, "ingress")
    await live.until(lambda: shown(live, device) == tc_lists(device))
    assert len(tc_lists(device)) == 1
    run("tc", "qdisc", "del", "dev", device, "clsact")
    await live.until(lambda: shown(live, device) == [])


async def test_programs_that_are_there_already_are_found(device: str, program: int, tmp_path: Path) -> None:
    attach(device, program, "ingress", 2)
    attach(device, program, "egress", 1)
    async with live_graph(settings(tmp_path / "netns")) as live:
        listed = tc_lists(device)
        assert len(listed) == 2
        await live.until(lambda: shown(live, device) == listed, what=f"{listed}")
