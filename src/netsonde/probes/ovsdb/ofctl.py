# SPDX-License-Identifier: Apache-2.0
"""Asks a bridge for its rules and groups by running ovs-ofctl, whose words operators know (ADR 35).

Source: ovs-ofctl(8) at the management socket that ovs-vswitchd keeps for each bridge, `<run directory>/<bridge>.mgmt`.
Needs:  ovs-ofctl on the host, and the right to connect to that socket (root, or the group of Open vSwitch).
"""

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from netsonde.aio.sessions import reap
from netsonde.errors import SourceLost, UserError, WireError
from netsonde.probes.ovsdb.address import parse_address

PROGRAM: Final = "ovs-ofctl"
VERSIONS: Final = "OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15"
"""Offered to the bridge, which takes the latest that it may speak."""

_READ_SIZE: Final = 256 * 1024
_READ_AHEAD: Final = 1024 * 1024
"""Bytes that the program may print while what it printed before is being understood."""
_LONGEST_LINE: Final = 1024 * 1024
"""Bytes; a rule has at most some 64 KiB on the wire."""
_MOST_COMPLAINTS: Final = 4096
"""Bytes of what the program complains about that are kept."""
_GRACE: Final = 2
"""Seconds after its time at which the program ends by itself, should nobody be left to end it."""


def management_socket(address: str, bridge: str) -> Path:
    """Return the socket of a bridge of the switch whose database is at an address; UserError when it is not known."""
    kind, where = parse_address(address)
    if kind != "unix":
        raise UserError(
            f"its database is read at {address}, so nobody knows where its switch can be asked",
            hint="name the Unix socket of the database in probes.ovsdb.addresses",
        )
    if not bridge or "/" in bridge or "\0" in bridge:
        raise UserError(f"{bridge[:80]!r} is no name of a bridge")
    return Path(where).parent / f"{bridge}.mgmt"


async def ask(command: str, socket: Path, *match: str, within: float, take: Callable[[bytes], Awaitable[None]]) -> None:
    """Hand over what a command such as `dump-flows` prints: whole lines, many at a time.

    Raises UserError when the program is missing or refuses, SourceLost when it needs more than `within` seconds, and
    WireError when it prints what it never would.
    """
    process = await _start(command, socket, match, within)
    complaints = bytearray()

    async def listen() -> None:
        async for lines in _lines(process):
            await take(lines)

    try:
        async with asyncio.timeout(within) as timeout:
            await asyncio.gather(listen(), _hear(process, complaints))
            status = await process.wait()
    except TimeoutError as late:
        if not timeout.expired():
            raise
        raise SourceLost(f"ovs-ofctl did not tell all within {within:g} s") from late
    finally:
        await _end(process)
    if status:
        raise UserError(_last_words(complaints) or f"ovs-ofctl ended with {status}")


async def _start(command: str, socket: Path, match: tuple[str, ...], within: float) -> Process:
    program = shutil.which(PROGRAM)
    if program is None:
        raise UserError("ovs-ofctl is not installed on this host", hint="it comes with Open vSwitch")
    seconds = int(within) + _GRACE
    try:
        return await asyncio.create_subprocess_exec(
            *(program, f"--timeout={seconds}", "-O", VERSIONS, "--no-names", command, f"unix:{socket}", *match),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            limit=_READ_AHEAD,
        )
    except OSError as failed:
        raise UserError(f"{program} cannot be started: {failed.strerror or failed}") from failed


async def _lines(process: Process) -> AsyncIterator[bytes]:
    rest = b""
    while data := await _read(process.stdout):
        lines, _, rest = (rest + data).rpartition(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise WireError(f"ovs-ofctl printed a line of more than {_LONGEST_LINE} bytes")
        if lines:
            yield lines
    if rest:
        yield rest


async def _hear(process: Process, complaints: bytearray) -> None:
    while data := await _read(process.stderr):
        complaints += data[: _MOST_COMPLAINTS - len(complaints)]


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read(_READ_SIZE)


async def _end(process: Process) -> None:
    """Make sure that it has ended, however this ends."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await asyncio.shield(reap(process))


def _last_words(complaints: bytearray) -> str:
    """Return the last thing that the program complained about, without its own name before it."""
    said = complaints.decode(errors="replace").strip().splitlines()
    return said[-1].removeprefix("ovs-ofctl: ") if said else ""
