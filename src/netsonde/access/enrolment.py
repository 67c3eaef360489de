# SPDX-License-Identifier: Apache-2.0
"""Agents with certificates of their own: which hosts have enrolled, and what each gets.

The file has a line `HOST:UNIX SECONDS` each; a host that is taken out of it is off the bus within a second.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from netsonde.access.files import WatchedFile, rewritten, without
from netsonde.errors import Conflict, NotFound, UserError

_DAYS: Final = 825.0
AGENTS: Final = "netsonde agent"
"""Organizational unit of certificates of agents."""


class Enrolled(NamedTuple):
    """What an agent is given: certificates as PEM, and where the bus is."""

    certificate: str
    authority: str
    bus_url: str


class Agents:
    """The hosts whose agents have enrolled."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.file = WatchedFile(directory / "agents", _agent_of)

    def hosts(self) -> list[str]:
        return sorted(self.file.entries())

    async def enrol(self, request: bytes, host: str, bus_url: str, used: Callable[[], None]) -> Enrolled:
        """Sign for a host. `used` counts the token that allowed it, and raises when it is used up.

        Raises Conflict for a host that has enrolled: who has a token must not take the place of another host.
        """
        return await asyncio.to_thread(self._enrol, request, host, bus_url, used)

    def _enrol(self, request: bytes, host: str, bus_url: str, used: Callable[[], None]) -> Enrolled:
        # A name of the list is read without blanks around it: with them it would stand for another host there. Who
        # publishes to the history and is no host has a name that begins with @.
        if ":" in host or host.startswith(("#", "@")) or host != host.strip():
            raise UserError(
                f"{host[:80]!r} cannot be the name of a host that enrols",
                hint="no colons, no # or @ before it, no blanks around it",
            )
        # The all-in-one reads this list as well, and starts in half the time without the library for certificates.
        from netsonde.access.authority import open_authority

        authority = open_authority(self._directory)
        certificate = authority.agent(request, host, _DAYS)
        with rewritten(self.file.path) as lines:
            if len(without(lines, host)) != len(lines):
                raise Conflict(
                    f"the host {host} has enrolled already",
                    hint=f"`netsonde access agent forget {host}` on the analyzer's host, then enrol again",
                )
            used()
            lines.append(f"{host}:{int(time.time())}")
        return Enrolled(certificate.decode(), authority.pem.decode(), bus_url)


def forget_agent(directory: Path, host: str) -> None:
    """Let an agent in no more. Raises NotFound."""
    with rewritten(directory / "agents") as lines:
        kept = without(lines, host)
        if len(kept) == len(lines):
            raise NotFound(f"no agent of {host} has enrolled")
        lines[:] = kept


def subject_of(host: str) -> str:
    """Return how nats-server calls the owner of an agent's certificate (RFC 2253)."""
    escaped = "".join(f"\\{one}" if one in ',+"\\<>;=' else one for one in host)
    return f"CN={escaped},OU={AGENTS}"


def _agent_of(line: str) -> tuple[str, str]:
    host, colon, since = line.rpartition(":")
    if not colon or not host or not since.isdigit():
        raise ValueError("no HOST:TIME")
    return host, since
