# SPDX-License-Identifier: Apache-2.0
"""One namespace, several files and processes: which name it shows. Pure.

A namespace is named by the first of its files in the order of the configured directories, then of the alphabet, so the
order of discovery does not matter; without a file by its oldest process. The name of a container comes before both.
"""

import os
from dataclasses import dataclass, field

from netsonde.model.elements import Json, Metadata
from netsonde.probes.netns.processes import User


@dataclass(slots=True)
class Sighting:
    """Everything that shows one namespace."""

    inode: int
    device: int
    paths: list[str] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    """Processes that entered it."""
    preferred: str = ""
    """Name of the container that it was made for."""

    @property
    def path(self) -> str:
        if self.paths:
            return self.paths[0]
        return f"/proc/{self.users[0].pid}/ns/net" if self.users else ""

    @property
    def name(self) -> str:
        if self.preferred:
            return self.preferred
        if self.paths:
            return _printable(self.paths[0].rpartition("/")[2])
        if not self.users:
            return f"netns-{self.inode}"
        pid, process = self.users[0]
        return f"{process or 'process'}-{pid}"

    def metadata(self) -> Metadata:
        """Return the keys of its node; several names and the processes are listed beside the first."""
        shown: Metadata = {
            "Type": "netns",
            "Name": self.name,
            "Path": _printable(self.path),
            "Inode": self.inode,
            "Device": self.device,
        }
        if self.paths:
            paths: list[Json] = [_printable(path) for path in self.paths]
            names: list[Json] = [_printable(path.rpartition("/")[2]) for path in self.paths]
            shown |= {"Names": names, "Paths": paths}
        if self.users:
            shown["Processes"] = [{"Pid": pid, "Name": name} for pid, name in self.users]
        return shown


def _printable(path: str) -> str:
    """Return a file's name as a text: names are bytes, and one that is no UTF-8 could be sent to nobody."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
