# SPDX-License-Identifier: Apache-2.0
"""A private Podman: its API service with storage, state and events in a directory of its own, and an image of busybox.

Root's makes namespaces in /run/netns, as Podman always does, a user's has none but those of its processes. No others'
containers are seen.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docker_fixture import BUSYBOX, IMAGE, answers, make_archive, wait_until

STORAGE = """[storage]
driver = "vfs"
graphroot = "{directory}/root"
runroot = "{directory}/run"
[storage.options]
ignore_chown_errors = "{single}"
"""
CONTAINERS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
events_logfile_path = "{directory}/events"
tmp_dir = "{directory}/tmp"
[network]
network_config_dir = "{directory}/net"
"""


class PrivatePodman:
    """The service as a child, and the podman command beside it."""

    def __init__(self, directory: Path, user: int = 0) -> None:
        """`user`: uid that Podman runs as; one without ranges of further uids maps its own only."""
        self.directory = directory
        self.socket = directory / "s"
        self._as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        single = "true" if user else "false"
        (directory / "storage.conf").write_text(STORAGE.format(directory=directory, single=single))
        (directory / "containers.conf").write_text(CONTAINERS.format(directory=directory))
        self._env = {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": str(directory / "storage.conf"),
            "CONTAINERS_CONF": str(directory / "containers.conf"),
        }
        if user:
            self._env |= {"HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}
            for path in (directory, *directory.iterdir()):
                os.chown(path, user, user)
        self._service: subprocess.Popen[bytes] | None = None

    def start(self) -> "PrivatePodman":
        log = (self.directory / "log").open("ab")
        with log:
            command = [*self._as_user, "podman", "system", "service", "--time=0", f"unix://{self.socket}"]
            self._service = subprocess.Popen(
                command, env=self._env, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(lambda: answers(self.socket), self._service, self.directory / "log")
        return self

    def podman(self, *args: str) -> str:
        command = [*self._as_user, "podman", "--log-level=fatal", *args]
        done = subprocess.run(command, env=self._env, cwd=self.directory, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"podman {' '.join(args)}: {done.stderr.strip()}"
        return done.stdout.strip()

    def inspect(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.podman("inspect", name))
        return found[0]

    def clean_up(self) -> None:
        if self._service is not None and self._service.poll() is None:
            self.podman("rm", "--all", "--force", "--time=0")
            self._service.terminate()
            self._service.wait(10)
        for cgroup in Path("/sys/fs/cgroup").glob("*/libpod_parent"):
            for directory in (*cgroup.glob("*/"), cgroup):
                with contextlib.suppress(OSError):
                    directory.rmdir()  # fails, as it should, where another Podman uses it


NOBODY = 65534
"""A user of every system, whom nobody else here runs Podman for."""


@pytest.fixture
def rootless_podman() -> Iterator[PrivatePodman]:
    """A running Podman of a user without rights; skips aloud where the Debian packages are missing."""
    if any(shutil.which(program) is None for program in ("podman", "runc", "setpriv")):
        pytest.skip("podman and runc are not installed")
    if not BUSYBOX.exists():
        pytest.skip("busybox-static is not installed")
    # Not below pytest's own directory, which only root may enter.
    with tempfile.TemporaryDirectory(prefix="p") as name:
        directory = Path(name)
        archive = make_archive(directory)
        service = PrivatePodman(directory, NOBODY)
        try:
            service.start().podman("import", str(archive), IMAGE)
            yield service
        finally:
            service.clean_up()


@pytest.fixture
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePodman]:
    """A running private Podman with an image; skips aloud where the Debian package is missing."""
    if shutil.which("podman") is None or shutil.which("runc") is None:
        pytest.skip("podman and runc are not installed")
    if not BUSYBOX.exists():
        pytest.skip("busybox-static is not installed")
    service = PrivatePodman(tmp_path_factory.mktemp("p"))
    try:
        service.start().podman("import", str(make_archive(service.directory)), IMAGE)
        yield service
    finally:
        service.clean_up()
