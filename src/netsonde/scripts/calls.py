# SPDX-License-Identifier: Apache-2.0
"""Forbids a process the system calls with which it would make, watch or disturb other processes, or reach a network.

Threads may be made. For good, in all threads of the calling process. Sources: seccomp(2), linux/filter.h,
linux/seccomp.h, linux/audit.h; numbers of calls from asm/unistd.h. What is called so on other processors is unknown to
us: there nothing is forbidden.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator, Mapping
from typing import Final

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_ALLOW: Final = 0x7FFF_0000
_KILL: Final = 0x8000_0000
_REFUSE: Final = 0x0005_0000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in `struct seccomp_data`, whose arguments are 64 bits each, the lower half first."""
_FOREIGN: Final = 0x4000_0000
"""Calls of the x32 ABI begin here; no other processor has so many."""
_CLONE_THREAD: Final = 0x0001_0000
_SET_FILTER, _ALL_THREADS = 1, 1

_ARCHITECTURES: Final = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_REFUSED: Final[Mapping[str, Mapping[str, int]]] = {
    "x86_64": {
        "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "ptrace": 101, "process_vm_readv": 310,
        "process_vm_writev": 311, "socket": 41, "kill": 62, "tkill": 200, "rt_sigqueueinfo": 129,
        "rt_tgsigqueueinfo": 297, "pidfd_send_signal": 424, "pidfd_open": 434, "pidfd_getfd": 438, "unshare": 272,
        "setns": 308, "io_uring_setup": 425, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "add_key": 248,
        "request_key": 249, "keyctl": 250,
    },
    "aarch64": {
        "execve": 221, "execveat": 281, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
        "socket": 198, "kill": 129, "tkill": 130, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240,
        "pidfd_send_signal": 424, "pidfd_open": 434, "pidfd_getfd": 438, "unshare": 97, "setns": 268,
        "io_uring_setup": 425, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "add_key": 217,
        "request_key": 218, "keyctl": 219,
    },
}  # fmt: skip
_CLONE: Final = {"x86_64": 56, "aarch64": 220}
_CLONE3: Final = 435
_TGKILL: Final = {"x86_64": 234, "aarch64": 131}
_PRLIMIT: Final = {"x86_64": 302, "aarch64": 261}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def forbid_calls() -> bool:
    """Forbid them; rights must not be gained any more before (PR_SET_NO_NEW_PRIVS). Tells whether the kernel did."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    code = b"".join(_filter(machine, os.getpid()))
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.syscall(_SECCOMP[machine], _SET_FILTER, _ALL_THREADS, ctypes.byref(program)) == 0)


def _filter(machine: str, own: int) -> Iterator[bytes]:
    """Yield the instructions; `own` is the process that may signal itself."""
    yield from (_load(_ARCHITECTURE), _jump(_EQUAL, _ARCHITECTURES[machine], 1, 0), _give(_KILL))
    yield from (_load(_NUMBER), _jump(_AT_LEAST, _FOREIGN, 0, 1), _give(_REFUSE | errno.EPERM))
    for number in _REFUSED[machine].values():
        yield from (_jump(_EQUAL, number, 0, 1), _give(_REFUSE | errno.EPERM))
    # Its flags are in memory, which a filter cannot read: without it, glibc makes threads by clone.
    yield from (_jump(_EQUAL, _CLONE3, 0, 1), _give(_REFUSE | errno.ENOSYS))
    for number, allowed in (
        (_CLONE[machine], (_ANY_BIT, _CLONE_THREAD)),
        (_TGKILL[machine], (_EQUAL, own)),
        (_PRLIMIT[machine], (_EQUAL, 0)),
    ):
        yield from (_jump(_EQUAL, number, 0, 4), _load(_FIRST_ARGUMENT), _jump(*allowed, 1, 0))
        yield from (_give(_REFUSE | errno.EPERM), _give(_ALLOW))
    yield _give(_ALLOW)


def _load(offset: int) -> bytes:
    return _jump(_LOAD, offset, 0, 0)


def _give(action: int) -> bytes:
    return _jump(_RETURN, action, 0, 0)


def _jump(code: int, value: int, if_so: int, if_not: int) -> bytes:
    """Return one `struct sock_filter`: jumps count the instructions that are left out."""
    return struct.pack("=HBBI", code, if_so, if_not, value)
