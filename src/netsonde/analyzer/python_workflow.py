# SPDX-License-Identifier: Apache-2.0
"""The program of a process that runs one workflow in Python: reads it from stdin, writes to stdout what comes of it.

Started by `scripts.process.Isolate` as `python -m netsonde.analyzer.python_workflow PARENT-PID`. The script's client
asks the parent, which answers with the rights of the workflow's caller; it has no network of its own. Python is no
sandbox: what confines the script is that it is nobody where we were root, may write nothing, start and reach no other
process, and may take little.
"""

import asyncio
import builtins
import inspect
import os
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO, Final, NoReturn, TypeVar

import msgspec

from netsonde.client.asynchronous import AsyncClient
from netsonde.client.call import Answer, Call
from netsonde.client.errors import error_of
from netsonde.errors import UserError
from netsonde.scripts import frames
from netsonde.scripts.calls import forbid_calls
from netsonde.scripts.confine import die_with, drop_rights, leave_network, limit_growth, limit_resources

T = TypeVar("T")

_CPU_SECONDS: Final = 3600
_FILES: Final = 16
_FRAME: Final = 64 * 1024 * 1024
_USEFUL: Final = (
    "base64 collections copy csv dataclasses datetime decimal enum fractions functools hashlib heapq html io ipaddress "
    "itertools json math operator random re socket statistics string struct textwrap time typing urllib.parse uuid"
)
"""Modules that are loaded before the rights go: later they may be unreadable."""


class Talk:
    """Frames to and from the parent; one request at a time."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._decoder = msgspec.json.Decoder(frames.ToIsolate)
        self._writing = threading.Lock()
        self._turn = asyncio.Lock()

    def hear(self) -> frames.ToIsolate | None:
        return frames.read(self._incoming, self._decoder, _FRAME)

    def say(self, message: frames.FromIsolate) -> None:
        with self._writing:
            self._outgoing.write(frames.encode(message))
            self._outgoing.flush()

    async def ask(self, question: frames.Ask) -> frames.Reply:
        async with self._turn:
            self.say(question)
            reply = await asyncio.to_thread(self.hear)
        if not isinstance(reply, frames.Reply):
            os._exit(0)
        return reply


class Carrier:
    """Carries the client's calls to the parent."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    async def send(self, call: Call[T]) -> T:
        reply = await self._talk.ask(frames.Ask(call.method, call.path, _text(call), dict(call.headers)))
        if not 200 <= reply.status < 300:
            raise error_of(reply.status, "text/plain", reply.body.encode(), "the analyzer")
        return call.decode(Answer(reply.status, {}, reply.body.encode()))

    async def stream(self, call: Call[T], timeout: float | None = None) -> AsyncIterator[bytes]:
        """Yield the whole answer at once."""
        yield await self.send(call.read_by(lambda answer: answer.body))

    async def close(self) -> None:
        """Leave the parent its ends."""


class Client(AsyncClient):
    """The client of scripts: asks as their caller, and follows nothing."""

    def __init__(self, talk: Talk) -> None:
        super().__init__("http://localhost", carrier=Carrier(talk))
        self._talk = talk

    def live(self, *_: object, **__: object) -> NoReturn:
        """Subscriptions go over a network, which a workflow does not have."""
        raise UserError("a workflow cannot subscribe", hint="ask again after a while, or let a trigger call it")

    async def progress(self, fraction: float, text: str = "") -> None:
        """Tell how far it is, from 0 to 1."""
        self._talk.say(frames.Progress(float(fraction), text))


def execute(run: frames.Run, talk: Talk) -> frames.Done | frames.Failed:
    """Run a source to its end."""
    names: dict[str, Any] = {"__name__": "workflow", "__builtins__": builtins, "print": partial(_print, talk)}
    try:
        exec(compile(run.source, "workflow", "exec", dont_inherit=True), names)  # noqa: S102
        given = msgspec.json.decode(run.arguments, type=list[Any])
        found = asyncio.run(_main(names.get("main"), Client(talk), given))
        return frames.Done(msgspec.json.encode(found).decode())
    except MemoryError:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as failed:
        return frames.Failed(_told(failed), _line_of(failed))


async def _main(main: Callable[..., Any] | None, client: Client, arguments: list[Any]) -> Any:
    if not callable(main):
        raise UserError("a workflow in Python needs `async def main(client, …)`")
    found = main(client, *arguments)
    return await found if inspect.isawaitable(found) else found


def _text(call: Call[T]) -> str:
    if "pcap" in call.accept:
        raise UserError("a workflow gets no packet files", hint="`captures.packets` gives packets as objects")
    body = call.body if call.body is None or isinstance(call.body, bytes) else call.body.read()
    return (body or b"").decode()


def _print(talk: Talk, *words: object, sep: str | None = " ", end: str | None = "\n", **_: object) -> None:
    text = (" " if sep is None else sep).join(map(str, words)) + ("\n" if end is None else end)
    for line in text.splitlines():
        talk.say(frames.Log(line))


def _told(failed: BaseException) -> str:
    if isinstance(failed, UserError):
        return failed.explain().removeprefix("error: ")
    return f"{type(failed).__name__}: {failed}"


def _line_of(failed: BaseException) -> int:
    lines = [frame.lineno for frame in traceback.extract_tb(failed.__traceback__) if frame.filename == "workflow"]
    return (lines[-1] or 0) if lines else getattr(failed, "lineno", None) or 0


def main(parent: int) -> None:
    """Run what the parent sends, once."""
    die_with(parent)
    talk = Talk(sys.stdin.buffer, sys.stdout.buffer)
    for name in _USEFUL.split():
        __import__(name)
    asyncio.run(asyncio.to_thread(int))
    limit_resources(cpu_seconds=_CPU_SECONDS, files=_FILES)
    leave_network()
    drop_rights()
    die_with(parent)
    talk.say(frames.Ready(confined=forbid_calls()))
    run = talk.hear()
    if isinstance(run, frames.Run):
        limit_growth(run.memory_mib)
        try:
            last: frames.FromIsolate = execute(run, talk)
        except MemoryError:
            last = frames.Stopped("memory", f"it took more than {run.memory_mib} MiB of memory")
        talk.say(last)


if __name__ == "__main__":
    with suppress(BrokenPipeError, KeyboardInterrupt):
        main(int(sys.argv[1]))
    # The script may have left threads behind.
    os._exit(0)
