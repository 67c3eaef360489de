# SPDX-License-Identifier: Apache-2.0
"""Real LXC containers in a directory of their own, made of busybox by LXC's own template."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_fixture import BUSYBOX


class PrivateLxc:
    """The `lxc-*` commands, with one directory."""

    def __init__(self, directory: Path) -> None:
        self.path = directory
        self.log = directory / "log"
        self._made: list[str] = []

    def __call__(self, command: str, container: str, *args: str) -> str:
        """Run `lxc-COMMAND`; container and command end without us."""
        line = [f"lxc-{command}", "-P", str(self.path), "-n", container, "-o", str(self.log), "-l", "INFO", *args]
        # A started container holds what it inherits: a pipe would be read for ever.
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=command != "start", text=True, check=False)
        assert done.returncode == 0, f"{' '.join(line)}: {self.log.read_text()[-4000:]}"
        return done.stdout or ""

    def create(self, container: str, *config: str) -> None:
        """Make a container; `config` are lines of its configuration."""
        file = self.path / f"{container}.conf"
        file.write_text("\n".join(config) + "\n")
        self._made.append(container)
        self("create", container, "-t", "busybox", "-f", str(file))

    def info(self, container: str) -> dict[str, str]:
        """Return what `lxc-info` says, by its own names."""
        lines = self("info", container).splitlines()
        return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def clean_up(self) -> None:
        for container in self._made:
            line = ["lxc-stop", "-P", str(self.path), "-n", container, "--kill"]
            subprocess.run(line, check=False, capture_output=True)


@pytest.fixture
def lxc(tmp_path: Path) -> Iterator[PrivateLxc]:
    """LXC in a new directory; skips aloud where the Debian packages are missing."""
    if shutil.which("lxc-start") is None:
        pytest.skip("lxc is not installed")
    if not BUSYBOX.exists():
        pytest.skip("busybox-static is not installed")
    made = PrivateLxc(tmp_path / "lxc")
    made.path.mkdir()
    try:
        yield made
    finally:
        made.clean_up()
