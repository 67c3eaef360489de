# SPDX-License-Identifier: Apache-2.0
"""eBPF programs, and what is attached to interfaces, asked of the kernel.

Source: bpf(2); union bpf_attr, struct bpf_prog_info and struct bpf_link_info of linux/bpf.h. Needs CAP_SYS_ADMIN to
list programs and links, CAP_NET_ADMIN in a namespace to ask what is attached there. Its calls wait for the kernel's
RTNL lock, so they are made in threads.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator, Sequence
from itertools import count, islice, takewhile
from typing import Final, NamedTuple

from netsonde.probes.netlink_wire import text

SYS_BPF: Final = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
"""Number of bpf(2) by processor; asm/unistd.h."""
BPF_PROG_GET_NEXT_ID: Final = 11
BPF_PROG_GET_FD_BY_ID: Final = 13
BPF_OBJ_GET_INFO_BY_FD: Final = 15
BPF_PROG_QUERY: Final = 16
BPF_LINK_GET_FD_BY_ID: Final = 30
BPF_LINK_GET_NEXT_ID: Final = 31
BPF_PROG_TYPE_SCHED_CLS: Final = 3
"""What tcx and netkit run, and nothing else does."""
BPF_PROG_TYPE_XDP: Final = 6
BPF_LINK_TYPE_XDP: Final = 6

XDP: Final = "xdp"
HOOKS: Final = {"tcx/ingress": 46, "tcx/egress": 47, "netkit/primary": 54, "netkit/peer": 55}
"""Names as bpftool writes them, and enum bpf_attach_type."""
BPF_MPROG_MAX: Final = 64
"""Programs that one hook of an interface can have; kernel/bpf/mprog.c."""
INTERFACES_AT_ONCE: Final = 500
"""Interfaces that are asked in one visit of a namespace, some 10 ms: others wait for the thread that does so."""
MOST: Final = 100_000
"""Programs, and links, that are looked through."""
_UNKNOWN_HOOK: Final = (errno.EINVAL, errno.E2BIG)
_NOT_THERE: Final = (errno.ENODEV, errno.ENXIO, errno.EACCES)
"""Of one that went meanwhile, or is no netkit, or a netkit's far end, whose programs the near one has."""

_PROGRAM: Final = struct.Struct("=II8s48x16s")
_LINK: Final = struct.Struct("=IIIxxxxI")


class _Interface(ctypes.Structure):
    """struct if_nameindex of net/if.h; the last of several has the number 0."""

    _fields_ = (("ifindex", ctypes.c_uint), ("name", ctypes.c_void_p))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.if_nameindex.restype = ctypes.POINTER(_Interface)
_libc.if_freenameindex.argtypes = (ctypes.POINTER(_Interface),)
_libc.if_freenameindex.restype = None


Place = tuple[int, int]
"""An interface: inode of its namespace, ifindex."""


class Program(NamedTuple):
    """A program that is loaded."""

    id: int
    kind: int
    """enum bpf_prog_type."""
    name: str
    tag: str


class Attached(NamedTuple):
    """One program at one hook of an interface."""

    hook: str
    program: int
    link: int = 0
    """0: attached without a link, or not known."""


class Reading(NamedTuple):
    """What is attached, by ifindex, and the interfaces that are left for another visit."""

    attached: dict[int, list[Attached]]
    rest: Sequence[int] = ()


class XdpLink(NamedTuple):
    id: int
    program: int
    ifindex: int
    """In a namespace that the kernel does not tell."""


class _Id(ctypes.Structure):
    _fields_ = (("id", ctypes.c_uint32), ("next", ctypes.c_uint32), ("flags", ctypes.c_uint32))


class _Info(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_uint32), ("length", ctypes.c_uint32), ("info", ctypes.c_uint64))


class _Query(ctypes.Structure):
    _fields_ = (
        ("ifindex", ctypes.c_uint32),
        ("attach_type", ctypes.c_uint32),
        ("query_flags", ctypes.c_uint32),
        ("attach_flags", ctypes.c_uint32),
        ("programs", ctypes.c_uint64),
        ("count", ctypes.c_uint32),
        ("padding", ctypes.c_uint32),
        ("program_flags", ctypes.c_uint64),
        ("links", ctypes.c_uint64),
        ("link_flags", ctypes.c_uint64),
        ("revision", ctypes.c_uint64),
    )


class _Question:
    """The room for a query and its answer, used again and again."""

    def __init__(self) -> None:
        self._programs = (ctypes.c_uint32 * BPF_MPROG_MAX)()
        self._links = (ctypes.c_uint32 * BPF_MPROG_MAX)()
        self._query = _Query(programs=ctypes.addressof(self._programs), links=ctypes.addressof(self._links))

    def ask(self, ifindex: int, hook: str) -> list[Attached]:
        query = self._query
        query.ifindex, query.attach_type, query.count = ifindex, HOOKS[hook], BPF_MPROG_MAX
        _bpf(BPF_PROG_QUERY, query)
        return [Attached(hook, self._programs[at], self._links[at]) for at in range(min(query.count, BPF_MPROG_MAX))]


def read_programs(known: dict[int, Program]) -> dict[int, Program]:
    """Return every program by number, of those in `known` without asking again: numbers are not used twice."""
    found: dict[int, Program] = {}
    for number in islice(_ids(BPF_PROG_GET_NEXT_ID), MOST):
        info = None if number in known else _info(BPF_PROG_GET_FD_BY_ID, number, _PROGRAM.size)
        if number in known:
            found[number] = known[number]
        elif info is not None:
            found[number] = decode_program(info)
    return found


def read_xdp_links() -> list[XdpLink]:
    """Return the links that hold XDP programs."""
    numbers = islice(_ids(BPF_LINK_GET_NEXT_ID), MOST)
    infos = (_info(BPF_LINK_GET_FD_BY_ID, number, _LINK.size) for number in numbers)
    return [link for info in infos if info is not None and (link := decode_xdp_link(info)) is not None]


def read_attached(ifindexes: Sequence[int] | None = None) -> Reading:
    """Return what the hooks of interfaces in the calling thread's namespace run; None = of all.

    A hook that this kernel does not have is left out.
    """
    wanted = read_ifindexes() if ifindexes is None else ifindexes
    question, hooks = _Question(), list(HOOKS)
    found: dict[int, list[Attached]] = {}
    for ifindex in wanted[:INTERFACES_AT_ONCE]:
        for hook in tuple(hooks):
            try:
                attached = question.ask(ifindex, hook)
            except OSError as refused:
                if refused.errno in _UNKNOWN_HOOK:
                    hooks.remove(hook)
                elif refused.errno not in _NOT_THERE:
                    raise
                continue
            if attached:
                found.setdefault(ifindex, []).extend(attached)
    return Reading(found, wanted[INTERFACES_AT_ONCE:])


def read_ifindexes() -> list[int]:
    """Return the interfaces of the calling thread's namespace.

    By if_nameindex(3) as socket.if_nameindex does, which keeps the interpreter to itself meanwhile: tens of ms where
    there are thousands.
    """
    first = _libc.if_nameindex()
    if not first:
        failed = ctypes.get_errno()
        raise OSError(failed, f"interfaces cannot be listed: {os.strerror(failed)}")
    try:
        return [found.ifindex for found in takewhile(lambda found: found.ifindex, map(first.__getitem__, count()))]
    finally:
        _libc.if_freenameindex(first)


def decode_program(info: bytes) -> Program:
    """Return what struct bpf_prog_info begins with."""
    kind, number, tag, name = _PROGRAM.unpack(info)
    return Program(number, kind, text(name), tag.hex())


def decode_xdp_link(info: bytes) -> XdpLink | None:
    """Return what struct bpf_link_info begins with, None for a link of another type."""
    kind, number, program, ifindex = _LINK.unpack(info)
    return XdpLink(number, program, ifindex) if kind == BPF_LINK_TYPE_XDP else None


def _ids(command: int) -> Iterator[int]:
    """Yield the numbers of all programs, or links, in rising order."""
    asked = _Id()
    while True:
        try:
            _bpf(command, asked)
        except FileNotFoundError:
            return
        yield asked.next
        asked.id = asked.next


def _info(command: int, number: int, size: int) -> bytes | None:
    """Return the first `size` bytes of what the kernel says of a program or a link, None when it is gone.

    None too for a link that is still being made, which the kernel refuses with EAGAIN (bpf_link_by_id()).
    """
    try:
        fd = _bpf(command, _Id(id=number))
    except (FileNotFoundError, BlockingIOError):
        return None
    try:
        buffer = ctypes.create_string_buffer(size)
        _bpf(BPF_OBJ_GET_INFO_BY_FD, _Info(fd=fd, length=size, info=ctypes.addressof(buffer)))
        return buffer.raw
    finally:
        os.close(fd)


def _bpf(command: int, attributes: ctypes.Structure) -> int:
    number = SYS_BPF.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"the number of bpf(2) is not known on {platform.machine()}")
    done: int = _libc.syscall(number, command, ctypes.byref(attributes), ctypes.sizeof(attributes))
    if done < 0:
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed))
    return done
