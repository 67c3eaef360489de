# SPDX-License-Identifier: Apache-2.0
"""Ids of the nodes that probes put: the same after a restart of the agent, different on every host.

Source: /etc/machine-id (machine-id(5)), or D-Bus's copy where a system has only that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netsonde.errors import UserError
from netsonde.graph.ids import stable_id

MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
OWN_NETNS = "host"


@dataclass(frozen=True, slots=True)
class Identity:
    """Makes node ids from the machine id and what tells an object from its like on this host."""

    machine_id: str

    def host(self) -> str:
        return stable_id(self.machine_id, "host")

    def netns(self, inode: int) -> str:
        """Return the id of a namespace's node; the agent's own namespace is the host node instead."""
        return stable_id(self.machine_id, "netns", str(inode))

    def interface(self, netns: int | None, ifindex: int) -> str:
        """Return the id of an interface; None = the agent's own namespace, whose inode may differ after a boot."""
        return stable_id(self.machine_id, "interface", OWN_NETNS if netns is None else str(netns), str(ifindex))

    def container(self, container_id: str) -> str:
        """Return the id of a container, the same for each engine that knows it."""
        return stable_id(self.machine_id, "container", container_id)

    def machine(self, uuid: str) -> str:
        """Return the id of a virtual machine, whoever tells of it."""
        return stable_id(self.machine_id, "machine", uuid)

    def row(self, database: str, row: str) -> str:
        """Return the id of a node made from a database row, such as OVSDB's."""
        return stable_id(self.machine_id, database, row)


def read_machine_id(files: Sequence[Path] = MACHINE_ID_FILES) -> str:
    """Return the machine id; UserError when the machine has none."""
    for file in files:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        if text and text != "uninitialized":
            return text
    raise UserError(
        "this machine has no machine id, so its nodes would get new ids at every start",
        hint="run `systemd-machine-id-setup` as root",
    )
