# SPDX-License-Identifier: Apache-2.0
"""A real LXD with a directory of its own; not among the packages of `make test`."""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docker_fixture import BUSYBOX, wait_until


class PrivateLxd:
    """The daemon as a child, and the lxc command speaking to it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "lxd"
        self.directory.mkdir()
        self._env = {**os.environ, "LXD_DIR": str(self.directory), "HOME": str(directory)}
        self._log = directory / "log"
        self._daemon = self._start()
        self("storage", "create", "pool", "dir")

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            daemon = subprocess.Popen(["lxd"], env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until((self.directory / "unix.socket").exists, daemon, self._log)
        return daemon

    def restart_daemon(self) -> None:
        """End the daemon alone, as an update does; its containers run on."""
        self._daemon.terminate()
        self._daemon.wait(20)
        (self.directory / "unix.socket").unlink(missing_ok=True)
        self._daemon = self._start()

    def __call__(self, *args: str) -> str:
        done = subprocess.run(["lxc", *args], env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"lxc {' '.join(args)}: {done.stderr}"
        return done.stdout

    def state(self, container: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("query", f"/1.0/instances/{container}/state"))
        return found

    def stop(self) -> None:
        subprocess.run(["lxd", "shutdown", "--timeout", "10"], env=self._env, check=False, capture_output=True)
        self._daemon.wait(20)
        for mount in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if (where := mount.split()[1]).startswith(str(self.directory)):
                subprocess.run(["umount", "--lazy", where], check=False, capture_output=True)


@pytest.fixture
def lxd(netns: None) -> Iterator[PrivateLxd]:
    if shutil.which("lxd") is None or shutil.which("lxc") is None or not BUSYBOX.exists():
        pytest.skip("lxd or busybox-static is not installed")
    # Its sockets lie some levels below, and their paths may have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="l") as folder:
        made = PrivateLxd(Path(folder))
        try:
            made("image", "import", str(image(Path(folder))), "--alias", "busybox")
            yield made
        finally:
            made.stop()


def image(directory: Path) -> Path:
    """Return an image whose init is busybox's, which sleeps."""
    metadata, inittab = directory / "metadata.yaml", directory / "inittab"
    metadata.write_text("architecture: x86_64\ncreation_date: 1700000000\n")
    inittab.write_text("::respawn:/bin/busybox sleep 600\n")
    archive = directory / "image.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(metadata, "metadata.yaml")
        tar.add(BUSYBOX, "rootfs/bin/busybox")
        tar.add(inittab, "rootfs/etc/inittab")
        for empty in ("dev", "proc", "sys", "tmp", "run", "var"):
            folder = tarfile.TarInfo(f"rootfs/{empty}")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        init = tarfile.TarInfo("rootfs/sbin/init")
        init.type, init.linkname = tarfile.SYMTYPE, "/bin/busybox"
        tar.addfile(init)
    return archive
