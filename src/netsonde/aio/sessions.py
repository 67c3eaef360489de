# SPDX-License-Identifier: Apache-2.0
"""Ends everything that a child process with a session of its own has started."""

import os
import signal
from asyncio.subprocess import Process
from contextlib import suppress


def kill_session(process: Process) -> None:
    """Kill a child that was started with `start_new_session`, and all who are still in its session's first group.

    Its number stays taken as long as somebody is in the group. So if the child was waited for and there is a process
    of that number, then nobody of ours is left, and the number is somebody else's.
    """
    if process.returncode is not None and _exists(process.pid):
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
