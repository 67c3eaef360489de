# SPDX-License-Identifier: Apache-2.0
"""The bpf probe against this kernel: tcx with and without links, XDP by a link, in namespaces, as they come and go."""

import os
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, Namespaces, live_graph, name, run, settings
from live_graph import make_netns as make_netns
from netns.programs import ON_XDP, SCHED_CLS, TCX_EGRESS, TCX_INGRESS, XDP, attach, detach, link, load
from netns_fixture import netns as netns

pytestmark = pytest.mark.netns


@pytest.fixture
async def live(netns: None, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns", probes=("netns", "netlink", "bpf"))) as graph:
        yield graph


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Descriptors that are closed at the end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def program(opened: ExitStack) -> int:
    return held(opened, load(SCHED_CLS, "to_net"))


def held(opened: ExitStack, fd: int) -> int:
    opened.callback(os.close, fd)
    return fd


def device() -> str:
    found = name("a")
    run("ip", "link", "add", found, "type", "veth", "peer", "name", name("b"))
    return found


def number(fd: int, key: str) -> int:
    """Return the number of a program or link, as /proc says."""
    found = re.search(rf"^{key}:\t(\d+)$", Path(f"/proc/self/fdinfo/{fd}").read_text(), re.M)
    assert found is not None
    return int(found[1])


def tag(program: int) -> str:
    found = re.search(r"^prog_tag:\t(\w+)$", Path(f"/proc/self/fdinfo/{program}").read_text(), re.M)
    assert found is not None
    return found[1]


def shown(live: LiveGraph, device: str) -> Any:
    node = live.find(Name=device)
    return [] if node is None else node.metadata.get("BPFPrograms", [])


def expected(hook: str, program: int, called: str, link_fd: int | None = None) -> dict[str, Any]:
    found = {"Hook": hook, "ProgID": number(program, "prog_id"), "Name": called, "Tag": tag(program)}
    return found if link_fd is None else {**found, "LinkID": number(link_fd, "link_id")}


async def test_programs_on_tcx_are_shown_with_their_links(live: LiveGraph, opened: ExitStack, program: int) -> None:
    eth = device()
    ifindex = socket.if_nametoindex(eth)
    holding = link(program, ifindex, TCX_INGRESS)
    attach(program, ifindex, TCX_EGRESS)
    both = [expected("tcx/ingress", program, "to_net", holding), expected("tcx/egress", program, "to_net")]
    await live.until(lambda: shown(live, eth) == both, what=f"{both}")
    os.close(holding)
    await live.until(lambda: shown(live, eth) == both[1:])
    detach(program, ifindex, TCX_EGRESS)
    await live.until(lambda: shown(live, eth) == [])


async def test_several_programs_of_a_hook_are_in_the_order_in_which_they_run(
    live: LiveGraph, opened: ExitStack, program: int
) -> None:
    eth = device()
    ifindex = socket.if_nametoindex(eth)
    second = held(opened, load(SCHED_CLS, "second"))
    links = [held(opened, link(each, ifindex, TCX_INGRESS)) for each in (program, second)]
    names = ("to_net", "second")
    wanted = [
        expected("tcx/ingress", each, called, fd)
        for each, called, fd in zip((program, second), names, links, strict=True)
    ]
    await live.until(lambda: shown(live, eth) == wanted, what=f"{wanted}")


async def test_xdp_program_is_shown_with_the_link_that_holds_it(live: LiveGraph, opened: ExitStack) -> None:
    eth = device()
    watch = held(opened, load(XDP, "watch"))
    holding = link(watch, socket.if_nametoindex(eth), ON_XDP)
    wanted = [expected("xdp", watch, "watch", holding)]
    await live.until(lambda: shown(live, eth) == wanted, what=f"{wanted}")
    os.close(holding)
    await live.until(lambda: shown(live, eth) == [])


async def test_xdp_programs_of_interfaces_with_one_number_are_kept_apart(
    live: LiveGraph, make_netns: Namespaces, opened: ExitStack
) -> None:
    inside = make_netns()
    watch = held(opened, load(XDP, "watch"))
    eth = device()
    ifindex = socket.if_nametoindex(eth)
    inside.run("ip", "link", "add", "twin", "index", str(ifindex), "type", "veth", "peer", "name", name("b"))
    await live.node(Name="twin")
    held(opened, link(watch, ifindex, ON_XDP))
    await live.until(lambda: [each["Hook"] for each in shown(live, eth)] == ["xdp"])
    assert shown(live, "twin") == []


async def test_programs_of_another_namespace_are_on_its_interface_and_do_not_hold_it(
    live: LiveGraph, make_netns: Namespaces, opened: ExitStack, program: int
) -> None:
    inside = make_netns()
    eth = device()
    run("ip", "link", "set", eth, "netns", str(inside.path))
    namespaces = live.context.namespaces
    known = await live.until(lambda: namespaces.get(inside.inode))
    # bpf(2) looks for the interface in the namespace of the calling thread.
    (done,) = await namespaces.enter_each([known], lambda: attach(program, socket.if_nametoindex(eth), TCX_INGRESS))
    assert done is None
    wanted = [expected("tcx/ingress", program, "to_net")]
    await live.until(lambda: shown(live, eth) == wanted, what=f"{wanted}")
    inside.delete()
    await live.gone(Name=eth)
