# SPDX-License-Identifier: Apache-2.0
"""Being told when processes end.

Source: pidfd_open(2); a descriptor for each process that is watched.
"""

import asyncio
import os
from collections.abc import Callable


class Endings:
    """Calls back once for each watched process, on the event loop's thread."""

    def __init__(self, ended: Callable[[int], None]) -> None:
        self._ended = ended
        self._pidfds: dict[int, int] = {}

    def watch(self, pid: int) -> bool:
        """Be told when a process ends; False when it has ended already."""
        if pid in self._pidfds:
            return True
        try:
            pidfd = self._pidfds[pid] = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        asyncio.get_running_loop().add_reader(pidfd, self._tell, pid)
        return True

    def forget(self, pid: int) -> None:
        pidfd = self._pidfds.pop(pid, None)
        if pidfd is not None:
            asyncio.get_running_loop().remove_reader(pidfd)
            os.close(pidfd)

    def close(self) -> None:
        for pid in tuple(self._pidfds):
            self.forget(pid)

    def _tell(self, pid: int) -> None:
        self.forget(pid)
        self._ended(pid)
