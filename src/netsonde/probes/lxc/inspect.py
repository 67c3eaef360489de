# SPDX-License-Identifier: Apache-2.0
"""What a container's monitor says of it, and whether it may be believed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netsonde.errors import WireError
from netsonde.probes.claims import may_claim
from netsonde.probes.lxc.command import Monitor, State, owner

MOST_INTERFACES: Final = 16
"""Indexes of `lxc.net.N` that are asked for; they may have gaps."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One `lxc.net.N` of the configuration; what is not set is ""."""

    index: int
    kind: str
    name: str = ""
    """Inside."""
    link: str = ""
    mac: str = ""
    pair: str = ""
    """Of a veth the end outside."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One container at one moment."""

    name: str
    path: str
    owner: int
    """Uid of its monitor: two users may say that a container of theirs has the same path."""
    state: State
    pid: int
    """Its first process; 0 when there is none."""
    hostname: str = ""
    rootfs: str = ""
    joined: str = ""
    """Container or pid whose network namespace it shares."""
    interfaces: tuple[Interface, ...] = ()


async def inspect(address: str, proc: Path = Path("/proc")) -> Seen:
    """Ask for everything; WireError also when the monitor claims a process that is not its own."""
    asked, uid = Monitor(address), await owner(address)
    state, pid = await asked.state(), await asked.init_pid()
    if pid and not may_claim(uid, pid, proc):
        raise WireError(f"{address}: user {uid} claims process {pid}, which is not theirs")
    return Seen(
        name=await asked.name(),
        path=await asked.path(),
        owner=uid,
        state=state,
        pid=pid,
        hostname=await asked.setting("lxc.uts.name"),
        rootfs=await asked.setting("lxc.rootfs.path"),
        joined=await asked.setting("lxc.namespace.share.net"),
        interfaces=await _interfaces(asked),
    )


async def _interfaces(asked: Monitor) -> tuple[Interface, ...]:
    """Ask for the interfaces; `lxc.net` tells how many there are, a line for each."""
    wanted = len((await asked.setting("lxc.net")).split())
    found: list[Interface] = []
    for index in range(MOST_INTERFACES):
        if len(found) >= wanted:
            break
        at = f"lxc.net.{index}"
        if kind := await asked.setting(f"{at}.type"):
            found.append(
                Interface(
                    index=index,
                    kind=kind,
                    name=await asked.setting(f"{at}.name"),
                    link=await asked.setting(f"{at}.link"),
                    mac=await asked.setting(f"{at}.hwaddr"),
                    pair=await asked.setting(f"{at}.veth.pair") if kind == "veth" else "",
                )
            )
    return tuple(found)
