# SPDX-License-Identifier: Apache-2.0
"""Containers of a real Docker, and deaths of its daemon."""

import os
import random
import signal

from docker_fixture import IMAGE, PrivateDocker
from topology_churn.compare import RENAMED

MOST = 4
"""Containers at most."""


class Engine:
    """A private dockerd and the containers that it was told to make; each change says whether it was one."""

    def __init__(self, docker: PrivateDocker, chance: random.Random) -> None:
        self._docker = docker
        self._random = chance
        self._number = 0
        self._containers: dict[str, bool] = {}
        """By name: whether it is paused."""
        self._guests: set[str] = set()
        """Names of those that are in the namespace of another one."""
        self._ended: list[str] = []
        """Names of those that ended by themselves, which the daemon still lists."""

    def make(self) -> bool:
        """Start a container on the bridge, or in the namespace of another one."""
        if len(self._containers) >= MOST:
            return self.end()
        name, network = f"d{self._next()}", []
        # Nobody can join who has joined somebody.
        makers = [one for one, paused in self._containers.items() if not paused and one not in self._guests]
        if makers and self._random.random() < 0.3:
            network = ["--network", f"container:{self._random.choice(makers)}"]
            self._guests.add(name)
        self._docker.docker("run", "--detach", "--name", name, *network, IMAGE, "/bin/sleep", "600")
        self._containers[name] = False
        return True

    def end(self) -> bool:
        if self._ended:
            self._docker.docker("rm", "--force", self._ended.pop())
            return True
        if not self._containers:
            return False
        name = self._random.choice(list(self._containers))
        if self._containers.pop(name):
            self._docker.docker("unpause", name)
        self._docker.docker("rm", "--force", name)
        return True

    def pause(self) -> bool:
        """Pause a container, or let it go on."""
        if not self._containers:
            return False
        name = self._random.choice(list(self._containers))
        self._docker.docker("unpause" if self._containers[name] else "pause", name)
        self._containers[name] = not self._containers[name]
        return True

    def rename(self) -> bool:
        if not self._containers:
            return False
        name = self._random.choice(list(self._containers))
        new = f"{RENAMED}d{self._next()}"
        self._docker.docker("rename", name, new)
        self._containers[new] = self._containers.pop(name)
        if name in self._guests:
            self._guests.add(new)
        return True

    def die(self) -> bool:
        """Kill the daemon, and while it is away the process of a container, of which it tells nobody."""
        running = [name for name, paused in self._containers.items() if not paused]
        victim = self._random.choice(running) if running else ""
        pid = self._docker.inspect(victim)["State"]["Pid"] if victim else 0
        self._docker.stop(signal.SIGKILL)
        if victim:
            os.kill(pid, signal.SIGKILL)
            self._containers.pop(victim)
            self._ended.append(victim)
        return True

    def come_back(self) -> None:
        self._docker.start()

    def clear(self) -> None:
        """End all containers."""
        while self._containers or self._ended:
            self.end()

    def _next(self) -> int:
        self._number += 1
        return self._number
