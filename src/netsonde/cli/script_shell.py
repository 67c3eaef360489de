# SPDX-License-Identifier: Apache-2.0
"""The JavaScript shell: statements run one after the other in an isolate of this machine, its requests on the server.

Scripts may do what the user may do there. Unlike on the server they may run files, those of this machine.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from netsonde.aio import spawn
from netsonde.cli.output import printable, say
from netsonde.client.call import JSON, Call
from netsonde.client.errors import Denied, NoServer
from netsonde.errors import NotFound, UserError
from netsonde.scripts import frames
from netsonde.scripts.host import Answer
from netsonde.scripts.limits import ScriptFailed, ScriptLimits, ScriptStopped
from netsonde.scripts.process import Isolate

if TYPE_CHECKING:
    from netsonde.cli.client import Client

Names = Mapping[str, object]
"""Names that a script knows, each with those that may follow it after a dot."""

_SHELL = resources.files("netsonde.scripts").joinpath("js/shell.js")
_NO_LIMIT: Final = 2**40
_LIMITS: Final = ScriptLimits(
    seconds=10.0 * 365 * 86_400,
    memory_mib=512,
    log_lines=_NO_LIMIT,
    log_bytes=_NO_LIMIT,
    result_bytes=64 * 1024 * 1024,
    requests=_NO_LIMIT,
    progress=_NO_LIMIT,
)
"""It is the user's own time; what is left is what this machine can bear."""
_STATUS: Final[Mapping[type[UserError], int]] = {NotFound: 404, Denied: 403, NoServer: 503}


class Statements(Protocol):
    """Where statements come from."""

    async def next(self, names: Names) -> str | None:
        """Return the next one, None when there is none any more; `names` are for completion."""


class Given:
    """Statements that were there before: those of a file."""

    def __init__(self, *statements: str) -> None:
        self._left = list(statements)

    async def next(self, names: Names) -> str | None:
        return self._left.pop(0) if self._left else None


class ShellHost:
    """Answers the script that the shell is; `failed` counts statements that threw."""

    def __init__(self, client: "Client", statements: Statements) -> None:
        self._client = client
        self._statements = statements
        self.failed = 0
        self.is_over = False
        """There are no statements any more."""

    async def request(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        match path:
            case "shell:next":
                statement = await self._statements.next(msgspec.json.decode(body, type=dict[str, object]))
                return Answer(200, msgspec.json.encode(statement).decode())
            case "shell:value":
                print(printable(body))
                return Answer(200, "")
            case "shell:error":
                self.failed += 1
                say(f"error: {body}")
                return Answer(200, "")
            case "shell:file":
                return await asyncio.to_thread(_file, body)
            case _:
                return await asyncio.to_thread(self._send, method, path, body)

    def log(self, line: str) -> None:
        print(printable(line))

    def progress(self, fraction: float, text: str) -> None:
        say(f"{fraction:.0%} {text}")

    def _send(self, method: str, path: str, body: str) -> Answer:
        if not path.startswith("/"):
            return Answer(400, f"{path[:100]} is no path of the server: it begins with /")
        given = {"Content-Type": JSON} if body else {}
        call = Call(method, path, lambda answer: (answer.status, answer.body), body.encode() or None, given)
        try:
            status, found = self._client.api.send(call)
        except UserError as refused:
            status = next((code for kind, code in _STATUS.items() if isinstance(refused, kind)), 400)
            return Answer(status, "\nhint: ".join(filter(None, (refused.message, refused.hint))))
        return Answer(status, found.decode(errors="replace"))


async def run_shell(client: "Client", statements: Statements) -> int:
    """Run statements until there are none any more; return how many failed.

    Ctrl-C ends the one that runs, and what was defined goes with it: it may be anywhere in its own code.
    """
    host = ShellHost(client, statements)
    while not host.is_over:
        isolate = Isolate()
        await isolate.start()
        try:
            async with asyncio.TaskGroup() as group:
                running = spawn(group, _run(isolate, host), "shell")
                with _interrupting(running.cancel):
                    await asyncio.wait({running})
        finally:
            await isolate.kill()
        if running.cancelled():
            host.failed += 1
            say("stopped; what was defined is gone")
    return host.failed


async def _run(isolate: Isolate, host: ShellHost) -> None:
    run = frames.Run("call", _SHELL.read_text(encoding="utf-8"), "[]", _LIMITS.memory_mib, _LIMITS.result_bytes)
    try:
        await isolate.run(run, host, _LIMITS)
        host.is_over = True
    except (ScriptFailed, ScriptStopped) as ended:
        host.failed += 1
        say(f"error: {ended.message}; what was defined is gone")


@contextmanager
def _interrupting(stop: Callable[[], object]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _file(path: str) -> Answer:
    try:
        return Answer(200, Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as failed:
        return Answer(404, f"cannot read {path[:200]}: {getattr(failed, 'strerror', None) or failed}")
