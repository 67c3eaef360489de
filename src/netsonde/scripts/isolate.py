# SPDX-License-Identifier: Apache-2.0
"""The program of a process with one isolate after the other: reads `Run` from stdin, writes to stdout what comes of it.

Started by `process.Isolate` as `python -m netsonde.scripts.isolate PARENT-PID`. It trusts its parent, and its parent
does not trust it: a script may have broken out of V8.
"""

import os
import re
import sys
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from importlib import resources
from typing import Any, BinaryIO, Final, TypeAlias, cast

import msgspec
from py_mini_racer import JSEvalException, JSParseException, MiniRacer

from netsonde.errors import WireError
from netsonde.scripts import frames
from netsonde.scripts.calls import forbid_calls
from netsonde.scripts.confine import die_with, drop_rights, limit_growth, limit_resources
from netsonde.scripts.mailbox import Mailbox, TooLong

_ASK, _LOG, _PROGRESS, _DONE, _FAILED, _UUID = range(1, 7)
_MAILBOX: Final = 256 * 1024
_CPU_SECONDS: Final = 3600
"""Should the parent forget us."""
_FILES: Final = 16
_FRAME: Final = 64 * 1024 * 1024
_WARM_MIB: Final = 32
_ROOM: Final = 96
"""MiB beside the heap: the engine's own, code that it makes, Python."""
_NO_BUFFER: Final = "Array buffer allocation failed"
_PLACE = re.compile(r"\bscript:(\d+):(\d+)")
_UNREAD = re.compile(r"^[^\n]*?:(\d+): (?P<what>.*)$", re.MULTILINE)
_PRELUDE = resources.files("netsonde.scripts").joinpath("js/prelude.js")
_API = resources.files("netsonde.scripts").joinpath("js/client.js")


Outcome: TypeAlias = frames.Done | frames.Failed | frames.Stopped


class _Gone(Exception):
    """The parent closed its end."""


class Script:
    """One run: an isolate, a mailbox, and a thread that serves it."""

    def __init__(self, run: frames.Run, talk: "Talk | _Nobody", libraries: tuple[str, str]) -> None:
        self._run = run
        self._talk = talk
        self._libraries = libraries
        self._last: Outcome | None = None
        self._over = threading.Event()

    def result(self) -> Outcome:
        """Run the script to its end."""
        engine = MiniRacer()
        engine.set_hard_memory_limit(self._run.memory_mib * 1024 * 1024)
        try:
            if self._run.kind == "check":
                return self._read(engine)
            return self._execute(engine)
        except JSEvalException as failed:
            if engine.was_hard_memory_limit_reached():
                return frames.Stopped("memory", f"it took more than {self._run.memory_mib} MiB of memory")
            # Not the script, which is caught inside, but what it did to the ground it stands on.
            return frames.Failed(str(failed).strip().splitlines()[-1][:500])
        finally:
            engine.close()

    def _execute(self, engine: MiniRacer) -> Outcome:
        prelude, api = self._libraries
        memory = cast("memoryview", engine.eval(f"globalThis.__memory = new SharedArrayBuffer({_MAILBOX})"))
        hooks = cast("Any", engine.eval(f"var hooks = {prelude}(__memory); delete globalThis.__memory; hooks"))
        engine.eval(f"{api}(hooks); delete globalThis.hooks")
        mailbox = Mailbox(memory, self._handle, self._run.message_bytes)
        server = threading.Thread(target=self._serve, args=[mailbox], daemon=True)
        server.start()
        try:
            hooks["start"](self._run.kind, self._run.source, self._run.arguments)
            self._turn(hooks)
        finally:
            self._over.set()
            server.join()
        assert self._last is not None
        return self._placed(engine, self._last)

    def _has_ended(self) -> bool:
        return self._last is not None

    def _turn(self, hooks: Any) -> None:
        """Run timers until the script has ended."""
        while not self._has_ended():
            wait = hooks["step"]()
            if wait < 0:
                hooks["abandon"]()
            elif wait > 1:
                threading.Event().wait(min(wait, 1000) / 1000)

    def _serve(self, mailbox: Mailbox) -> None:
        try:
            mailbox.serve(self._over)
        except (TooLong, WireError):
            self._talk.say(
                frames.Stopped("result", f"it gave or asked for more than {self._run.message_bytes} bytes at once")
            )
            os._exit(1)
        except BaseException:
            # The parent is gone, or we are wrong: the script would wait for its answer for ever.
            os._exit(2)

    def _handle(self, operation: int, text: str) -> str:
        known: dict[int, Callable[[str], str]] = {
            _ASK: self._ask,
            _LOG: self._log,
            _PROGRESS: self._progress,
            _DONE: self._done,
            _FAILED: self._failed,
            _UUID: _uuid,
        }
        handler = known.get(operation)
        return "" if handler is None else handler(text)

    def _ask(self, text: str) -> str:
        method, path, body = msgspec.json.decode(text, type=tuple[str, str, str])
        self._talk.say(frames.Ask(method, path, body))
        reply = self._talk.hear()
        if not isinstance(reply, frames.Reply):
            raise _Gone
        return msgspec.json.encode([reply.status, reply.body]).decode()

    def _log(self, text: str) -> str:
        self._talk.say(frames.Log(text))
        return ""

    def _progress(self, text: str) -> str:
        fraction, about = msgspec.json.decode(text, type=tuple[float, str])
        self._talk.say(frames.Progress(fraction, about))
        return ""

    def _done(self, text: str) -> str:
        self._last = frames.Done(text)
        return ""

    def _failed(self, text: str) -> str:
        message, stack, unread = msgspec.json.decode(text, type=tuple[str, str, bool])
        if _NO_BUFFER in message:
            self._last = frames.Stopped("memory", f"it took more than {self._run.memory_mib} MiB for buffers")
            return ""
        found = _PLACE.search(stack)
        line, column = (int(found[1]), int(found[2])) if found else (0, 0)
        # What could not be read has no stack; reading it again tells where.
        self._last = frames.Failed(message, -1 if unread and not found else line, column)
        return ""

    def _placed(self, engine: MiniRacer, last: Outcome) -> Outcome:
        if isinstance(last, frames.Failed) and last.line < 0:
            unread = self._read(engine)
            return unread if isinstance(unread, frames.Failed) else frames.Failed(last.message)
        if isinstance(last, frames.Failed) and last.line == 1 and self._run.kind == "call":
            return frames.Failed(last.message, 1, last.column - 1)
        return last

    def _read(self, engine: MiniRacer) -> frames.Done | frames.Failed:
        """Read the source without running it; an expression and a function are both read as part of a function."""
        source = self._run.source
        try:
            # The braces of a script cannot close ours: then what is left would not be a function either.
            engine.eval(f"throw 0; ({source}\n)" if self._run.kind != "evaluate" else f"throw 0; {source}\n")
        except JSParseException as unread:
            found = _UNREAD.search(str(unread))
            if found is None:
                return frames.Failed(str(unread).strip()[:500])
            return frames.Failed(found["what"].strip(), int(found[1]), _caret(str(unread), int(found[1])))
        except JSEvalException:
            pass
        return frames.Done("true")


def _caret(told: str, line: int) -> int:
    """Return the column that a message of the engine points at, 0 when it does not; ours come before the first."""
    for text in told.splitlines():
        if text.strip() and not text.strip("^ \t"):
            column = text.index("^") + 1
            return max(1, column - len("throw 0; (")) if line == 1 else column
    return 0


def _uuid(text: str) -> str:
    """Return a UUID of version 1, 4, or of a name: 3 or 5."""
    version, space, name = msgspec.json.decode(text, type=tuple[int, str, str])
    try:
        of_name = {3: uuid.uuid3, 5: uuid.uuid5}.get(version)
        made = of_name(uuid.UUID(space), name) if of_name else uuid.uuid1() if version == 1 else uuid.uuid4()
    except ValueError:
        made = uuid.uuid5(uuid.NAMESPACE_OID, space + name)
    return msgspec.json.encode(str(made)).decode()


class Talk:
    """Frames to and from the parent; one thread uses it at a time."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._decoder = msgspec.json.Decoder(frames.ToIsolate)

    def hear(self) -> frames.ToIsolate | None:
        return frames.read(self._incoming, self._decoder, _FRAME)

    def say(self, message: frames.FromIsolate) -> None:
        self._outgoing.write(frames.encode(message))
        self._outgoing.flush()


class _Nobody:
    """Talks to nobody, while we try ourselves."""

    def hear(self) -> frames.ToIsolate | None:
        return frames.Reply(200, "{}")

    def say(self, message: frames.FromIsolate) -> None:
        """Forget it."""


_TRIAL = """function (name) {
  var known = [UUID(5, "", name), request("/").length];
  console.log(known);
  return new Promise(function (done) { setTimeout(function () { done(known); }, 2); });
}"""


def _warm_up(libraries: tuple[str, str]) -> None:
    """Use everything once: what is loaded late could not be read any more by who we are then."""
    for source in (_TRIAL, "1; }", "function () { return a.b; }"):
        Script(frames.Run("call", source, '["é"]', _WARM_MIB, _MAILBOX), _Nobody(), libraries).result()


def main(parent: int) -> int:
    """Serve the parent until it closes its end."""
    die_with(parent)
    talk = Talk(sys.stdin.buffer, sys.stdout.buffer)
    libraries = _PRELUDE.read_text(), _API.read_text()
    _warm_up(libraries)
    limit_resources(cpu_seconds=_CPU_SECONDS, files=_FILES)
    drop_rights()
    die_with(parent)
    talk.say(frames.Ready(confined=forbid_calls()))
    is_first = True
    while isinstance(run := talk.hear(), frames.Run):
        if is_first:
            limit_growth(2 * run.memory_mib + _ROOM)
            is_first = False
        last = Script(run, talk, libraries).result()
        talk.say(last)
        if isinstance(last, frames.Stopped):
            return 1
    return 0


if __name__ == "__main__":
    with suppress(BrokenPipeError, KeyboardInterrupt):
        main(int(sys.argv[1]))
    # Threads of the engine may be stuck in a script; nothing of ours is left to be done.
    os._exit(0)
