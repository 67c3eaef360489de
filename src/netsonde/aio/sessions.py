# SPDX-License-Identifier: Apache-2.0
"""Ends child processes, everything that one with a session of its own has started, and the pipes to them."""

import os
import signal
from asyncio import WriteTransport
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


async def reap(process: Process) -> None:
    """Wait for a child that was killed, or is about to end, and close the pipes to it; what they hold is lost.

    asyncio calls a process ended when its pipes are. They are not while more waits in one than its reader's limit,
    nor while anybody whom the child started holds their other ends: so ours are closed first.
    """
    # The transport's own close() would take the child's status as well, which asyncio's watcher would then miss.
    for stream in (1, 2):
        if (output := process._transport.get_pipe_transport(stream)) is not None:  # type: ignore[attr-defined]
            output.close()
    if process.stdin is not None:
        _abort(process.stdin.transport)
    await process.wait()


def _abort(pipe: WriteTransport) -> None:
    # One that is closing ends by itself, unless it has still something to write; and it must not end twice.
    if not pipe.is_closing() or pipe.get_write_buffer_size():
        pipe.abort()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
