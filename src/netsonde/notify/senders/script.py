# SPDX-License-Identifier: Apache-2.0
"""Programs of an administrator's folder: started without a shell or arguments, the message as JSON on stdin.

A program runs in a session of its own, as an unprivileged user where the analyzer is root, with limits on time,
memory, processor, files; all of its session is killed when the time is up. What it prints is logged, cut.
"""

import asyncio
import os
import stat
from asyncio import StreamWriter
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from netsonde.aio import spawn
from netsonde.aio.sessions import kill_session, reap
from netsonde.errors import UserError
from netsonde.model.notices import Notice
from netsonde.notify.settings import NotifySettings
from netsonde.observe import logger

log = logger("notify")

_PRLIMIT: Final = "/usr/bin/prlimit"
"""Of util-linux. Python would set limits between fork and exec, where it may wait for locks of other threads."""
_PRINTED: Final = 4096
_FILE_BYTES: Final = 16 * 1024 * 1024
_FILES: Final = 64


class Programs:
    """Starts programs by their absolute paths."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings

    def check(self, target: str) -> None:
        self._allowed(target)

    async def send(self, target: str, notice: Notice) -> None:
        path = self._allowed(target)
        try:
            process = await asyncio.create_subprocess_exec(
                *_limits(self._settings),
                path,
                stdin=PIPE,
                stdout=PIPE,
                stderr=STDOUT,
                cwd=path.parent,
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                start_new_session=True,
                **self._user(),
            )
        except (OSError, KeyError, LookupError) as failed:
            raise UserError(f"{path.name} cannot be started: {failed}") from failed
        printed = b""
        try:
            async with asyncio.timeout(self._settings.script_seconds):
                printed = await _talk(process, msgspec.json.encode(notice.message))
                await process.wait()
        except TimeoutError as late:
            raise UserError(f"{path.name} was stopped after {self._settings.script_seconds:g} s") from late
        finally:
            await _end(process)
        text = printed.decode(errors="replace").strip()
        log.info("a program ended", program=path.name, status=process.returncode, printed=text)
        if process.returncode:
            # It ran, and may have done half of its work: that is not repeated.
            raise UserError(f"{path.name} ended with {process.returncode}: {text[-200:]}")

    def _allowed(self, target: str) -> Path:
        """Return the real path of a program; raises UserError unless only an administrator can have put it there."""
        folder = self._settings.scripts
        if folder is None:
            raise UserError(
                "programs cannot be started here", hint='an administrator names their folder: notify.scripts = "/…"'
            )
        try:
            path, root = Path(target).resolve(strict=True), folder.resolve(strict=True)
            facts, folder_facts = path.stat(), root.stat()
        except (OSError, ValueError) as failed:
            raise UserError(f"there is no program {target[:200]}", hint=f"programs are in {folder}") from failed
        if path.parent != root:
            raise UserError(f"{target[:200]} is not in the folder of programs", hint=f"put it into {folder}")
        if not stat.S_ISREG(facts.st_mode) or not facts.st_mode & 0o111:
            raise UserError(f"{target[:200]} cannot be executed", hint="chmod +x it")
        for what, one in ((path, facts), (root, folder_facts)):
            if one.st_mode & 0o022 or one.st_uid not in (0, os.geteuid()):
                raise UserError(
                    f"{what} can be changed by others than the administrator", hint="chown root, chmod go-w"
                )
        return path

    def _user(self) -> dict[str, Any]:
        """Return the rights that a program gets."""
        name = self._settings.script_user
        if os.geteuid() != 0 or name == "root":
            return {}
        import pwd

        entry = pwd.getpwnam(name)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _limits(settings: NotifySettings) -> list[str]:
    """Return what a command line begins with: it limits itself, then becomes the program."""
    limits = {
        "as": settings.script_memory,
        "cpu": max(1, round(settings.script_seconds)),
        "fsize": _FILE_BYTES,
        "nofile": _FILES,
        "core": 0,
    }
    return [_PRLIMIT, *(f"--{name}={most}" for name, most in limits.items()), "--"]


async def _talk(process: Process, message: bytes) -> bytes:
    """Write the message, and return the beginning of what is printed; the rest is read and forgotten."""
    assert process.stdin is not None
    assert process.stdout is not None
    printed = bytearray()
    async with asyncio.TaskGroup() as group:
        # At the same time: it may print more than a pipe holds before it reads.
        spawn(group, _tell(process.stdin, message), "notify.program.stdin")
        while part := await process.stdout.read(65536):
            printed += part[: _PRINTED - len(printed)]
    return bytes(printed)


async def _tell(pipe: StreamWriter, message: bytes) -> None:
    pipe.write(message)
    with suppress(OSError):  # it may not care
        await pipe.drain()
    pipe.close()


async def _end(process: Process) -> None:
    """Kill what is left of the session, and wait for the program."""
    kill_session(process)
    await reap(process)
