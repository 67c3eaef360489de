# SPDX-License-Identifier: Apache-2.0
"""Sessions of children are ended, those of strangers are not; a child that was killed is not waited for in vain."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from types import SimpleNamespace
from typing import cast

from netsonde.aio.sessions import kill_session, reap


async def start(command: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", command), stdin=DEVNULL, stdout=PIPE, start_new_session=True
    )


async def test_what_a_child_left_behind_is_killed_after_its_end() -> None:
    ours, theirs = os.pipe()
    child = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", "sleep 100 & exit 3"), pass_fds=[theirs], start_new_session=True
    )
    os.close(theirs)
    assert await child.wait() == 3
    kill_session(child)
    async with asyncio.timeout(20):
        # The end comes when all who have the other end are gone.
        assert await asyncio.to_thread(os.read, ours, 1) == b""
    os.close(ours)


async def test_who_got_the_number_of_a_child_that_is_gone_is_left_alone() -> None:
    stranger = await start("echo started; exec sleep 100")
    assert stranger.stdout is not None
    assert await stranger.stdout.readline() == b"started\n"
    kill_session(cast("Process", SimpleNamespace(pid=stranger.pid, returncode=0)))
    # A signal that was sent before would have ended it before this one, and with another status.
    stranger.terminate()
    assert await stranger.wait() == -15


async def test_a_child_that_printed_more_than_was_read_is_gone_once_it_is_killed() -> None:
    ours, theirs = os.pipe()
    # More than asyncio reads ahead, and less than that and a pipe hold.
    child = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", "head -c 190000 /dev/zero; echo >&2; exec sleep 100"),
        stdout=PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    assert await asyncio.to_thread(os.read, ours, 1) == b"\n"
    os.close(ours)
    os.close(theirs)
    kill_session(child)
    async with asyncio.timeout(20):
        await reap(child)
    assert child.returncode == -9


async def test_a_child_is_gone_though_another_session_holds_its_pipe() -> None:
    child = await start("setsid sh -c 'echo $$; exec sleep 100' & exec sleep 100")
    assert child.stdout is not None
    runaway = int(await child.stdout.readline())
    kill_session(child)
    try:
        async with asyncio.timeout(20):
            await reap(child)
    finally:
        os.kill(runaway, signal.SIGKILL)
    assert child.returncode == -9
