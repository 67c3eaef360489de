# SPDX-License-Identifier: Apache-2.0
"""One process with an isolate, seen from ours: it runs a script, and is killed when that goes beyond its limits."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from netsonde.aio.sessions import kill_session, reap
from netsonde.errors import SourceLost, WireError
from netsonde.scripts import frames
from netsonde.scripts.host import Answer, Host
from netsonde.scripts.limits import ScriptFailed, ScriptLimits, ScriptStopped

_START: Final = 20.0
"""Seconds in which a process has to be ready; 0.3 are usual."""
_DYING: Final = 2.0
"""Seconds in which a process that is killed has to be gone."""
_OVERHEAD: Final = 4 * 1024
"""Bytes of a frame beside its text."""
_CUT: Final = 4_096
"""Characters of one line of the log."""
_PER_CHARACTER: Final = 6
"""Bytes of a character in JSON, at most."""


class Isolate:
    """One process. After an exception it is dead; after a result it can run another script."""

    def __init__(self, program: Sequence[str] = ("-m", "netsonde.scripts.isolate")) -> None:
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self._decoder = msgspec.json.Decoder(frames.FromIsolate)
        self._killed = False
        self.runs = 0
        self.is_confined = True
        """Whether the kernel keeps it from making processes and from networks."""

    async def start(self) -> None:
        """Raises SourceLost when it cannot be started."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._program,
                str(os.getpid()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                cwd="/",
                start_new_session=True,
            )
            async with asyncio.timeout(_START):
                ready = await self._hear(_OVERHEAD)
            if not isinstance(ready, frames.Ready):
                raise WireError("it says something else than that it is ready")
            self.is_confined = ready.confined
        except (OSError, TimeoutError, asyncio.IncompleteReadError, WireError) as failed:
            await self.kill()
            raise SourceLost(f"scripts cannot run: their process does not start: {failed}") from failed
        except asyncio.CancelledError:
            await self.kill()
            raise

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None and not self._killed

    async def run(self, run: frames.Run, host: Host, limits: ScriptLimits) -> msgspec.Raw:
        """Return the result as JSON. Raises ScriptFailed, or ScriptStopped, after which the process is gone."""
        self.runs += 1
        try:
            async with asyncio.timeout(limits.seconds):
                return await self._run(run, host, limits)
        except TimeoutError as late:
            await self.kill()
            raise ScriptStopped("time", f"it ran longer than {limits.seconds:g} s") from late
        except WireError as bad:
            await self.kill()
            raise ScriptStopped("result", f"it sent more than {limits.result_bytes} bytes at once") from bad
        except (asyncio.IncompleteReadError, ConnectionError) as ended:
            raise await self._autopsy(limits) from ended
        except ScriptFailed:
            raise
        except BaseException:
            # The script may still run, or wait for an answer.
            await self.kill()
            raise

    async def kill(self) -> None:
        process = self._process
        if process is None:
            return
        self._killed = True
        if process.returncode is not None and self.is_confined:
            # It has left nothing behind, since it can start nothing, and its number may be another's by now.
            await reap(process)
            return
        kill_session(process)
        # The kernel may be busy in its name, and then it does not die yet.
        with suppress(TimeoutError):
            async with asyncio.timeout(_DYING):
                await reap(process)

    async def _run(self, run: frames.Run, host: Host, limits: ScriptLimits) -> msgspec.Raw:
        await self._say(run)
        meter = _Meter(host, limits)
        most = limits.result_bytes * _PER_CHARACTER + _OVERHEAD
        while True:
            # What is in our buffer already is read without a pause: others have their turn between two frames.
            await asyncio.sleep(0)
            match await self._hear(most):
                case frames.Ask() as ask:
                    meter.count_request()
                    await self._say(await _answer(host, ask, limits))
                case frames.Log(text):
                    meter.log(text)
                case frames.Progress(fraction, text):
                    meter.progress(fraction, text)
                case frames.Done(result):
                    return _result(result, limits)
                case frames.Failed(message, line, column):
                    raise ScriptFailed(message, line=line, column=column, source=run.source)
                case frames.Stopped(reason, message):
                    raise ScriptStopped(reason, message)
                case frames.Ready():
                    raise WireError("it is ready twice")

    async def _autopsy(self, limits: ScriptLimits) -> ScriptStopped:
        """Say of what the process died."""
        assert self._process is not None
        await self.kill()
        status = self._process.returncode or 0
        if -status in (signal.SIGTRAP, signal.SIGABRT, signal.SIGILL):
            # V8 has no other way when the system gives it no memory, for buffers beside its heap among it.
            return ScriptStopped(
                "memory", f"it took more than {limits.memory_mib} MiB of memory, and its engine gave up"
            )
        if -status == signal.SIGXCPU:
            return ScriptStopped("time", "it took too much time of the processor")
        return ScriptStopped("engine", f"its engine died ({f'signal {-status}' if status < 0 else f'status {status}'})")

    async def _say(self, message: frames.ToIsolate) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(frames.encode(message))
        await self._process.stdin.drain()

    async def _hear(self, most: int) -> frames.FromIsolate:
        assert self._process is not None
        assert self._process.stdout is not None
        return await frames.receive(self._process.stdout, self._decoder, most)


class _Meter:
    """Counts what one run makes of its host."""

    def __init__(self, host: Host, limits: ScriptLimits) -> None:
        self._host = host
        self._limits = limits
        self._lines = self._bytes = self._requests = self._progress = 0

    def log(self, text: str) -> None:
        text = text[:_CUT]
        self._lines += 1
        self._bytes += len(text.encode(errors="replace"))
        if self._lines > self._limits.log_lines:
            raise ScriptStopped("log", f"it logged more than {self._limits.log_lines} lines")
        if self._bytes > self._limits.log_bytes:
            raise ScriptStopped("log", f"it logged more than {self._limits.log_bytes} bytes")
        self._host.log(text)

    def progress(self, fraction: float, text: str) -> None:
        self._progress += 1
        if self._progress > self._limits.progress:
            raise ScriptStopped("progress", f"it said how far it is more than {self._limits.progress} times")
        self._host.progress(min(max(fraction, 0.0), 1.0), text[:_CUT])

    def count_request(self) -> None:
        self._requests += 1
        if self._requests > self._limits.requests:
            raise ScriptStopped("requests", f"it made more than {self._limits.requests} requests")


async def _answer(host: Host, ask: frames.Ask, limits: ScriptLimits) -> frames.Reply:
    headers = {name.lower(): value for name, value in ask.headers.items()}
    answer: Answer = await host.request(ask.method, ask.path, ask.body, headers)
    if len(answer.body) > limits.result_bytes:
        return frames.Reply(
            413, f"the answer has {len(answer.body)} characters, more than a script may have: ask for less"
        )
    return frames.Reply(answer.status, answer.body)


def _result(text: str, limits: ScriptLimits) -> msgspec.Raw:
    result = text.encode(errors="replace")
    if len(result) > limits.result_bytes:
        raise ScriptStopped("result", f"its result has {len(result)} bytes, more than {limits.result_bytes}")
    try:
        # As a whole: half a character, or a number beyond all bounds, passes for JSON where it is only split.
        msgspec.json.decode(result)
    except (msgspec.DecodeError, RecursionError) as bad:
        raise ScriptStopped("result", f"its value cannot be read: {bad}") from bad
    return msgspec.Raw(result)
