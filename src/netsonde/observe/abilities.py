# SPDX-License-Identifier: Apache-2.0
"""What this process may do here, and what this kernel can: looked at, not guessed from the user's name.

Source: CapEff of /proc/self/status (proc(5), bits of linux/capability.h), and one attempt each for what a kernel may
lack or a container runtime may forbid. Nothing is left behind by the attempts.
"""

import ctypes
import errno
import os
import platform
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

CAPABILITIES: Final[Mapping[str, tuple[int, str]]] = {
    "CAP_NET_ADMIN": (12, "promiscuous taps, link events of other namespaces"),
    "CAP_NET_RAW": (13, "captures"),
    "CAP_SYS_ADMIN": (21, "entering network namespaces"),
    "CAP_SYS_NICE": (23, "the link watcher's real-time priority: without it first packets may be missed under load"),
    "CAP_SYS_PTRACE": (19, "finding the namespaces of other users' processes"),
}
"""Bit of each capability, and what needs it."""
FOR_CAPTURES: Final = ("CAP_NET_RAW", "AF_PACKET")
"""What no packet is captured without."""
_NETLINK_SOCK_DIAG: Final = 4
_SYS_BPF: Final = {"x86_64": 321, "aarch64": 280}
"""Number of bpf(2); asm/unistd.h."""


class Ability(NamedTuple):
    """One thing, and why not; `purpose` says what it is needed for."""

    name: str
    ok: bool
    reason: str
    purpose: str


def look(status: Path = Path("/proc/self/status")) -> list[Ability]:
    """Return what this process can and cannot do now."""
    return [
        *capabilities(status.read_text(encoding="ascii", errors="replace") if status.exists() else ""),
        _attempt("AF_PACKET", "captures", _packet_socket),
        _attempt("network namespaces", "topology and captures inside containers", _own_namespace),
        _attempt("sock_diag", "processes and sockets of the host", _diag_socket),
        _attempt("eBPF", "nothing yet: captures are made with packet sockets", _bpf),
    ]


def capabilities(status: str) -> list[Ability]:
    """Look at CapEff of /proc/self/status; without it none is known to be there."""
    line = next((line for line in status.splitlines() if line.startswith("CapEff:")), "CapEff: 0")
    effective = int(line.split()[1], 16)
    return [
        Ability(name, bool(effective >> bit & 1), "" if effective >> bit & 1 else "not effective", purpose)
        for name, (bit, purpose) in CAPABILITIES.items()
    ]


def hindrance(found: Sequence[Ability]) -> str:
    """Say why no packet can be captured with these abilities, "" when nothing is in the way."""
    lacking = {one.name: one for one in found if not one.ok}
    reasons = [f"it lacks {name} ({lacking[name].reason})" for name in FOR_CAPTURES if name in lacking]
    return f"this agent cannot capture packets: {reasons[0]}" if reasons else ""


def _attempt(name: str, purpose: str, work: Callable[[], None]) -> Ability:
    try:
        work()
    except OSError as refused:
        return Ability(name, False, refused.strerror or str(refused), purpose)
    return Ability(name, True, "", purpose)


def _packet_socket() -> None:
    # Protocol 0 receives nothing: packet(7).
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()


def _own_namespace() -> None:
    os.stat("/proc/self/ns/net")


def _diag_socket() -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG).close()


def _bpf() -> None:
    """Ask for a command with no attributes: a kernel that would do it calls the attributes wrong."""
    number = _SYS_BPF.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, "not known on this processor")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, 0, None, 0) < 0 and ctypes.get_errno() not in (errno.EINVAL, errno.EFAULT, errno.E2BIG):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
