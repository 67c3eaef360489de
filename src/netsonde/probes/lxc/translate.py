# SPDX-License-Identifier: Apache-2.0
"""From a monitor's answers to a container's metadata. Pure."""

from pathlib import PurePosixPath
from typing import Final

from netsonde.model.elements import Json, Metadata
from netsonde.probes.containers import Container, lxc_id
from netsonde.probes.lxc.command import State
from netsonde.probes.lxc.inspect import Interface, Seen

MANAGERS: Final = ("lxd", "incus")
"""Managers that keep containers of LXC in a directory of theirs: /var/lib/incus/containers."""
SHOWN: Final = frozenset({State.STARTING, State.RUNNING, State.FREEZING, State.FROZEN, State.THAWED, State.STOPPING})


def container(seen: Seen) -> Container | None:
    """Return a container that has processes, None for one that has none, or none yet."""
    if seen.pid <= 0 or seen.state not in SHOWN or not seen.name:
        return None
    facts: Metadata = {
        "ID": f"{seen.path}/{seen.name}",
        "Runtime": "lxc",
        "Status": "running" if seen.state is State.THAWED else seen.state.name.lower(),
        "InitProcessPID": seen.pid,
    }
    own: dict[str, Json] = {
        "Path": seen.path,
        "Rootfs": seen.rootfs,
        "Interfaces": [_interface(one) for one in seen.interfaces],
    }
    return Container(
        id=lxc_id(seen.owner, seen.path, seen.name),
        name=seen.name,
        manager=_manager(seen.path),
        pid=seen.pid,
        owns_namespace=not seen.joined,
        facts=facts | ({"Hostname": seen.hostname} if seen.hostname else {}),
        more={"LXC": {key: value for key, value in own.items() if value}},
    )


def _interface(one: Interface) -> Metadata:
    told: Metadata = {
        "Type": one.kind,
        "Name": one.name,
        "Link": one.link,
        "MAC": one.mac.lower(),
        "Peer": one.pair,
    }
    found: Metadata = {"Index": one.index}
    return found | {key: value for key, value in told.items() if value}


def _manager(path: str) -> str:
    parts = PurePosixPath(path).parts
    return next((manager for manager in MANAGERS if manager in parts), "lxc")
