# SPDX-License-Identifier: Apache-2.0
"""Child processes that are started again when they die, and that never outlive their parent."""

import asyncio
import ctypes
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol

from netsonde.aio import backoff
from netsonde.errors import SourceLost
from netsonde.observe import logger

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None)
_LONG_RUN = 30.0
"""Seconds after which a child counts as having worked: its next death begins with a short delay again."""

log = logger("allinone")


class Startable(Protocol):
    """A process that can be started again and again."""

    async def start(self) -> None:
        """Raises SourceLost when it cannot be started now."""

    async def wait(self) -> int:
        """Wait until it ends; return its exit status, negative for a signal."""

    async def stop(self) -> None:
        """End it in order, by force after a while."""


class Program:
    """A command run as a child process in a session of its own, so that a terminal's Ctrl-C is its parent's."""

    def __init__(self, command: list[str], env: Mapping[str, str], *, stop_within: float) -> None:
        self._command = command
        self._env = env
        self._stop_within = stop_within
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._env,
                preexec_fn=partial(_die_with, os.getpid()),
                start_new_session=True,
            )
        except OSError as failed:
            raise SourceLost(f"cannot start {self._command[0]}: {failed}") from failed

    async def wait(self) -> int:
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._stop_within)
        except TimeoutError:
            log.error("a child had to be killed", command=self._command[-1], after=self._stop_within)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class Child:
    """Keeps one process running until it is told to stop."""

    def __init__(self, name: str, program: Startable) -> None:
        self.name = name
        self.restarts = 0
        self._program = program
        self._stopping = asyncio.Event()

    async def keep(self) -> None:
        """Run it, and again after it ended, with a back-off, until `stop`."""
        loop = asyncio.get_running_loop()
        delays = backoff(first=0.1, most=10.0)
        while not self._stopping.is_set():
            began = loop.time()
            reason = await self._life()
            if self._stopping.is_set():
                return
            if loop.time() - began > _LONG_RUN:
                delays = backoff(first=0.1, most=10.0)
            delay = next(delays)
            self.restarts += 1
            log.warning("a child is started again", child=self.name, because=reason, delay=round(delay, 2))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def stop(self) -> None:
        self._stopping.set()
        await self._program.stop()

    async def _life(self) -> str:
        try:
            await self._program.start()
        except SourceLost as lost:
            return str(lost)
        status = await self._program.wait()
        return f"killed by signal {-status}" if status < 0 else f"ended with status {status}"


def _die_with(parent: int) -> None:
    """Have the kernel end this child when its parent is gone, even by SIGKILL; runs between fork and exec."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
