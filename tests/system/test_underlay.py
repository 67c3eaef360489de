# SPDX-License-Identifier: Apache-2.0
"""A VXLAN between two namespaces of the real kernel, tied to what carries it: live, and in history afterwards."""

import secrets
import subprocess
from collections.abc import Iterator

import pytest

from system.stack import Stack

pytestmark = pytest.mark.system


def ip(*command: str) -> None:
    subprocess.run(["ip", *command], check=True, capture_output=True)


@pytest.fixture(params=["by address", "by route"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Two namespaces joined by a veth that carries a VXLAN; each end of it is called like its namespace.

    By route: one of them does not say from which address it sends.
    """
    tag = secrets.token_hex(3)
    one, other = names = (f"ua{tag}", f"ub{tag}")
    first, second = (f"2001:db8:{int(tag[:4], 16):x}:{int(tag[4:], 16):x}::{number}" for number in (1, 2))
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", f"v{one}", "netns", one, "type", "veth", "peer", "name", f"v{other}", "netns", other)
        for name, local, remote in ((one, first, second), (other, second, first)):
            ip("-n", name, "addr", "add", f"{local}/64", "dev", f"v{name}", "nodad")
            ip("-n", name, "link", "set", f"v{name}", "up")
            near = () if request.param == "by route" and name == one else ("local", local)
            ends = (*near, "remote", remote, "dstport", "4789")
            ip("-n", name, "link", "add", f"x{name}", "type", "vxlan", "id", "77", *ends)
        yield one, other
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)


def test_vxlan_is_tied_to_what_carries_it_and_to_its_other_end(stack: Stack, ends: tuple[str, str]) -> None:
    one, other = ends
    carriers = f"V().Has('Name', 'x{one}').OutE('RelationType', 'underlay').OutV().Values('Name')"
    layer2 = "'RelationType', 'layer2', 'Type', 'vxlan'"
    far = f"V().Has('Name', 'x{one}').BothE({layer2}).BothV().Has('Name', Ne('x{one}')).Values('Name')"
    stack.wait(lambda: sorted(stack.query(f"G.{carriers}")) == [f"v{one}", f"v{other}"], 15, "tied to both interfaces")
    stack.wait(lambda: stack.query(f"G.{far}") == [f"x{other}"], 5, "tied to the other end")
    path = f"G.V().Has('Name', 'v{one}').ShortestPathTo(Metadata('Name', 'x{other}'))"
    assert len(stack.query(path)[0]) == 2
    stack.wait(lambda: sorted(stack.query(f"G.At('-0s').{carriers}")) == [f"v{one}", f"v{other}"], 15, "in history")
    ip("-n", other, "link", "del", f"x{other}")
    stack.wait(lambda: stack.query(f"G.{far}") in ([], None), 10, "no other end")
    assert sorted(stack.query(f"G.{carriers}")) == [f"v{one}", f"v{other}"]
    ip("-n", other, "link", "del", f"v{other}")
    stack.wait(lambda: stack.query(f"G.{carriers}") in ([], None), 10, "no carriers")
