# SPDX-License-Identifier: Apache-2.0
"""A private dockerd in directories of its own: no iptables, copied layers, an image made of busybox.

It makes bridges and veths in the network namespace of the process that starts it, keeps to containerd namespaces and
cgroups of its own, and touches no Docker of the machine.
"""

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

BUSYBOX = Path("/bin/busybox")
IMAGE = "busybox:test"
START_WITHIN = 30.0


def answers(engine: Path) -> bool:
    """Tell whether a container engine answers at a socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2.0)
        try:
            connection.connect(str(engine))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return connection.recv(12).endswith(b"200")
        except OSError:
            return False


def wait_until(true: Callable[[], bool], daemon: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait for a daemon that is being started."""
    deadline = time.monotonic() + START_WITHIN
    while not true():
        assert daemon.poll() is None, f"{daemon.args!r} ended: {log.read_text()[-2000:]}"
        assert time.monotonic() < deadline, f"{daemon.args!r} did not answer in time"
        select.select([], [], [], 0.02)


def make_archive(directory: Path) -> Path:
    """Return the file system of an image that holds busybox only, as a tar file."""
    archive = directory / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(BUSYBOX, "bin/busybox")
        for command in ("sh", "sleep", "true"):
            link = tarfile.TarInfo(f"bin/{command}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return archive


class PrivateDocker:
    """The daemon as a child, and the docker command speaking to it."""

    def __init__(self, directory: Path, containerd: Path | None = None) -> None:
        """`containerd`: socket of one that runs already; without it Docker starts its own."""
        self.directory = directory
        self._containerd = containerd
        self.socket = directory / "s"
        self.exec_root = directory / "x"
        self.netns_path = self.exec_root / "netns"
        self._name = f"nst{secrets.token_hex(4)}"
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._daemon is not None
        return self._daemon.pid

    def start(self) -> "PrivateDocker":
        """Start the daemon and wait until it answers; containers of an earlier start are still there."""
        command = ["dockerd", f"--host=unix://{self.socket}", f"--data-root={self.directory / 'd'}"]
        command += [f"--exec-root={self.exec_root}", f"--pidfile={self.directory / 'pid'}"]
        command += [
            "--storage-driver=vfs",
            "--iptables=false",
            "--ip6tables=false",
            "--bip=10.231.7.1/24",
            "--live-restore",
        ]
        command += [f"--containerd-namespace={self._name}", f"--containerd-plugins-namespace={self._name}-plugins"]
        command += [f"--cgroup-parent=/{self._name}"]
        command += [] if self._containerd is None else [f"--containerd={self._containerd}"]
        log = (self.directory / "log").open("ab")
        with log:
            self._daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: answers(self.socket), self._daemon, self.directory / "log")
        return self

    def make_image(self) -> None:
        """Import an image that holds busybox only."""
        self.docker("import", str(make_archive(self.directory)), IMAGE)

    def command(self, *args: str) -> list[str]:
        return ["docker", "--host", f"unix://{self.socket}", *args]

    def docker(self, *args: str) -> str:
        done = subprocess.run(self.command(*args), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"docker {' '.join(args)}: {done.stderr.strip()}"
        return done.stdout.strip()

    def run(self, name: str, *options: str) -> str:
        """Start a container that sleeps; return its id."""
        return self.docker("run", "--detach", "--name", name, *options, IMAGE, "/bin/sleep", "600")

    def inspect(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", name))
        return found[0]

    def remove_all(self) -> None:
        containers = self.docker("ps", "--all", "--quiet").split()
        if containers:
            self.docker("rm", "--force", *containers)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGCONT)
            self._daemon.send_signal(how)
            self._daemon.wait(20)
        self._daemon = None

    def clean_up(self) -> None:
        """End the daemon, whatever happened, and what it leaves: processes, a mount of the namespace, cgroups."""
        if self._daemon is not None and self._daemon.poll() is None:
            with contextlib.suppress(AssertionError):
                self.remove_all()
            self.stop()
        self._kill_what_is_left()
        for mount in Path("/proc/self/mounts").read_text().splitlines():
            if (where := mount.split()[1]).startswith(str(self.directory)):
                subprocess.run(["umount", where], check=False, capture_output=True)
        for cgroup in (*self._cgroups(f"{self._name}/*"), *self._cgroups(self._name)):
            with contextlib.suppress(OSError):
                os.rmdir(cgroup)

    def _kill_what_is_left(self) -> None:
        """Containers outlive a daemon that could not be started again; theirs are our cgroups, and our shims."""
        pids = {
            int(pid)
            for cgroup in self._cgroups(f"{self._name}/*")
            for pid in (cgroup / "cgroup.procs").read_text().split()
        }
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if self._name.encode() in process.read_bytes().split(b"\0"):
                    pids.add(int(process.parent.name))
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _cgroups(self, pattern: str) -> list[Path]:
        """Return cgroups in the unified hierarchy and in each of version 1."""
        root = Path("/sys/fs/cgroup")
        return [found for at in ("", "*/") for found in root.glob(f"{at}{pattern}") if found.is_dir()]


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateDocker]:
    """A running private dockerd with an image; skips aloud where the Debian packages are missing."""
    if shutil.which("dockerd") is None or shutil.which("docker") is None:
        pytest.skip("docker.io is not installed")
    if not BUSYBOX.exists():
        pytest.skip("busybox-static is not installed")
    # A Unix socket's path may have 107 bytes at most, and containerd's lie some levels below.
    daemon = PrivateDocker(tmp_path_factory.mktemp("d"))
    try:
        daemon.start().make_image()
        yield daemon
    finally:
        daemon.clean_up()
