# SPDX-License-Identifier: Apache-2.0
"""Takes away what a process that runs foreign code does not need. Called in that process, for good.

Sources: prctl(2), setrlimit(2), credentials(7).
"""

import ctypes
import os
import resource
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNET = 0x4000_0000  # linux/sched.h
_NOBODY = 65534
_STRANGERS = 0x7000_0000
"""User ids from here on belong to nobody: above what systemd gives to containers (UIDS-GIDS.md), below 2**31."""
_THREADS = 32
_LIBC = ctypes.CDLL(None, use_errno=True)
_MIB = 1024 * 1024
_POLITE = 10
"""Steps of nice(2): beside a busy analyzer a script waits, not the other way round."""


def die_with(parent: int) -> None:
    """Be killed when the parent is gone, even by SIGKILL. A change of user forgets it."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def drop_rights() -> None:
    """Never gain a right again; where we were root, be a user that nothing belongs to and no other process has."""
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.geteuid() != 0:
        return
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    stranger = _STRANGERS + os.getpid()
    try:
        os.setresuid(stranger, stranger, stranger)
    except OSError:  # a user namespace that knows fewer users
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    else:
        # The limit counts all processes of a user, hence not before.
        resource.setrlimit(resource.RLIMIT_NPROC, (_THREADS, _THREADS))


def leave_network() -> None:
    """Go into an empty network namespace where we are root; for who is not, `calls` refuses sockets."""
    if os.geteuid() == 0:
        _LIBC.unshare(_CLONE_NEWNET)


def limit_resources(*, cpu_seconds: int, files: int) -> None:
    """Limit time of the processor, open files, and what could be left behind: no file, no core."""
    os.nice(_POLITE)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(what, (0, 0))


def limit_growth(mib: int) -> None:
    """Limit how much private memory may come to what there is now.

    Address space (RLIMIT_AS) says nothing here: V8 reserves a terabyte of it, and uses what it needs.
    """
    used_kib = next(
        int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData")
    )
    most = used_kib * 1024 + mib * _MIB
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
