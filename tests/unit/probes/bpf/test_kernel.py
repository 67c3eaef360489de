# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of programs and links, as linux/bpf.h lays it out, and a kernel that refuses."""

import errno
import socket
import struct
from collections.abc import Callable

import pytest

from netsonde.probes.bpf import kernel
from netsonde.probes.bpf.kernel import Attached, Program, XdpLink


class Kernel:
    """Answers bpf(2); `hooks`: an error number, or programs and links, by ifindex and hook."""

    def __init__(self, hooks: dict[tuple[int, str], int | list[tuple[int, int]]]) -> None:
        self.hooks = hooks
        self.asked: list[tuple[int, str]] = []

    def ask(self, ifindex: int, hook: str) -> list[Attached]:
        self.asked.append((ifindex, hook))
        answer = self.hooks.get((ifindex, hook), [])
        if isinstance(answer, int):
            raise OSError(answer, "refused")
        return [Attached(hook, *each) for each in answer]


@pytest.fixture
def boot(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Kernel]:
    def start(hooks: dict[tuple[int, str], int | list[tuple[int, int]]]) -> Kernel:
        made = Kernel(hooks)
        monkeypatch.setattr(kernel, "_Question", lambda: made)
        monkeypatch.setattr(kernel, "read_ifindexes", lambda: [1, 2])
        return made

    return start


def test_program_is_decoded() -> None:
    info = struct.pack("=II", 3, 42) + bytes.fromhex("a04f5eef06a7f555") + bytes(48) + b"cil_from_netdev\0"
    assert kernel.decode_program(info) == Program(42, 3, "cil_from_netdev", "a04f5eef06a7f555")


def test_link_of_xdp_is_decoded_and_others_are_not_its_kind() -> None:
    assert kernel.decode_xdp_link(struct.pack("=IIIII", 6, 7, 42, 0, 3)) == XdpLink(7, 42, 3)
    assert kernel.decode_xdp_link(struct.pack("=IIIII", 11, 8, 42, 0, 3)) is None


def test_hooks_are_asked_interface_by_interface(boot: Callable[..., Kernel]) -> None:
    boot({(2, "tcx/ingress"): [(42, 7), (43, 0)], (2, "netkit/peer"): [(44, 8)]})
    tcx = [Attached("tcx/ingress", 42, 7), Attached("tcx/ingress", 43)]
    assert kernel.read_attached().attached == {2: [*tcx, Attached("netkit/peer", 44, 8)]}


def test_hook_that_the_kernel_does_not_have_is_asked_for_once(boot: Callable[..., Kernel]) -> None:
    hooks = {(1, hook): errno.EINVAL for hook in ("netkit/primary", "netkit/peer")}
    made = boot({**hooks, (2, "tcx/egress"): [(42, 7)]})
    assert kernel.read_attached().attached == {2: [Attached("tcx/egress", 42, 7)]}
    assert [hook for ifindex, hook in made.asked if ifindex == 2] == ["tcx/ingress", "tcx/egress"]


@pytest.mark.parametrize("number", [errno.ENODEV, errno.ENXIO, errno.EACCES])
def test_interface_that_has_no_such_hook_is_passed_over(boot: Callable[..., Kernel], number: int) -> None:
    boot({(1, "netkit/peer"): number, (2, "netkit/peer"): [(42, 7)]})
    assert kernel.read_attached().attached == {2: [Attached("netkit/peer", 42, 7)]}


def test_namespace_with_many_interfaces_is_read_in_several_visits(
    boot: Callable[..., Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    boot({(1, "tcx/egress"): [(42, 7)], (2, "tcx/egress"): [(43, 8)]})
    monkeypatch.setattr(kernel, "INTERFACES_AT_ONCE", 1)
    first = kernel.read_attached()
    assert (list(first.attached), list(first.rest)) == ([1], [2])
    second = kernel.read_attached(first.rest)
    assert (list(second.attached), list(second.rest)) == ([2], [])


def test_missing_right_is_raised(boot: Callable[..., Kernel]) -> None:
    boot({(1, "tcx/ingress"): errno.EPERM})
    with pytest.raises(PermissionError):
        kernel.read_attached()


def test_processor_whose_call_is_not_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    with pytest.raises(OSError, match="pdp11"):
        kernel.read_programs({})


def test_link_that_is_being_made_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: int, _: object) -> int:
        raise BlockingIOError(errno.EAGAIN, "not yet") if command == kernel.BPF_LINK_GET_FD_BY_ID else AssertionError

    monkeypatch.setattr(kernel, "_ids", lambda _: iter([7]))
    monkeypatch.setattr(kernel, "_bpf", refuse)
    assert kernel.read_xdp_links() == []


def test_interfaces_are_those_that_another_implementation_lists() -> None:
    assert kernel.read_ifindexes() == [ifindex for ifindex, _ in socket.if_nameindex()]
